import { randomUUID } from 'node:crypto';
import { EventStoreDBClient } from '@eventstore/db-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  EventTooLarge,
  StoreOverloaded,
  StoreUnavailable,
  hasReached,
  openEventStoreDb,
  startLedger,
  type EventStoreDb,
  type EventStoreDbOptions,
  type EventStoreDbReport,
} from '#event-store';
import { until } from '../faults/until.js';
import { TcpProxy } from './proxy.js';
import { EventStoreProcess } from './server-process.js';
import { newEvent } from './writers.js';

const MEBIBYTE = 1024 * 1024;

let server: EventStoreProcess;
const opened: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  server = await EventStoreProcess.launch();
});
afterAll(() => server.remove());
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function open(options: Partial<EventStoreDbOptions> = {}): Promise<EventStoreDb> {
  const store = await openEventStoreDb({ url: server.url, ...options });
  opened.push(store);
  return store;
}

/** An official client of EventStoreDB, for what a ledger never does. */
function operator(): EventStoreDBClient {
  const client = EventStoreDBClient.connectionString(server.url);
  opened.push({ close: () => client.dispose() });
  return client;
}

const stream = () => `consent-${randomUUID()}`;
const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(() => undefined).catch((error: unknown) => error);

describe('which ledger it is', () => {
  it('is the same for every process, and begun once by many at once', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, () => open()));
    expect(new Set(stores.map(({ ledgerId }) => ledgerId)).size).toBe(1);
    expect(stores[0]?.ledgerId).toMatch(/^[A-Za-z0-9_-]{16}$/);
  });

  it('is kept beside what operators have written there', async () => {
    const { ledgerId } = await open();
    const client = operator();
    const known = await client.getStreamMetadata('system-ledger');
    await client.setStreamMetadata('system-ledger', { ...known.metadata, owner: 'us' });
    expect((await open()).ledgerId).toBe(ledgerId);
    const { consentLedgerId: _removed, ...rest } = { ...known.metadata, owner: 'us' } as Record<string, unknown>;
    await client.setStreamMetadata('system-ledger', rest);
    const begunAnew = await open();
    const { metadata } = await client.getStreamMetadata<{ owner: string; consentLedgerId: string }>('system-ledger');
    expect(metadata).toEqual({ owner: 'us', consentLedgerId: begunAnew.ledgerId });
  });
});

describe('a stream that was tombstoned behind our back', () => {
  it('is said to be, at once, and harms no other', async () => {
    const store = await open();
    const [gone, other] = [stream(), stream()];
    await store.append(gone, [newEvent()], 'none');
    await operator().tombstoneStream(gone);
    for (const expected of ['0', 'any', 'none']) {
      const refused = await errorOf(store.append(gone, [newEvent()], expected));
      expect(refused).toBeInstanceOf(StoreUnavailable);
      expect(String(refused)).toMatch(/deleted for good/);
      expect(String(refused)).not.toContain(gone);
    }
    await expect(store.readStream(gone, { limit: 1 })).rejects.toThrow(/deleted for good/);
    await expect(store.append(other, [newEvent()], 'none')).resolves.toMatchObject({ revision: '0' });
    expect(store.status()).toMatchObject({ writable: true });
  });
});

describe('the beginning of the ledger, where somebody has deleted it', () => {
  it('is not begun again with other secrets, however often it is tried', async () => {
    const store = await open();
    const now = new Date('2026-03-01T10:00:00.000Z');
    const ours = { PEPPER: 'p1' };
    const begun = await startLedger(store, { fingerprints: ours, now });
    const client = operator();
    const { metadata } = await client.getStreamMetadata('system-ledger');
    await client.deleteStream('system-ledger');
    for (const fingerprints of [{ PEPPER: 'p2' }, { PEPPER: 'p2' }, ours]) {
      const refused = await errorOf(startLedger(store, { fingerprints, now }));
      expect(refused).toBeInstanceOf(StoreUnavailable);
      expect(String(refused)).toMatch(/was deleted in EventStoreDB: take \$tb out/);
    }
    await client.setStreamMetadata('system-ledger', { ...metadata });
    expect(await startLedger(store, { fingerprints: ours, now })).toEqual(begun);
  });
});

