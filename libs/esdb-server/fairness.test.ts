import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client, credentials } from '@grpc/grpc-js';
import type { EventStore } from '#event-store';
import { all, anEvent, byStream, byStreamRegex, byType, readByHand, Serving, type Filter } from './serving-contract.js';
import { serveEventStore, type EventStoreServer } from './server.js';

/** Pages enough that a reading is under way for many turns of the event loop. */
const EVENTS = 10_000;
const EVERYTHING = { backwards: false, count: 1_000_000 };

const serving = new Serving();
let server: EventStoreServer;
let channel: Client;
/** Pages that the server has read, and what happens when one is. */
let looks = 0;
let onLook: () => void = () => undefined;

beforeAll(async () => {
  await serving.start();
  const store: EventStore = Object.create(serving.store, {
    readAll: {
      value: (options: Parameters<EventStore['readAll']>[0]) => {
        looks += 1;
        onLook();
        return serving.store.readAll(options);
      },
    },
  }) as EventStore;
  for (let n = 0; n < EVENTS; n += 500) {
    const events = Array.from({ length: 500 }, () => anEvent());
    await serving.store.append(`consent-${'a'.repeat(24)}${n}`, events, 'none');
  }
  server = await serveEventStore({
    store,
    listen: { host: '127.0.0.1', port: 0 },
    writable: false,
    limits: { calls: 1 },
  });
  channel = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
});

afterAll(async () => {
  channel.close();
  await server.close();
  await serving.remove();
});

/** The one place for a call is free again. */
async function whenLetIn(): Promise<void> {
  const small = () => all(readByHand(channel, byType('Consent'), { backwards: false, count: 1 }));
  while (
    !(await small().then(
      () => true,
      () => false,
    ))
  );
}

it('reads no further for a client that has gone, where a filter matches nothing', async () => {
  const call = readByHand(channel, byType('Nothing'), EVERYTHING);
  const ended = once(call, 'error').catch((error: unknown) => [error]);
  looks = 0;
  onLook = () => {
    if (looks === 3) call.cancel();
  };
  await ended;
  onLook = () => undefined;
  await whenLetIn();
  expect(looks).toBeGreaterThanOrEqual(3);
  expect(looks).toBeLessThan(EVENTS / 32 / 2);
});

const names = (count: number) => Array.from({ length: count }, (_, n) => `nothing-${n}`);
const picked = (filter: Filter) =>
  all(readByHand(channel, filter, { backwards: false, count: 3 }) as AsyncIterable<number>);

it.each([['streams', byStream, 'consent-'] as const, ['types', byType, 'Consent'] as const])(
  'takes a hundred prefixes of %s and no more',
  async (_, by, prefix) => {
    expect(await picked(by(...names(99), prefix))).toEqual([1, 2, 3]);
    await whenLetIn();
    await expect(picked(by(...names(100), prefix))).rejects.toMatchObject({ code: 3 });
    await whenLetIn();
  },
);

it('looks through few events at once for many prefixes', async () => {
  looks = 0;
  expect(await picked(byStream(...names(9)))).toEqual([]);
  expect(looks).toBeGreaterThan(EVENTS / 32);
  await whenLetIn();
});

it.each([['^consent-(a+)+[A-Z]$'], ['^consent-(a|aa)+[A-Z]$'], ['(?:(?:(?:a{1,30}){1,30}){1,30}){1,30}Z']])(
  'lets %s take little time altogether, and not a little at every page',
  async (regex) => {
    looks = 0;
    await expect(picked(byStreamRegex(regex))).rejects.toMatchObject({ code: 3 });
    expect(looks).toBeLessThan(EVENTS / 32 / 2);
    await whenLetIn();
  },
);

it('lets a slower expression that is harmless look through the whole ledger', async () => {
  expect(await picked(byStreamRegex('(nothing|never)$'))).toEqual([]);
  await whenLetIn();
});
