import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EventStoreDBClient, jsonEvent, NO_STREAM, START } from '@eventstore/db-client';
import { EventStoreProcess } from '../server-process.js';

let server: EventStoreProcess;
let clients: EventStoreDBClient[];

beforeEach(async () => {
  server = await EventStoreProcess.launch();
  clients = [];
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.dispose()));
  await server.remove();
});

function connect(): EventStoreDBClient {
  const client = EventStoreDBClient.connectionString(server.url);
  clients.push(client);
  return client;
}

const anEvent = (id = randomUUID()) => jsonEvent({ id, type: 'ConsentGranted', data: { a: 1 } });

async function idsIn(client: EventStoreDBClient): Promise<string[]> {
  const ids: string[] = [];
  for await (const { event } of client.readAll()) if (event) ids.push(event.id);
  return ids;
}

describe('npm run eventstore', () => {
  it('has after kill -9 every event that it has acknowledged, once', async () => {
    const acknowledged: string[] = [];
    const client = connect();
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; ; n += 1) {
        const event = anEvent();
        await client.appendToStream(`consent-${writer}-${n}`, event, { expectedRevision: NO_STREAM });
        acknowledged.push(event.id);
        if (acknowledged.length === 500) void server.stop('SIGKILL');
      }
    });
    const ended = await Promise.allSettled(writers);
    expect(ended.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 'rejected'));
    await server.stop('SIGKILL');
    await server.start();
    const ids = await idsIn(connect());
    expect(new Set(ids).size).toBe(ids.length);
    const known = new Set(ids);
    expect(acknowledged.filter((id) => !known.has(id))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThanOrEqual(500);
  });

  it('takes 64 appends at a time and hands each to a live subscriber, in order', async () => {
    const client = connect();
    const subscription = connect().subscribeToAll({ fromPosition: START });
    const positions: number[] = [];
    subscription.on('data', ({ event }: { event?: { position: { commit: bigint } } }) =>
      positions.push(Number(event?.position.commit)),
    );
    await once(subscription, 'caughtUp');
    for (let round = 0; round < 8; round += 1) {
      const streams = Array.from({ length: 64 }, (_, n) => `consent-${round}-${n}`);
      await Promise.all(
        streams.map((stream) => client.appendToStream(stream, anEvent(), { expectedRevision: NO_STREAM })),
      );
    }
    while (positions.length < 512) await once(subscription, 'data');
    expect(positions).toEqual(Array.from({ length: 512 }, (_, n) => n + 1));
    await subscription.unsubscribe();
  });

  it('stops when it is told to, and says nothing on the way', async () => {
    const client = connect();
    await client.appendToStream('consent-1', anEvent());
    await server.stop('SIGTERM');
    expect(server.stderr).toBe('');
    await server.start();
    expect(await idsIn(connect())).toHaveLength(1);
  });
});
