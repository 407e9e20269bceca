import { describe, expect, it } from '@jest/globals';
import { RecentKeys } from './recent-keys.js';
import type { DataKey } from './sealing.js';

const keyOf = (n: number): DataKey => ({ key: Buffer.alloc(32, n), life: n });
const held = (keys: RecentKeys, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => keys.get(String(from + index))).map((key) => key?.life);

describe('the data keys used last', () => {
  it('gives each as it was, and no more than so many, the newest half among them', () => {
    const keys = new RecentKeys(4);
    for (let n = 1; n <= 5; n += 1) keys.set(String(n), keyOf(n));
    expect(held(keys, 1, 5)).toEqual([undefined, undefined, 3, 4, 5]);
    expect(keys.get('4')).toEqual(keyOf(4));
  });

  it('forgets one for good, also where it was kept twice', () => {
    const keys = new RecentKeys(4);
    for (const n of [1, 2, 3]) keys.set(String(n), keyOf(n));
    keys.set('1', keyOf(4));
    keys.delete('1');
    expect(held(keys, 1, 3)).toEqual([undefined, 2, 3]);
  });

  it('leaves whoever holds a key its bytes, whatever becomes of it here', () => {
    const keys = new RecentKeys(2);
    keys.set('1', keyOf(1));
    const mine = keys.get('1');
    keys.delete('1');
    for (const n of [2, 3, 4]) keys.set(String(n), keyOf(n));
    expect(mine).toEqual(keyOf(1));
  });

  it('keeps nothing where it is told to', () => {
    const keys = new RecentKeys(0);
    keys.set('1', keyOf(1));
    expect(keys.get('1')).toBeUndefined();
  });
});
