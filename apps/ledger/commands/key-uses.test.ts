import { describe, expect, it } from '@jest/globals';
import { KeyUses } from './key-uses.js';

describe('KeyUses', () => {
  it('gives a key to the first request that was carried out under it', () => {
    const uses = new KeyUses();
    expect(uses.isTaken({ key: 'k', asked: 'one' })).toBe(false);
    uses.note({ key: 'k', asked: 'one' });
    uses.note({ key: 'k', asked: 'two' });
    expect(uses.isTaken({ key: 'k', asked: 'one' })).toBe(false);
    expect(uses.isTaken({ key: 'k', asked: 'two' })).toBe(true);
  });

  it('forgets the oldest keys', () => {
    const uses = new KeyUses(2);
    for (const key of ['a', 'b', 'c']) uses.note({ key, asked: 'one' });
    expect(['a', 'b', 'c'].map((key) => uses.isTaken({ key, asked: 'two' }))).toEqual([false, true, true]);
  });
});
