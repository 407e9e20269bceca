import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client, credentials } from '@grpc/grpc-js';
import { ErrorType, jsonEvent } from '@eventstore/db-client';
import { Serving } from './serving-contract.js';

const STREAMS = '/event_store.client.streams.Streams';
const asIs = (bytes: Buffer) => bytes;

let serving: Serving;
let channel: Client;

beforeEach(() => {
  serving = new Serving();
});

afterEach(async () => {
  channel.close();
  await serving.remove();
});

async function start(options: Parameters<Serving['start']>[0]): Promise<void> {
  await serving.start(options);
  channel = new Client(serving.address, credentials.createInsecure());
}

describe('an append, of which the client sends one part after the other', () => {
  it('is refused before its first part where the server is for reading only', async () => {
    await start({ writable: false });
    const refused = await new Promise((resolve) => {
      channel.makeClientStreamRequest(`${STREAMS}/Append`, asIs, asIs, (error) => resolve(error));
    });
    expect(refused).toMatchObject({ code: 7 });
    const batches = channel.makeBidiStreamRequest(`${STREAMS}/BatchAppend`, asIs, asIs);
    batches.resume();
    expect(await once(batches, 'error')).toMatchObject([{ code: 7 }]);
  });

  it.each([
    ['Append', { credentials: { username: 'anybody', password: 'any' } }],
    ['BatchAppend', {}],
  ])('is too large, by %s, where its events are nothing but many', async (_, options) => {
    await start({ limits: { appendBytes: 10_000 } });
    const events = Array.from({ length: 100 }, () => jsonEvent({ type: 'T', data: {} }));
    const append = serving.client().appendToStream('consent-1', events, options);
    await expect(append).rejects.toMatchObject({ type: ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED });
    expect(await serving.store.readStream('consent-1', { limit: 1 })).toEqual([]);
  });

  it('is too large where its types are long', async () => {
    await start({ limits: { appendBytes: 10_000 } });
    const events = Array.from({ length: 4 }, () => jsonEvent({ type: 'T'.repeat(3_000), data: {} }));
    const append = serving.client().appendToStream('consent-1', events);
    await expect(append).rejects.toMatchObject({ type: ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED });
  });
});
