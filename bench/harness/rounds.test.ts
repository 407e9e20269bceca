import { describe, expect, it } from '@jest/globals';
import { interleave, series } from './rounds.js';

describe('interleave', () => {
  it('takes turns, and counts no warm-up', async () => {
    const ran: string[] = [];
    const contender = (name: string) => async (round: number) => {
      ran.push(`${name}${round}`);
      return { value: round };
    };
    const samples = await interleave({ a: contender('a'), b: contender('b') }, { rounds: 2, warmUps: 1 });
    expect(ran).toEqual(['a-1', 'b-1', 'a0', 'b0', 'a1', 'b1']);
    expect(series(samples.a, 'value')).toEqual([0, 1]);
    expect(series(samples.b, 'value')).toEqual([0, 1]);
  });

  it('stops at the first contender that fails', async () => {
    const failing = { a: async () => Promise.reject(new Error('no answer')) };
    await expect(interleave(failing, { rounds: 1 })).rejects.toThrow('no answer');
  });
});
