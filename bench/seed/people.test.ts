import { describe, expect, it } from '@jest/globals';
import { readAddress } from '#vault';
import { anybody, isEligible, phoneOf, shuffled } from './people.js';

describe('the people of the benchmarks', () => {
  it('are asked in an order that leaves nobody out', () => {
    for (const people of [100, 10_000, 200_000]) {
      const order = new Set(Array.from({ length: people }, (_, n) => shuffled(n, people)));
      expect(order.size).toBe(people);
    }
  });

  it('come up about equally often when anybody may be asked', () => {
    const times = new Array<number>(100).fill(0);
    for (let n = 0; n < 100_000; n++) times[anybody(n, 100)] = (times[anybody(n, 100)] ?? 0) + 1;
    expect(Math.min(...times)).toBeGreaterThan(850);
    expect(Math.max(...times)).toBeLessThan(1_150);
  });

  it('have numbers that are in their E.164 form already', () => {
    for (const n of [0, 99_999, 199_999]) {
      expect(readAddress({ phone: phoneOf(n) }, { lenient: false })).toMatchObject({ keyForm: phoneOf(n).slice(1) });
    }
  });

  it('are eligible where the last word was yes', () => {
    expect(isEligible(['grant', 'message'])).toBe(true);
    expect(isEligible(['grant', 'stop', 'message'])).toBe(false);
    expect(isEligible(['grant', 'stop', 'grant'])).toBe(true);
    expect(isEligible(['message'])).toBe(false);
  });
});
