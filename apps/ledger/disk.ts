import { statfs } from 'node:fs/promises';
import type { Config } from '#platform';

const MIB = 1024 * 1024;

export interface DiskStatus {
  readonly freeMb?: number;
  /** What is wrong, in plain words; absent: there is room. */
  readonly problem?: string;
}

/**
 * The room beside the reserve, which ledger, vault and view share. The ledger writes on for a while into blocks that it
 * has already, so health must not wait for it to notice; a quarter of the reserve is what the ledger wants free as well.
 */
export async function diskStatus({ dataDir, limits }: Config): Promise<DiskStatus> {
  try {
    const { bavail, bsize } = await statfs(dataDir);
    const freeMb = Math.floor((bavail * bsize) / MIB);
    return bavail * bsize < (limits.diskReserveMb * MIB) / 4 ? { freeMb, problem: NEARLY_FULL } : { freeMb };
  } catch {
    return { problem: 'the data directory cannot be reached' };
  }
}

const NEARLY_FULL = 'the disk is nearly full: make room, or only opt-outs will be taken';
