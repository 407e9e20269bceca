import Database from 'better-sqlite3';
import { createPrivately, named } from './database.js';

export interface ExclusiveLock {
  release(): void;
}

/**
 * Holds a file exclusively for the life of this process or until released: an exclusive transaction on an empty
 * database, which is a lock of the kernel's, so that `kill -9` releases it and no stale lock is ever found. Throws a
 * `StorageError` with problem `BUSY` where another process, or this one, holds it.
 */
export function lockExclusively(file: string): ExclusiveLock {
  let db: Database.Database | undefined;
  try {
    createPrivately(file);
    db = new Database(file, { timeout: 0 });
    // Beginning, SQLite lays out the empty database's first page, and would make a journal for it, for which a full disk
    // has no room.
    db.pragma('journal_mode = MEMORY');
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db?.close();
    throw named(file, error);
  }
  const held = db;
  return { release: () => void held.close() };
}
