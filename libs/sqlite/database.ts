import { closeSync, existsSync, fsyncSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { StorageError, storageErrorOf } from './storage-error.js';

export type SqliteDatabase = Database.Database;

/** How long a statement waits for another connection's lock, in milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

export interface OpenDatabaseOptions {
  /** The file must exist then, and have exactly `schemaVersion`. */
  readonly readOnly?: boolean;
  /** `FULL`: a commit is on disk when it returns. `NORMAL`: the newest commits may be lost with the power, none is torn. */
  readonly synchronous: 'FULL' | 'NORMAL';
  /** The version this program writes, kept in `PRAGMA user_version`; 0 is a file just made. */
  readonly schemaVersion: number;
  /** Brings a file from an older version to `schemaVersion`, inside a transaction. */
  readonly migrate: (db: SqliteDatabase, fromVersion: number) => void;
}

/**
 * Opens a database in WAL mode, made with mode 0600 where there is none. Throws a `StorageError` where the file cannot
 * be opened or was written by a newer program.
 */
export function openDatabase(file: string, options: OpenDatabaseOptions): SqliteDatabase {
  let db: SqliteDatabase | undefined;
  try {
    db = connect(file, options);
    bringToVersion(db, file, options);
    return db;
  } catch (error) {
    db?.close();
    throw named(file, error);
  }
}

function connect(file: string, { readOnly = false, synchronous }: OpenDatabaseOptions): SqliteDatabase {
  if (!readOnly) createPrivately(file);
  const db = new Database(file, { readonly: readOnly, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  if (!readOnly) db.pragma('journal_mode = WAL');
  db.pragma(`synchronous = ${synchronous}`);
  db.pragma('foreign_keys = ON');
  return db;
}

/**
 * SQLite would make the file readable to everybody; its WAL takes the file's mode over. The name is made durable too. Of
 * two who make it at once, either may be the one who did.
 */
export function createPrivately(file: string): void {
  if (existsSync(file)) return;
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!existsSync(file)) throw error;
  }
  syncDirectory(dirname(file));
}

/** Makes the names in a directory (files made, removed or renamed) durable. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function bringToVersion(db: SqliteDatabase, file: string, options: OpenDatabaseOptions): void {
  const { schemaVersion, readOnly = false } = options;
  const found = versionOf(db);
  if (found === schemaVersion) return;
  if (found > schemaVersion || readOnly) throw wrongSchema(file, found, schemaVersion);
  db.transaction(() => {
    const from = versionOf(db);
    if (from < schemaVersion) options.migrate(db, from);
    db.pragma(`user_version = ${schemaVersion}`);
  }).immediate();
}

function versionOf(db: SqliteDatabase): number {
  return Number(db.pragma('user_version', { simple: true }));
}

function wrongSchema(file: string, found: number, known: number): StorageError {
  const remedy = found > known ? 'run the newer program' : 'let the service open it once first';
  return new StorageError('SCHEMA', `${file} has schema version ${found}, this program knows ${known}: ${remedy}`);
}

/** The same failure with the file's name in its message; what says its name already, or is not the disk's, as it is. */
export function named(file: string, error: unknown): unknown {
  const known = storageErrorOf(error);
  if (known === undefined || known.problem === 'SCHEMA') return error;
  return new StorageError(known.problem, `${file}: ${known.message}`, { cause: error });
}
