import { createSecretKey } from 'node:crypto';
import { join } from 'node:path';
import { snapshotDatabase, storageErrorOf, type SnapshotOptions } from '#sqlite';
import { VaultUnavailable } from './port.js';
import { checkedVaultId, openForReading } from './schema.js';
import { VAULT_FILE } from './sqlite-vault.js';

/**
 * Copies the vault of one directory into another as it is at this moment, also beside a running service. Taken after a
 * copy of the ledger it has every key that this needs, because a key is durable before anything is sealed under it.
 * Rejects with `VaultUnavailable`.
 */
export async function snapshotVault(dataDir: string, toDir: string, options: SnapshotOptions = {}): Promise<void> {
  try {
    await snapshotDatabase(join(dataDir, VAULT_FILE), join(toDir, VAULT_FILE), options);
  } catch (error) {
    throw plainly(error);
  }
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
