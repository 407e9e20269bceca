import { describe, expect, it } from '@jest/globals';
import { FIGURES, isFull, readOptions } from './options.js';

describe('the options of npm run bench', () => {
  it('run everything in full by default', () => {
    const options = readOptions([]);
    expect(options).toEqual({ quick: false, rounds: 5, only: FIGURES });
    expect(isFull(options)).toBe(true);
  });

  it('take figures in any order and run them in theirs', () => {
    expect(readOptions(['--only', 'revoke, check']).only).toEqual(['check', 'revoke']);
    expect(readOptions(['--only', 'esdb-live,append,esdb-copy']).only).toEqual(['append', 'esdb-live', 'esdb-copy']);
  });

  it('keep no result of a short, partial or profiled run', () => {
    for (const args of [['--quick'], ['--only', 'check'], ['--rounds', '3'], ['--profile', 'reports']]) {
      expect(isFull(readOptions(args))).toBe(false);
    }
    expect(isFull(readOptions(['--rounds', '9']))).toBe(true);
  });

  it('say what to write instead', () => {
    expect(() => readOptions(['--only', 'chek'])).toThrow('unknown: chek');
    expect(() => readOptions(['--rounds', 'many'])).toThrow('whole number');
    expect(() => readOptions(['--fast'])).toThrow('--fast');
  });
});
