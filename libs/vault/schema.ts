import type { KeyObject } from 'node:crypto';
import { openDatabase, type SqliteDatabase } from '#sqlite';
import { makeIdentity, requireKey, type Identity } from './identity.js';

const SCHEMA_VERSION = 2;

/**
 * `identity` has one row: the vault's id, and a text sealed under the key-encryption key, by which a wrong key is found
 * out before anything is sealed under it.
 */
const TABLES_1 = `
  CREATE TABLE identity (vault_id TEXT NOT NULL, sealed_check BLOB NOT NULL) STRICT;
  CREATE TABLE data_keys (recipient_id TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE api_keys (
    key_id TEXT PRIMARY KEY, business_id TEXT, name TEXT NOT NULL, scopes TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL, created_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX api_keys_of_business ON api_keys (business_id, created_at, key_id);
  CREATE TABLE unrouted (
    id TEXT PRIMARY KEY, provider TEXT NOT NULL, reason TEXT NOT NULL, kind TEXT NOT NULL, provider_id TEXT,
    received_at TEXT NOT NULL, body BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX unrouted_of_sender ON unrouted (provider, provider_id, received_at, id);
  CREATE INDEX unrouted_by_time ON unrouted (received_at);
`;

/**
 * A destroyed key leaves an empty row: the next key of the same recipient must be known not to be the one that older
 * parts were sealed under. `erasures` has one row for each event for which a key was, or is to be, destroyed.
 */
const TABLES_2 = `
  ALTER TABLE data_keys ADD COLUMN life INTEGER NOT NULL DEFAULT 1;
  CREATE TABLE erasures (
    event_id TEXT PRIMARY KEY, recipient_id TEXT NOT NULL, life INTEGER NOT NULL, done INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** How far an erasure has come, beside 0, which is only announced: its key is destroyed, and is nowhere in the log either. */
export const DESTROYED = 2;
export const DONE = 1;

type Migrate = (db: SqliteDatabase, fromVersion: number) => void;

/** The writing connection. What is deleted is overwritten in the file, so that a destroyed key does not linger there. */
export function openForWriting(file: string, migrate: Migrate = refuseToMigrate): SqliteDatabase {
  const db = openDatabase(file, { synchronous: 'FULL', schemaVersion: SCHEMA_VERSION, migrate });
  db.pragma('secure_delete = ON');
  return db;
}

export function openForReading(file: string): SqliteDatabase {
  return openDatabase(file, {
    readOnly: true,
    synchronous: 'FULL',
    schemaVersion: SCHEMA_VERSION,
    migrate: refuseToMigrate,
  });
}

/** The file is brought to its version once, by `prepareVault`, which alone has the key that a new one is made under. */
function refuseToMigrate(): void {
  throw new Error('the vault has to be prepared before it is opened');
}

/**
 * Makes the vault where there is none, and answers its id. Throws `SecretsRefused` where the vault was made under
 * another key-encryption key, and `StorageError` where the file cannot be used.
 */
export function prepareVault(file: string, keyEncryptionKey: KeyObject): string {
  const db = openForWriting(file, (older, from) => {
    if (from < 1) makeVault(older, keyEncryptionKey);
    older.exec(TABLES_2);
  });
  try {
    return checkedVaultId(db, file, keyEncryptionKey);
  } finally {
    db.close();
  }
}

/** The id of an open vault. Throws `SecretsRefused` where it was made under another key-encryption key. */
export function checkedVaultId(db: SqliteDatabase, file: string, keyEncryptionKey: KeyObject): string {
  const columns = 'vault_id AS vaultId, sealed_check AS sealedCheck';
  const identity = db.prepare<[], Identity>(`SELECT ${columns} FROM identity`).get();
  if (identity === undefined) throw new Error(`${file} has no identity`);
  requireKey(file, keyEncryptionKey, identity);
  return identity.vaultId;
}

function makeVault(db: SqliteDatabase, keyEncryptionKey: KeyObject): void {
  const { vaultId, sealedCheck } = makeIdentity(keyEncryptionKey);
  db.exec(TABLES_1);
  db.prepare('INSERT INTO identity (vault_id, sealed_check) VALUES (?, ?)').run(vaultId, sealedCheck);
}
