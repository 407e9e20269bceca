import { describe, expect, it } from '@jest/globals';
import { RecentKeys } from './recent-keys.js';
import type { DataKey } from './sealing.js';

const keyOf = (n: number): DataKey => ({ key: Buffer.alloc(32, n), life: n });
const held = (keys: RecentKeys, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => keys.get(String(from + index))).map((key) => key?.life);

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the data keys unwrapped last', () => {
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

  it('leaves whoever holds a key its bytes when it is let go of', () => {
    const keys = new RecentKeys(2);
    keys.set('1', keyOf(1));
    const mine = keys.get('1');
    for (const n of [2, 3, 4]) keys.set(String(n), keyOf(n));
    expect([keys.get('1'), mine]).toEqual([undefined, keyOf(1)]);
  });

  it('overwrites what is to be forgotten, after whoever found it in the same turn has sealed with it', async () => {
    const keys = new RecentKeys(4);
    keys.set('1', keyOf(1));
    keys.set('2', keyOf(2));
    const mine = keys.get('1');
    keys.delete('1');
    await Promise.resolve();
    expect(mine).toEqual(keyOf(1));
    await turn();
    expect([mine?.key, keys.get('2')]).toEqual([Buffer.alloc(32), keyOf(2)]);
  });

  it('overwrites one that two brought at once, and what came in its place', async () => {
    const keys = new RecentKeys(8);
    keys.set('1', keyOf(1));
    const first = keys.get('1');
    keys.set('1', keyOf(1));
    const second = keys.get('1');
    keys.set('1', keyOf(2));
    const next = keys.get('1');
    expect([first, second, next]).toEqual([keyOf(1), keyOf(1), keyOf(2)]);
    keys.delete('1');
    await turn();
    for (const one of [first, second, next]) expect(one?.key).toEqual(Buffer.alloc(32));
  });

  it('keeps nothing where it is told to', () => {
    const keys = new RecentKeys(0);
    keys.set('1', keyOf(1));
    expect(keys.get('1')).toBeUndefined();
  });
});
