import { beforeEach, describe, expect, it } from '@jest/globals';
import { instantOf } from '#consent';
import { Freshness } from './freshness.js';

const T0 = Date.UTC(2026, 0, 1);
let wallMs = 0;
let monotonicMs = 0;
let freshness: Freshness;

function pass(ms: number): void {
  wallMs += ms;
  monotonicMs += ms;
}

function watermark(partition: number, offset: number, { n = 1, timeMs = wallMs, ledger = 'ledger' } = {}): boolean {
  const record = { topic: 'consent.optouts.v1', partition, position: `${ledger}.${n}`, offset: String(offset) };
  return freshness.watermark({ ...record, time: instantOf(timeMs) });
}

const age = () => freshness.ageMs(wallMs, monotonicMs);

beforeEach(() => {
  wallMs = T0;
  monotonicMs = 5_000;
  freshness = new Freshness({ nowMs: () => wallMs, monotonicMs: () => monotonicMs }, 2);
});

describe('freshness', () => {
  it('is proved once every partition has been, and is as old as the oldest proof', () => {
    watermark(0, 0);
    expect(age()).toBe(Infinity);
    pass(1_000);
    watermark(1, 0);
    expect(age()).toBe(1_000);
    watermark(0, 0);
    expect(age()).toBe(0);
    pass(700);
    expect(age()).toBe(700);
  });

  it('counts a watermark when the offset that it names has been consumed, not before', () => {
    watermark(0, 0);
    watermark(1, 10, { n: 7 });
    freshness.consumed(1, 9);
    expect(age()).toBe(Infinity);
    pass(2_000);
    watermark(1, 12, { n: 8 });
    freshness.consumed(1, 11);
    expect(age()).toBe(2_000);
    freshness.consumed(1, 12);
    watermark(0, 0, { n: 8 });
    expect(age()).toBe(0);
  });

  it('cannot be had by setting the wall clock back', () => {
    watermark(0, 0);
    watermark(1, 0);
    pass(40_000);
    wallMs -= 3_600_000;
    expect(age()).toBe(40_000);
  });

  it.each([
    ['the wall clock was set back', -600_000, 0],
    ['the clock of the relay is ahead', 0, 600_000],
  ])('is not had by an old watermark that comes late where %s', (_, wallByMs, relayByMs) => {
    const prove = (madeMs: number) => [0, 1].forEach((one) => watermark(one, 0, { timeMs: madeMs + relayByMs }));
    prove(T0);
    wallMs += wallByMs;
    pass(240_000);
    prove(T0 + 1_000);
    expect(age()).toBe(239_000);
    expect(freshness.ledgerMs(monotonicMs)).toBe(T0 + relayByMs + 240_000);
    prove(T0 + 240_000);
    expect(age()).toBe(0);
  });

  it('ages what came late once one comes that did not', () => {
    wallMs -= 600_000;
    watermark(0, 0, { timeMs: T0 });
    watermark(1, 0, { timeMs: T0 });
    expect(age()).toBe(0);
    watermark(0, 0, { timeMs: T0 + 50_000 });
    expect(age()).toBe(50_000);
  });

  it('comes again within ten minutes of watermarks where the clock of the ledger was put back for good', () => {
    let relayByMs = 120_000;
    const proveFor = (seconds: number) => {
      for (let second = 0; second < seconds; second++) {
        pass(1_000);
        for (const one of [0, 1]) watermark(one, 0, { timeMs: wallMs + relayByMs });
      }
    };
    proveFor(400);
    expect(age()).toBe(0);
    relayByMs = 0;
    proveFor(299);
    expect(age()).toBe(120_000);
    // Time without watermarks bears nothing out.
    pass(3_600_000);
    proveFor(1);
    expect(age()).toBe(120_000);
    proveFor(300);
    expect(age()).toBe(0);
    expect(freshness.ledgerMs(monotonicMs)).toBe(wallMs + 120_000);
  });

  it('is lost when the machine has slept, though the monotonic clock stood still', () => {
    watermark(0, 0);
    watermark(1, 0);
    wallMs += 60_000;
    expect(age()).toBe(60_000);
  });

  it('takes a watermark from the future as of now, says so, and lets it age', () => {
    watermark(0, 0, { timeMs: wallMs + 9_000 });
    watermark(1, 0, { timeMs: wallMs + 9_000 });
    expect([age(), freshness.aheadMs]).toEqual([0, 9_000]);
    pass(31_000);
    expect(age()).toBe(31_000);
  });

  it('knows what the clock of the ledger has reached, where its own is slow or is set back', () => {
    expect(freshness.ledgerMs(monotonicMs)).toBe(-Infinity);
    watermark(0, 0, { timeMs: wallMs + 60_000 });
    watermark(1, 0, { timeMs: wallMs + 60_200 });
    pass(4_000);
    wallMs -= 3_600_000;
    expect(freshness.ledgerMs(monotonicMs)).toBe(T0 + 64_200);
    watermark(0, 0, { timeMs: T0 + 5_000 });
    watermark(1, 0, { timeMs: T0 + 5_100 });
    expect(freshness.ledgerMs(monotonicMs)).toBe(T0 + 64_200);
  });

  it('has the position that every partition has reached, of one ledger alone', () => {
    watermark(0, 0, { n: 9 });
    watermark(1, 0, { n: 10 });
    expect(freshness.position).toBe('ledger.9');
    watermark(1, 0, { n: 3, ledger: 'another' });
    expect(freshness.position).toBeUndefined();
  });

  it('doubts a watermark by which the topic holds less than before, until the topic was looked at', () => {
    expect(watermark(0, 5)).toBe(true);
    expect(watermark(0, 2, { n: 2 })).toBe(false);
    expect(watermark(0, 2, { n: 0 })).toBe(true);
    freshness.trust();
    expect(watermark(0, 2, { n: 2 })).toBe(true);
    expect(watermark(7, 0)).toBe(false);
  });

  it('holds no more than a minute of watermarks that wait, and the oldest of those', () => {
    watermark(1, 0);
    for (let n = 1; n <= 500; n++) watermark(0, n, { n });
    freshness.consumed(0, 1);
    expect(age()).toBe(0);
  });
});
