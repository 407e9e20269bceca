import { describe, expect, it } from '@jest/globals';
import { Freshness } from './freshness.js';

const at = (n: number) => `ledger-000001.${n}`;

function setUp() {
  const clock = { ms: 0 };
  const ledger = { head: at(5), fails: false };
  const head = async () => {
    if (ledger.fails) throw new Error('unreachable');
    return ledger.head;
  };
  return { clock, ledger, freshness: new Freshness({ head }, () => clock.ms) };
}

describe('freshness by two clocks', () => {
  it('is as old as the one says that has gone further since the proof', async () => {
    const [ms, wall] = [{ now: 0 }, { now: 1_000_000 }];
    const head = async () => at(5);
    const freshness = new Freshness(
      { head },
      () => ms.now,
      () => wall.now,
    );
    expect(freshness.lagMs()).toBe(Infinity);
    freshness.reached(at(5));
    await freshness.probe();
    wall.now += 30_000;
    expect(freshness.lagMs()).toBe(30_000);
    ms.now += 500;
    wall.now -= 90_000;
    expect(freshness.lagMs()).toBe(500);
    await freshness.probe();
    expect(freshness.lagMs()).toBe(0);
  });
});

describe('freshness', () => {
  it('is unproved until a head read after the beginning is reached', async () => {
    const { freshness } = setUp();
    freshness.reached(at(4));
    await freshness.probe();
    expect(freshness.lagMs()).toBe(Infinity);
    freshness.reached(at(5));
    expect(freshness.lagMs()).toBe(0);
  });

  it('counts from when the proof began, not from when the head was reached', async () => {
    const { clock, freshness } = setUp();
    await freshness.probe();
    clock.ms = 300;
    freshness.reached(at(6));
    expect(freshness.lagMs()).toBe(300);
  });

  it('proves something to a follower that is always a little behind', async () => {
    const { clock, ledger, freshness } = setUp();
    for (let second = 0; second < 10; second += 1) {
      clock.ms = second * 1_000;
      ledger.head = at(second);
      await freshness.probe();
      freshness.reached(at(second - 3));
    }
    expect(freshness.lagMs()).toBeLessThanOrEqual(9_000);
    expect(freshness.lagMs()).not.toBe(Infinity);
  });

  it('is proved by a head that was read while the follower came to it', async () => {
    const { freshness } = setUp();
    const probing = freshness.probe();
    freshness.reached(at(5));
    await probing;
    expect(freshness.lagMs()).toBe(0);
  });

  it('is proved by no head that cannot be read, and by no position of another ledger', async () => {
    const { ledger, freshness } = setUp();
    ledger.fails = true;
    await freshness.probe();
    freshness.reached(at(9));
    expect(freshness.lagMs()).toBe(Infinity);
    ledger.fails = false;
    freshness.reached('another-one-1.99');
    await freshness.probe();
    expect(freshness.lagMs()).toBe(Infinity);
  });
});
