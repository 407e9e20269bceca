import { describe, expect, it } from '@jest/globals';
import { SettableClock, systemClock } from './clock.js';

describe('the clocks', () => {
  it('reads the time of day and a time that only goes on', () => {
    const before = Date.now();
    const first = systemClock.monotonic();
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(first);
  });

  it('stands still until it is told to go on', () => {
    const clock = new SettableClock(1_000);
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
    clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250]);
  });

  it('turns back the wall clock alone', () => {
    const clock = new SettableClock(100_000);
    clock.setTo(40_000);
    expect([clock.now(), clock.monotonic()]).toEqual([40_000, 0]);
    expect(() => clock.advance(-1)).toThrow(RangeError);
  });
});
