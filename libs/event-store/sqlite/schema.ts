import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openDatabase, type SqliteDatabase } from '#sqlite';

const SCHEMA_VERSION = 1;

/**
 * Every append dirties four pages at most: the end of `events`, one leaf of each index, and for a new stream the end of
 * `streams`. Streams are numbers inside the indexes, so that young streams lie side by side. Rows are never changed.
 * An id may stand in a stream twice, because a copy of EventStoreDB keeps what that has come to hold twice.
 */
const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE events (
    n INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    type TEXT NOT NULL,
    data BLOB NOT NULL,
    metadata BLOB NOT NULL
  );
  CREATE UNIQUE INDEX events_in_stream ON events (stream, revision);
  CREATE INDEX events_by_id ON events (stream, event_id);
`;

export const LEDGER_FILE = 'ledger.db';

export function ledgerFile(dataDir: string): string {
  return join(dataDir, LEDGER_FILE);
}

export function openLedger(dataDir: string, { readOnly }: { readOnly: boolean }): SqliteDatabase {
  return openDatabase(ledgerFile(dataDir), {
    readOnly,
    synchronous: 'FULL',
    schemaVersion: SCHEMA_VERSION,
    migrate: (db) => {
      db.exec(SCHEMA);
      db.prepare("INSERT INTO meta VALUES ('ledger_id', ?)").run(newLedgerId());
    },
  });
}

/** Sixteen characters of [A-Za-z0-9_-]. */
function newLedgerId(): string {
  return randomBytes(12).toString('base64url');
}

export function readLedgerId(db: SqliteDatabase): string {
  const row = db.prepare<[], { value: string }>("SELECT value FROM meta WHERE key = 'ledger_id'").get();
  if (!row) throw new Error('the ledger file has no ledger id');
  return row.value;
}

/** For a restored ledger, which must not be taken for the one it was copied from. */
export function renewLedgerId(db: SqliteDatabase): void {
  db.prepare("UPDATE meta SET value = ? WHERE key = 'ledger_id'").run(newLedgerId());
}

/** A UUID as its 16 bytes. */
export function bytesOfUuid(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

/** The canonical form of 32 hexadecimal digits. */
export function uuidOfHex(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
