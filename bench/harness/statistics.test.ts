import { describe, expect, it } from '@jest/globals';
import { median, percentile, ratiosTo } from './statistics.js';

describe('median', () => {
  it('is the middle value, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([10, 9])).toBe(9.5);
  });

  it('does not sort numbers as text', () => {
    expect(median([10, 9, 100])).toBe(10);
  });

  it('refuses nothing at all', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  it('is the nearest rank', () => {
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([7], 0.99)).toBe(7);
  });

  it('refuses nothing at all', () => {
    expect(() => percentile([], 0.99)).toThrow(RangeError);
  });
});

describe('ratiosTo', () => {
  it('reads a cost as floor over value and a rate as value over floor', () => {
    expect(ratiosTo([10, 20], [20, 20], 'cost')).toEqual([0.5, 1]);
    expect(ratiosTo([10, 20], [30, 20], 'rate')).toEqual([3, 1]);
  });

  it('refuses a round without its floor', () => {
    expect(() => ratiosTo([10], [20, 20], 'cost')).toThrow(RangeError);
  });
});
