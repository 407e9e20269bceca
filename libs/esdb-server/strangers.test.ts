import { once } from 'node:events';
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Client, credentials } from '@grpc/grpc-js';
import { ErrorType, jsonEvent } from '@eventstore/db-client';
import { openOwnCertificate } from './own-certificate.js';
import { all, anEvent, byType, readByHand, Serving } from './serving-contract.js';

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

it.each(['Append', 'BatchAppend'])(
  'a connection reset in the middle of %s leaves its place to others',
  async (name) => {
    await start({ limits: { calls: 1 } });
    await serving.store.append('consent-1', [anEvent()], 'none');
    const read = () => all(readByHand(channel, byType('Consent'), { backwards: false, count: 9 }));
    const isLetIn = () =>
      read().then(
        () => true,
        () => false,
      );
    const socket = connectSocket(serving.server.port, '127.0.0.1');
    const session = connect(`http://${serving.address}`, { createConnection: () => socket });
    session.on('error', () => undefined);
    const headers = { ':method': 'POST', ':path': `${STREAMS}/${name}`, 'content-type': 'application/grpc' };
    session.request(headers).on('error', () => undefined);
    while (await isLetIn());
    socket.resetAndDestroy();
    while (!(await isLetIn()));
    expect(await read()).toEqual([1]);
  },
);

describe('a stranger', () => {
  let session: ClientHttp2Session;

  async function come(options: Parameters<Serving['start']>[0]): Promise<void> {
    await start({ writable: false, ...options });
    session = connect(`http://${serving.address}`);
    session.on('error', () => undefined);
    await once(session, 'remoteSettings');
  }

  /** The first bytes of a message of so many. */
  function halfARequest(bytes = 100): ClientHttp2Stream {
    const request = session.request({
      ':method': 'POST',
      ':path': `${STREAMS}/Read`,
      'content-type': 'application/grpc',
    });
    const start = Buffer.alloc(10);
    start.writeUInt32BE(bytes, 1);
    request.on('error', () => undefined);
    request.write(start);
    return request;
  }

  async function statusOf(request: ClientHttp2Stream): Promise<number> {
    const [headers] = (await once(request, 'response')) as [Record<string, string>];
    return Number(headers['grpc-status']);
  }

  afterEach(() => {
    session.destroy();
  });

  it('may have a number of calls on one connection', async () => {
    await come({});
    expect(session.remoteSettings.maxConcurrentStreams).toBe(100);
  });

  it('may send requests of 16 KiB where the server is for reading only', async () => {
    await come({});
    expect(await statusOf(halfARequest(16 * 1024 + 1))).toBe(8);
  });

  it('may half send a number of requests, and for a while', async () => {
    await come({ limits: { arriving: 2, arrivalMs: 100 } });
    const [first, second, third] = [halfARequest(), halfARequest(), halfARequest()];
    expect(await statusOf(third)).toBe(8);
    expect(await Promise.all([statusOf(first), statusOf(second)])).toEqual([4, 4]);
    expect(await statusOf(halfARequest())).toBe(4);
  });

  it('who breaks off leaves room for those who come', async () => {
    await come({ limits: { arriving: 1 } });
    const half = halfARequest();
    while ((await statusOf(halfARequest())) !== 8);
    half.close(8);
    await serving.store.append('consent-1', [anEvent()], 'none');
    const read = () => all(readByHand(channel, byType('Consent'), { backwards: false, count: 9 }));
    let events: unknown[] = [];
    while (events.length === 0) events = await read().catch(() => []);
    expect(events).toEqual([1]);
    expect(await read()).toEqual([1]);
  });

  it('may have a number of connections with others, and leaves room', async () => {
    await come({ limits: { connections: 1 } });
    const further = connectSocket(serving.server.port, '127.0.0.1').resume();
    await once(further, 'close');
    expect(session.destroyed).toBe(false);
    session.destroy();
    for (let isIn = false; !isIn;) {
      session = connect(`http://${serving.address}`);
      session.on('error', () => undefined);
      const closed = once(session, 'close').then(() => false);
      isIn = await Promise.race([once(session, 'remoteSettings').then(() => true), closed]);
    }
  });

  it('may have a connection without a call for a while', async () => {
    await come({ limits: { idleMs: 50 } });
    await once(session, 'close');
    expect(session.destroyed).toBe(true);
  });
});

it('closes a connection that does not agree on its encryption', async () => {
  const tls = await openOwnCertificate({ dataDir: serving.dataDir, now: new Date() });
  await start({ writable: false, tls, limits: { handshakeMs: 50 } });
  const silent = connectSocket(serving.server.port, '127.0.0.1');
  silent.on('error', () => undefined).resume();
  await once(silent, 'close');
  expect(silent.bytesRead).toBe(0);
});