describe('events that are large', () => {
  it('of 20 MiB are refused before they are sent', async () => {
    const store = await open();
    const large = newEvent('ConsentGranted', Buffer.alloc(20 * MEBIBYTE, 0x61));
    await expect(store.append(stream(), [large], 'none')).rejects.toThrow(EventTooLarge);
    expect(store.status()).toMatchObject({ writable: true });
  });

  it('are refused by the server where it takes less than we do, and leave the others alone', async () => {
    const store = await open({ maxAppendBytes: 7 * MEBIBYTE });
    const large = newEvent('ConsentGranted', Buffer.alloc(7 * MEBIBYTE, 0x61));
    const others = Array.from({ length: 20 }, () => store.append(stream(), [newEvent()], 'none'));
    const refused = await errorOf(store.append(stream(), [large], 'none'));
    expect(refused).toMatchObject({ code: 'EVENT_TOO_LARGE', limitBytes: MEBIBYTE });
    expect(await Promise.all(others)).toHaveLength(20);
    await expect(open({ maxAppendBytes: 8 * MEBIBYTE })).rejects.toThrow(RangeError);
  });

  it('end a page early, so that it is never much larger than eight of them', async () => {
    const store = await open();
    const from = await store.head();
    const name = stream();
    const large = () => newEvent('ConsentGranted', Buffer.alloc(MEBIBYTE, 0x61));
    for (let n = 0; n < 12; n += 1) await store.append(name, [large()], 'any');
    const page = await store.readAll({ from, limit: 500 });
    expect([page.events.length, page.atEnd]).toEqual([8, false]);
    const rest = await store.readAll({ from: page.position, limit: 500 });
    expect([rest.events.length, rest.atEnd]).toEqual([4, true]);
  });
});

describe('repeats', () => {
  it('are told as such by a process that knows nothing of the first time', async () => {
    const name = stream();
    const event = newEvent();
    const first = await (await open()).append(name, [event], 'none');
    const other = await open();
    await other.append(name, [newEvent()], '0');
    for (const expected of ['none', 'any', '0', '9']) {
      const repeated = await other.append(name, [event], expected);
      expect(repeated).toEqual({ ...first, replayed: true });
    }
  });

  it('of one append at the same time are written once', async () => {
    const stores = await Promise.all([open(), open(), open()]);
    const name = stream();
    const events = [newEvent(), newEvent()];
    const answers = await Promise.all(stores.map((store) => store.append(name, events, 'none')));
    expect(new Set(answers.map(({ position }) => position)).size).toBe(1);
    expect(await stores[0]?.readStream(name, { limit: 10 })).toHaveLength(2);
  });
});

describe('overload', () => {
  it('turns ordinary appends away, and never a revocation', async () => {
    const proxy = await TcpProxy.before(server);
    opened.push(proxy);
    const store = await open({ url: proxy.url, maxInFlight: 4, maxQueued: 10 });
    proxy.set({ kind: 'delay', ms: 500 });
    const ordinary = Array.from({ length: 20 }, () => errorOf(store.append(stream(), [newEvent()], 'none')));
    const stops = Array.from({ length: 30 }, () =>
      store.append(stream(), [newEvent('ConsentRevoked')], 'any', { lane: 'revocation' }),
    );
    expect(store.status().queued).toEqual({ normal: 14, revocation: 30 });
    proxy.set({ kind: 'pass' });
    const refused = (await Promise.all(ordinary)).filter((error) => error !== undefined);
    expect(refused.map((error) => error instanceof StoreOverloaded)).toEqual(Array.from({ length: 6 }, () => true));
    expect(await Promise.all(stops)).toHaveLength(30);
    expect(store.status().queued).toEqual({ normal: 0, revocation: 0 });
  });
});

