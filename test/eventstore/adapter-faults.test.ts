import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreUnavailable, openEventStoreDb, type EventStoreDb, type EventStoreDbReport } from '#event-store';
import { FULL, chance, figure } from '../faults/full.js';
import { until } from '../faults/until.js';
import { TcpProxy } from './proxy.js';
import { EventStoreProcess } from './server-process.js';
import { Reading, Writers, newEvent } from './writers.js';

const WRITERS = 8;
const ROUNDS = FULL ? 10 : 2;
/** A claim of the full form, on a machine that does nothing else. */
const RECOVERY_MS = FULL ? 10_000 : 40_000;
const PATIENCE_MS = FULL ? 300_000 : 180_000;

const random = chance('faults of EventStoreDB');

let server: EventStoreProcess;
let proxy: TcpProxy;
let store: EventStoreDb;
let reports: EventStoreDbReport[] = [];

beforeEach(async () => {
  server = await EventStoreProcess.launch();
  proxy = await TcpProxy.before(server);
  reports = [];
  store = await openEventStoreDb({ url: proxy.url, onReport: (report) => reports.push(report) });
});
afterEach(async () => {
  proxy.set({ kind: 'pass' });
  await store.close();
  await proxy.close();
  await server.remove();
});

async function moreAcknowledged(writers: Writers, more: number): Promise<void> {
  const wanted = writers.count + more;
  await until(`${more} more events are acknowledged`, () => (writers.count >= wanted ? true : undefined));
}

/** In the time until an append is acknowledged again. */
async function recoveryMs(writers: Writers): Promise<number> {
  const returnedMs = performance.now();
  await moreAcknowledged(writers, WRITERS);
  return writers.lastAcknowledgedMs - returnedMs;
}

/** What was acknowledged stands in the ledger once and in order, and the follower has seen exactly the ledger. */
async function expectNothingLost(writers: Writers, reading: Reading): Promise<void> {
  await writers.stop();
  let kept = 0;
  for (const [stream, ids] of writers.acknowledged) {
    const events = await store.readStream(stream, { limit: 100_000 });
    expect(events.map(({ id }) => id)).toEqual(ids);
    kept += events.length;
  }
  const head = await store.head();
  await until('the follower has everything', () => (reading.events.length >= kept ? true : undefined));
  await reading.stop();
  expect(reading.events.at(-1)?.position).toBe(head);
  const { events } = await store.readAll({ limit: 100_000 });
  expect(reading.events.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
  expect(events).toHaveLength(kept);
}

const faults: [name: string, fault: () => Promise<void> | void][] = [
  [
    'kill -9 of the server',
    async () => {
      await server.stop('SIGKILL');
      await server.start();
    },
  ],
  ['a reset of every connection', () => proxy.reset()],
  ['a cut in the middle of a frame', () => proxy.cut(random.between(1, 40))],
];

describe('eight writers and a follower live through', () => {
  it.each(faults)(
    '%s',
    async (name, fault) => {
      const writers = new Writers(store, WRITERS);
      const reading = new Reading(store);
      const recoveries: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        await moreAcknowledged(writers, random.between(1, 200));
        await fault();
        recoveries.push(await recoveryMs(writers));
      }
      await expectNothingLost(writers, reading);
      expect(Math.max(...recoveries)).toBeLessThan(RECOVERY_MS);
      figure(
        `${name}: ${ROUNDS} times, ${writers.count} events, recovered within ${Math.round(Math.max(...recoveries))} ms`,
      );
    },
    PATIENCE_MS,
  );

  it(
    'a delay of two seconds',
    async () => {
      const writers = new Writers(store, WRITERS);
      const reading = new Reading(store);
      await moreAcknowledged(writers, 50);
      proxy.set({ kind: 'delay', ms: 2_000 });
      await moreAcknowledged(writers, WRITERS * 2);
      proxy.set({ kind: 'pass' });
      expect(await recoveryMs(writers)).toBeLessThan(RECOVERY_MS);
      await expectNothingLost(writers, reading);
      expect(writers.refused).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'a network that drops everything without a word',
    async () => {
      const writers = new Writers(store, WRITERS);
      const reading = new Reading(store);
      await moreAcknowledged(writers, 50);
      proxy.set({ kind: 'drop' });
      await until('appends are refused', () => (writers.refused.length >= WRITERS ? true : undefined));
      expect(store.status()).toMatchObject({ writable: false, problem: 'EventStoreDB does not answer' });
      proxy.set({ kind: 'pass' });
      expect(await recoveryMs(writers)).toBeLessThan(RECOVERY_MS);
      await expectNothingLost(writers, reading);
      expect(store.status()).toMatchObject({ writable: true, queued: { normal: 0, revocation: 0 } });
    },
    PATIENCE_MS,
  );
});

describe('who closes while a server is silent', () => {
  it('waits a moment for the appends under way, whose callers are told', async () => {
    const timeouts = { silenceMs: 600_000, revocationMs: 600_000, closeMs: 200 };
    const leaving = await openEventStoreDb({ url: proxy.url, timeouts });
    await leaving.append('consent-a', [newEvent()], 'none');
    proxy.set({ kind: 'drop' });
    const stopped = leaving.append('consent-a', [newEvent()], 'any', { lane: 'revocation' });
    const told = expect(stopped).rejects.toThrow(StoreUnavailable);
    await leaving.close();
    await told;
  });
});
