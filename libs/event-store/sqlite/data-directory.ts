import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
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
  makeDirectory(dataDir);
  const pidFile = join(dataDir, 'lock.pid');
  try {
    const lock = lockExclusively(join(dataDir, 'lock.db'));
    writePid(pidFile);
    return lock;
  } catch (error) {
    throw storageErrorOf(error)?.problem === 'BUSY' ? new DataDirectoryInUse(readPid(pidFile)) : error;
  }
}

/** Only where a parent is missing is the recursive form needed, which calls a read-only disk a missing file. */
function makeDirectory(dataDir: string): void {
  if (existsSync(dataDir)) return;
  const recursive = !existsSync(dirname(resolve(dataDir)));
  try {
    mkdirSync(dataDir, { recursive, mode: 0o700 });
  } catch (error) {
    // Another first start may have made it meanwhile.
    if (!existsSync(dataDir)) throw error;
  }
}

/** For people only, the lock itself is the kernel's: a disk too full for a number stops nobody. */
function writePid(file: string): void {
  try {
    writeFileSync(file, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    if (storageErrorOf(error)?.problem !== 'NO_SPACE') throw error;
  }
}

function readPid(file: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined;
  } catch {
    return undefined;
  }
}
