import { statSync } from 'node:fs';
import {
  StorageError,
  snapshotDatabase,
  storageErrorOf,
  type ExclusiveLock,
  type SnapshotOptions,
  type SqliteDatabase,
} from '#sqlite';
import { StoreUnavailable } from '../port.js';
import { lockDataDirectory } from './data-directory.js';
import { ledgerFile, openLedger, renewLedgerId } from './schema.js';

/** Files of a data directory that only say who writes there, and hold nothing. */
export const LOCK_FILES: readonly string[] = ['lock.db', 'lock.db-journal', 'lock.pid'];

/**
 * Whether there is a ledger in a directory. Throws `StoreUnavailable` where that cannot be seen, as in a directory of
 * another user: it may well be there.
 */
export function holdsLedger(dataDir: string): boolean {
  try {
    return statSync(ledgerFile(dataDir), { throwIfNoEntry: false }) !== undefined;
  } catch (cause) {
    throw new StoreUnavailable(`${dataDir} cannot be looked into: check its path, its owner and its mode`, { cause });
  }
}

/**
 * Copies the ledger of one directory into another as it is at this moment, also beside a running service. Rejects with
 * `StoreUnavailable`.
 */
export async function snapshotLedger(dataDir: string, toDir: string, options: SnapshotOptions = {}): Promise<void> {
  try {
    await snapshotDatabase(ledgerFile(dataDir), ledgerFile(toDir), options);
  } catch (error) {
    throw plainly(error);
  }
}

/**
 * Gives a restored ledger another id, so that nobody who kept a position in the original takes it for reached here.
 * Throws `StoreUnavailable`.
 */
export function giveNewLedgerId(dataDir: string): void {
  try {
    const db = openLedger(dataDir, { readOnly: false });
    try {
      renewLedgerId(db);
      moveLog(db);
    } finally {
      db.close();
    }
  } catch (error) {
    throw plainly(error);
  }
}

/** Only the database is put in place: in a log that could not be moved as it was closed, the new id would stay behind. */
function moveLog(db: SqliteDatabase): void {
  const isBusy = db.pragma('wal_checkpoint(TRUNCATE)', { simple: true }) !== 0;
  if (isBusy) throw new StorageError('BUSY');
}

/**
 * Keeps every writer out of a data directory until released. Throws `DataDirectoryInUse` where one is in there, and
 * `StoreUnavailable` where the directory cannot be used.
 */
export function keepOut(dataDir: string): ExclusiveLock {
  try {
    return lockDataDirectory(dataDir);
  } catch (error) {
    throw plainly(error);
  }
}

function plainly(error: unknown): unknown {
  const storage = storageErrorOf(error);
  return storage ? new StoreUnavailable(storage.message, { cause: error }) : error;
}
