import { createSecretKey } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase, snapshotDatabase, storageErrorOf, type SnapshotOptions, type SqliteDatabase } from '#sqlite';
import { VaultUnavailable } from './port.js';
import { checkedVaultId, openForReading, openForWriting } from './schema.js';
import { VAULT_FILE } from './sqlite-vault.js';

/** Beside the copy of a vault that is being made. */
const UNROUTED_FILE = 'unrouted.db';
const UNROUTED_COLUMNS = 'id, provider, reason, kind, provider_id, received_at, body';

/**
 * Begins the copy of a vault that is to go with one of its ledger: keeps what is unrouted now. It may go from the vault
 * into the ledger while the two are copied, and would then be in neither copy. Throws `VaultUnavailable`.
 */
export function beginVaultSnapshot(dataDir: string, toDir: string): void {
  try {
    const vault = openForReading(join(dataDir, VAULT_FILE));
    try {
      copyUnrouted(vault, join(toDir, UNROUTED_FILE));
    } finally {
      vault.close();
    }
  } catch (error) {
    throw plainly(error);
  }
}

/**
 * Copies the vault of one directory into another as it is at this moment, also beside a running service, with what was
 * unrouted when the copy was begun. Taken after a copy of the ledger it has every key that this needs, because a key is
 * durable before anything is sealed under it. Rejects with `VaultUnavailable`.
 */
export async function snapshotVault(dataDir: string, toDir: string, options: SnapshotOptions = {}): Promise<void> {
  try {
    await snapshotDatabase(join(dataDir, VAULT_FILE), join(toDir, VAULT_FILE), options);
    addUnrouted(join(toDir, VAULT_FILE), join(toDir, UNROUTED_FILE));
  } catch (error) {
    throw plainly(error);
  }
}

function copyUnrouted(vault: SqliteDatabase, file: string): void {
  const copy = openDatabase(file, {
    synchronous: 'NORMAL',
    schemaVersion: 1,
    migrate: (fresh) => void fresh.exec(`CREATE TABLE unrouted (${UNROUTED_COLUMNS})`),
  });
  try {
    const rows = vault.prepare<[], unknown[]>(`SELECT ${UNROUTED_COLUMNS} FROM unrouted`).raw();
    const insert = copy.prepare<unknown[]>('INSERT INTO unrouted VALUES (?, ?, ?, ?, ?, ?, ?)');
    copy.transaction(() => {
      for (const row of rows.iterate()) insert.run(...row);
    })();
  } finally {
    copy.close();
  }
}

/** What was recorded all the same changes nothing when it is recorded again. */
function addUnrouted(vaultFile: string, file: string): void {
  if (!existsSync(file)) return;
  const vault = openForWriting(vaultFile);
  try {
    vault.prepare('ATTACH ? AS kept').run(file);
    vault.exec(`INSERT OR IGNORE INTO unrouted (${UNROUTED_COLUMNS}) SELECT ${UNROUTED_COLUMNS} FROM kept.unrouted`);
    vault.exec('DETACH kept');
    // The copy of a database has no log beside it.
    vault.pragma('journal_mode = DELETE');
  } finally {
    vault.close();
  }
  rmSync(file);
}

/**
 * The id of a vault, read without a trace. Throws `SecretsRefused` where it was made under another key-encryption key,
 * and `VaultUnavailable` where its file cannot be used.
 */
export function vaultIdOf(dataDir: string, keyEncryptionKey: Uint8Array): string {
  const file = join(dataDir, VAULT_FILE);
  try {
    const db = openForReading(file);
    try {
      return checkedVaultId(db, file, createSecretKey(keyEncryptionKey));
    } finally {
      db.close();
    }
  } catch (error) {
    throw plainly(error);
  }
}

function plainly(error: unknown): unknown {
  const storage = storageErrorOf(error);
  return storage ? new VaultUnavailable(`the vault cannot be used: ${storage.message}`, { cause: error }) : error;
}
