import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Reserve } from './reserve.js';

const MIB = 1024 * 1024;

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'reserve-'));
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
  rmSync(dataDir, { recursive: true });
});

const size = () => statSync(join(dataDir, 'reserve.bin'), { throwIfNoEntry: false })?.size;

/** A disk that takes every write, and makes none durable as long as it fails. */
function failingDisk() {
  const disk = { fails: true, syncs: 0 };
  const sync = () => {
    disk.syncs += 1;
    if (disk.fails) throw Object.assign(new Error('EIO'), { code: 'EIO' });
  };
  return { disk, reserve: new Reserve(dataDir, 2 * MIB, sync) };
}

function refillEachSecond(reserve: Reserve, seconds: number): string[] {
  return Array.from({ length: seconds }, () => {
    jest.advanceTimersByTime(1_000);
    try {
      return String(reserve.refill());
    } catch (error) {
      return String(error);
    }
  });
}

describe('a reserve on a disk that fails', () => {
  it('does not hinder the start, and counts as released', () => {
    const { reserve } = failingDisk();
    reserve.fill();
    expect([reserve.isKept, size()]).toEqual([false, undefined]);
  });

  it('says what is wrong, leaves nothing behind, and is tried again less and less often', () => {
    const { disk, reserve } = failingDisk();
    reserve.fill();
    const told = refillEachSecond(reserve, 60);
    expect(told.filter((one) => one !== 'false')).toEqual(
      Array.from({ length: 4 }, () => expect.stringMatching(/reserve of disk cannot be filled: .*input\/output/)),
    );
    expect([disk.syncs, reserve.isKept, size()]).toEqual([5, false, undefined]);
  });

  it('is filled, and no larger than it is to be, once the disk is well', () => {
    const { disk, reserve } = failingDisk();
    reserve.fill();
    refillEachSecond(reserve, 10);
    disk.fails = false;
    expect(refillEachSecond(reserve, 60)).toContain('true');
    expect([reserve.isKept, size()]).toEqual([true, 2 * MIB]);
  });

  it('does not hinder the start where its file cannot even be removed', () => {
    mkdirSync(join(dataDir, 'reserve.bin', 'in the way'), { recursive: true });
    const reserve = new Reserve(dataDir, 64 * MIB);
    reserve.fill();
    expect(reserve.isKept).toBe(false);
  });
});
