import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { someEvent } from './contract.js';
import { deliveriesOf } from './deliveries.js';
import {
  follow,
  openSqliteStore,
  type Delivery,
  type EventStore,
  type Follower,
  type FollowOptions,
  type Position,
  type SqliteStore,
} from './index.js';
import { Wake } from './wake.js';

/** Polls a condition: what a follower does has no other end to await. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(2);
}

/** An effect that keeps its position, like a view, and fails as often as told. */
class Effect {
  position: Position | undefined;
  readonly seen: string[] = [];
  failures = 0;

  readonly handle = async (delivery: Delivery): Promise<void> => {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('the effect failed');
    }
    this.seen.push(...delivery.events.map(({ stream, revision }) => `${stream}@${revision}`));
    this.position = delivery.position;
  };
}

let dataDir = '';
const status = () => (follower as Follower).status();
let store: SqliteStore;
let follower: Follower | undefined;
let effect: Effect;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'follow-'));
  store = await openSqliteStore({ dataDir, diskReserveMb: 0 });
  effect = new Effect();
  follower = undefined;
});
afterEach(async () => {
  await follower?.stop();
  await store.close();
  rmSync(dataDir, { recursive: true });
});

const append = (stream: string, count = 1) =>
  store.append(
    stream,
    Array.from({ length: count }, () => someEvent()),
    'any',
  );

function start(more: Partial<FollowOptions> = {}): Follower {
  const backOff = { firstMs: 1, longestMs: 4 };
  const from = () => Promise.resolve(effect.position);
  follower = follow({ store, name: 'test', from, handle: effect.handle, backOff, random: () => 0.5, ...more });
  return follower;
}

describe('a follower', () => {
  it('hands over everything in order, then what comes', async () => {
    await append('consent-a', 3);
    start({ batchSize: 2 });
    await until(() => status().caughtUp);
    await append('consent-b');
    await until(() => effect.seen.length === 4);
    expect(effect.seen).toEqual(['consent-a@0', 'consent-a@1', 'consent-a@2', 'consent-b@0']);
  });

  it('resumes where its effect stands', async () => {
    effect.position = (await append('consent-a', 2)).position;
    await append('consent-a');
    start();
    await until(() => effect.seen.length > 0);
    expect(effect.seen).toEqual(['consent-a@2']);
  });

  it('moves its effect past events of other prefixes', async () => {
    const { position } = await append('business-a', 2);
    start({ prefixes: ['consent-'] });
    await until(() => effect.position === position);
    expect(effect.seen).toEqual([]);
  });

  it('tries a failing handler again from the last processed position, and tells', async () => {
    await append('consent-a', 3);
    effect.failures = 3;
    const told: unknown[] = [];
    start({ batchSize: 1, onError: (error) => told.push(error) });
    await until(() => effect.seen.length === 3);
    expect(effect.seen).toEqual(['consent-a@0', 'consent-a@1', 'consent-a@2']);
    expect(told).toHaveLength(3);
    await until(() => status().lastError === undefined);
  });

  it('reports what is wrong while it fails', async () => {
    await append('consent-a');
    effect.failures = Infinity;
    start();
    await until(() => status().lastError !== undefined);
    expect(status()).toMatchObject({ caughtUp: false, position: undefined, lagMs: Infinity });
  });

  it('follows its effect when another process has moved it', async () => {
    await append('consent-a', 2);
    const { position } = await append('consent-a', 2);
    const handle = async (delivery: Delivery) => {
      if (effect.position === undefined) {
        effect.position = position;
        throw new Error('another process was faster');
      }
      await effect.handle(delivery);
    };
    await append('consent-a');
    start({ handle, batchSize: 1 });
    await until(() => effect.seen.length === 1);
    expect(effect.seen).toEqual(['consent-a@4']);
  });

  it('calls one handler at a time, and stops after the one in flight', async () => {
    await append('consent-a', 5);
    let [running, most, finished] = [0, 0, 0];
    const started = new EventTarget();
    let release = () => undefined as void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const handle = async () => {
      most = Math.max(most, (running += 1));
      started.dispatchEvent(new Event('started'));
      await held;
      [running, finished] = [running - 1, finished + 1];
    };
    const first = once(started, 'started');
    const one = start({ handle, batchSize: 1 });
    await first;
    const stopped = one.stop();
    release();
    await stopped;
    expect([most, finished, running]).toEqual([1, 1, 0]);
  });

  it('stops during a pause and after its signal', async () => {
    await append('consent-a');
    effect.failures = Infinity;
    const abort = new AbortController();
    start({ backOff: { firstMs: 60_000, longestMs: 60_000 }, signal: abort.signal });
    await until(() => status().lastError !== undefined);
    abort.abort();
    await follower?.stop();
    await follower?.stop();
  });

  it.each(['its end', 'what came last'])('stops while the ledger is silent about %s', async (about) => {
    let asked = false;
    const never = () => ((asked = true), new Promise<never>(() => undefined));
    const silent: EventStore = {
      append: (...given) => store.append(...given),
      readStream: (...given) => store.readStream(...given),
      readAll: (...given) => store.readAll(...given),
      subscribe: (options) => {
        if (about === 'its end') return store.subscribe(options);
        const { signal: closing } = new AbortController();
        const start = `${store.ledgerId}.0`;
        return deliveriesOf({ start, wake: new Wake(), closing, readAll: never }, options);
      },
      head: about === 'its end' ? never : () => store.head(),
      ledgerId: store.ledgerId,
      close: () => store.close(),
    };
    start({ store: silent });
    await until(() => asked);
    await follower?.stop();
  });
});

describe('the lag of a follower', () => {
  it('runs from the last proof, by the monotonic clock', async () => {
    let nowMs = 1_000;
    start({ monotonic: () => nowMs, probeMs: 60_000 });
    await until(() => status().lagMs === 0);
    nowMs += 4_200;
    expect(status().lagMs).toBe(4_200);
  });

  it('is renewed by probes where nothing is appended', async () => {
    let nowMs = 0;
    start({ monotonic: () => nowMs, probeMs: 5 });
    await until(() => status().lagMs === 0);
    nowMs = 9_000;
    await until(() => status().lagMs === 0);
  });

  it('grows while the handler fails, however often the store is probed', async () => {
    let nowMs = 0;
    start({ monotonic: () => nowMs, probeMs: 1 });
    await until(() => status().lagMs === 0);
    effect.failures = Infinity;
    await append('consent-a');
    await until(() => status().lastError !== undefined);
    nowMs = 7_000;
    await until(() => status().lagMs >= 6_000);
    effect.failures = 0;
    await until(() => status().lagMs === 0);
  });
});