describe('an outage', () => {
  it('is waited for, longer by revocations, then refused in words that give nothing away', async () => {
    const proxy = await TcpProxy.before(server);
    opened.push(proxy);
    const url = proxy.url.replace('esdb://', 'esdb://secret-user:secret-password@');
    const reports: EventStoreDbReport[] = [];
    const timeouts = { appendMs: 200, revocationMs: 1_500 };
    const store = await open({ url, timeouts, onReport: (report) => reports.push(report) });
    proxy.set({ kind: 'refuse' });
    proxy.reset();
    const stop = store.append(stream(), [newEvent('ConsentRevoked')], 'any', { lane: 'revocation' });
    const refused = await errorOf(store.append(stream(), [newEvent()], 'none'));
    expect(refused).toBeInstanceOf(StoreUnavailable);
    expect(String(refused)).toMatch(/EventStoreDB .* \(tried for 0\.2 s\)/);
    expect(store.status()).toMatchObject({ writable: false, problem: expect.stringMatching(/EventStoreDB/) });
    proxy.set({ kind: 'pass' });
    await expect(stop).resolves.toMatchObject({ revision: '0' });
    expect(store.status()).toMatchObject({ writable: true });
    expect(reports.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['connection lost', 'connected']));
    expect(JSON.stringify([String(refused), reports, store.status()])).not.toMatch(/secret/);
  });

  it('leaves in doubt what was given up: the ledger is not surely ours alone for a while', async () => {
    const proxy = await TcpProxy.before(server);
    opened.push(proxy);
    const store = await open({ url: proxy.url, alone: true, timeouts: { appendMs: 200 } });
    expect([store.isOurs, (await open()).isOurs]).toEqual([true, false]);
    await store.append(stream(), [newEvent()], 'none');
    expect(store.isOurs).toBe(true);
    proxy.set({ kind: 'refuse' });
    proxy.reset();
    expect(await errorOf(store.append(stream(), [newEvent()], 'none'))).toBeInstanceOf(StoreUnavailable);
    expect(store.isOurs).toBe(false);
  });

  it('in which connections are taken and nothing is said costs no socket per attempt', async () => {
    const proxy = await TcpProxy.before(server);
    opened.push(proxy);
    const store = await open({ url: proxy.url, timeouts: { silenceMs: 20, readMs: 200 }, random: () => 0 });
    proxy.set({ kind: 'drop' });
    await until('it has tried many times', async () => {
      await errorOf(store.head());
      return proxy.connections > 10 ? true : undefined;
    });
    expect(proxy.open).toBeLessThanOrEqual(1);
  });

  it('ends when the ledger is closed, also for those who still wait', async () => {
    const proxy = await TcpProxy.before(server);
    opened.push(proxy);
    const store = await open({ url: proxy.url, timeouts: { appendMs: 500, silenceMs: 60_000 } });
    proxy.set({ kind: 'drop' });
    const append = errorOf(store.append(stream(), [newEvent()], 'none'));
    const read = errorOf(store.readAll({ limit: 10 }));
    await store.close();
    expect(await append).toBeInstanceOf(StoreUnavailable);
    expect(await read).toBeInstanceOf(StoreUnavailable);
  });
});

describe('followers', () => {
  it('hear of what another process appends within moments', async () => {
    const [store, other] = [await open(), await open()];
    const from = await store.head();
    const abort = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const { events } of store.subscribe({ from, signal: abort.signal })) {
        seen.push(...events.map(({ id }) => id));
      }
    })();
    const event = newEvent();
    await other.append(stream(), [event], 'none');
    await until('the follower has heard', () => (seen.includes(event.id) ? true : undefined));
    abort.abort();
    await following;
  });

  it('pass the events of other prefixes that another process appends', async () => {
    const [store, other] = [await open(), await open()];
    const abort = new AbortController();
    let position = await store.head();
    const following = (async () => {
      for await (const delivery of store.subscribe({ from: position, prefixes: ['rare-'], signal: abort.signal })) {
        expect(delivery.events).toEqual([]);
        position = delivery.position;
      }
    })();
    const appended = await other.append(stream(), [newEvent()], 'none');
    await until('the follower has passed it', () => (hasReached(position, appended.position) ? true : undefined));
    abort.abort();
    await following;
  });
});

describe('the clocks', () => {
  it('may differ by half a minute: everything works, and health says so', async () => {
    let differenceMs = 30_000;
    const reports: EventStoreDbReport[] = [];
    const now = () => Date.now() + differenceMs;
    const store = await open({ now, onReport: (report) => reports.push(report) });
    await expect(store.append(stream(), [newEvent()], 'none')).resolves.toMatchObject({ revision: '0' });
    expect(store.status()).toMatchObject({ writable: true });
    expect(store.status().problem).toMatch(/^the clock of EventStoreDB is (29|30|31) s behind ours$/);
    differenceMs = 0;
    await store.head();
    expect(store.status()).not.toHaveProperty('problem');
    expect(reports.map(({ kind }) => kind)).toEqual(['clocks differ', 'clocks agree']);
  });
});
