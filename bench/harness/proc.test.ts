import { describe, expect, it } from '@jest/globals';
import { cpuSecondsIn, cpuSecondsOf, memoryIn, memoryOf } from './proc.js';

describe('what /proc says of a process', () => {
  it('adds up user and kernel time, also behind a name with brackets and spaces', () => {
    const stat = '42 (a) b (c) S 1 42 42 0 -1 4194560 900 0 0 0 150 50 7 7 20 0 11 0 12345 1 2 3';
    expect(cpuSecondsIn(stat)).toBe(2);
  });

  it('refuses what is not such a line', () => {
    expect(() => cpuSecondsIn('42 (node) S 1')).toThrow('/proc');
  });

  it('reads this very process', () => {
    expect(cpuSecondsOf(process.pid)).toBeGreaterThan(0);
    expect(memoryOf(process.pid)?.peakMb).toBeGreaterThan(10);
  });

  it('reads memory in megabytes, and nothing from a process that is ending', () => {
    expect(memoryIn('VmHWM:\t  200000 kB\nVmRSS:\t  100000 kB\n')).toEqual({ residentMb: 102.4, peakMb: 204.8 });
    expect(memoryIn('Name:\tnode\nState:\tZ (zombie)\n')).toBeUndefined();
  });
});
