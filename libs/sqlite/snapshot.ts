import { closeSync, fsyncSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { createPrivately, named } from './database.js';
import { StorageError, storageErrorOf } from './storage-error.js';

/** Some four mebibytes a step, so that progress can be shown between two. */
const PAGES_PER_STEP = 1_024;

export interface SnapshotOptions {
  /** Bytes so far, and in all; the last call has both the same. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Copies a database as it is at this moment into a new file of its own, while others read and write it. The copy has
 * mode 0600, needs no log beside it, was checked page by page and is on disk when this resolves. Rejects with a
 * `StorageError` that names the file at fault. Meanwhile the log of the original cannot start over and grows.
 */
export async function snapshotDatabase(file: string, copy: string, options: SnapshotOptions = {}): Promise<void> {
  makeFile(copy);
  try {
    const source = new Database(file, { readonly: true, fileMustExist: true });
    try {
      // An open reading transaction holds the moment: without it every commit of the writer would begin the copy anew.
      source.exec('BEGIN');
      source.prepare('SELECT count(*) FROM sqlite_schema').get();
      await copyPages(source, copy, options.onProgress ?? (() => undefined));
    } finally {
      source.close();
    }
    makeWhole(copy);
  } catch (error) {
    // A damaged page was damaged in the original; only for want of room the copy is to blame.
    throw named(storageErrorOf(error)?.problem === 'NO_SPACE' ? copy : file, error);
  }
}

function makeFile(copy: string): void {
  try {
    createPrivately(copy);
  } catch (error) {
    throw named(copy, error);
  }
}

async function copyPages(source: Database.Database, copy: string, onProgress: (done: number, total: number) => void) {
  const pageBytes = Number(source.pragma('page_size', { simple: true }));
  const { totalPages } = await source.backup(copy, {
    progress: ({ totalPages: all, remainingPages }) => {
      onProgress((all - remainingPages) * pageBytes, all * pageBytes);
      return PAGES_PER_STEP;
    },
  });
  onProgress(totalPages * pageBytes, totalPages * pageBytes);
}

/** Takes the copy out of the mode of its original, which has a log beside it, and makes sure of what was written. */
function makeWhole(copy: string): void {
  const db = new Database(copy, { fileMustExist: true });
  try {
    db.pragma('journal_mode = DELETE');
    if (db.pragma('quick_check(1)', { simple: true }) !== 'ok') throw new StorageError('CORRUPT');
  } finally {
    db.close();
  }
  const handle = openSync(copy, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
