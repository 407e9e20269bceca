import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockExclusively, storageErrorOf, type ExclusiveLock } from '#sqlite';
import { StoreUnavailable } from '../port.js';

/** Another process writes in this data directory. */
export class DataDirectoryInUse extends StoreUnavailable {
  constructor(
    /** Undefined where the holder has not written its number yet. */
    readonly pid: number | undefined,
  ) {
    super(`the data directory is in use by ${pid === undefined ? 'another process' : `process ${pid}`}`);
  }
}

/** Makes the directory (0700) where there is none and takes the one lock that a writer must hold. */
export function lockDataDirectory(dataDir: string): ExclusiveLock {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const pidFile = join(dataDir, 'lock.pid');
  try {
    const lock = lockExclusively(join(dataDir, 'lock.db'));
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
    return lock;
  } catch (error) {
    throw storageErrorOf(error)?.problem === 'BUSY' ? new DataDirectoryInUse(readPid(pidFile)) : error;
  }
}

function readPid(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined;
  } catch {
    return undefined;
  }
}
