import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { SealInvalid } from './port.js';
import { openBytes, sealBytes } from './sealing.js';
import { SecretsRefused } from './secret-file.js';

const VAULT_ID_BYTES = 16;
const UNROUTED_KEY_LABEL = 'consent-ledger/unrouted-key/v1';
const CHECK_TEXT = 'this vault was made under this key';

/** Which vault it is, and a text sealed under the key-encryption key, by which a wrong key is found out before it is used. */
export interface Identity {
  readonly vaultId: string;
  readonly sealedCheck: Buffer;
}

export function makeIdentity(keyEncryptionKey: KeyObject): Identity {
  const vaultId = randomBytes(VAULT_ID_BYTES).toString('base64url');
  return { vaultId, sealedCheck: sealBytes(keyEncryptionKey, checkPlace(vaultId), Buffer.from(CHECK_TEXT)) };
}

/** Throws `SecretsRefused` where the vault was made under another key-encryption key; `where` names it to a person. */
export function requireKey(where: string, keyEncryptionKey: KeyObject, { vaultId, sealedCheck }: Identity): void {
  try {
    openBytes(keyEncryptionKey, checkPlace(vaultId), sealedCheck);
  } catch (error) {
    if (!(error instanceof SealInvalid)) throw error;
    const remedy = `it does not fit ${where}: set the value that the vault was made with, or restore secrets.json`;
    throw new SecretsRefused('KEY_ENCRYPTION_KEY', remedy);
  }
}

function checkPlace(vaultId: string) {
  return ['vault-check', 1, vaultId];
}

/** The key of the vault's own, for what belongs to no recipient yet. */
export function unroutedKey(keyEncryptionKey: KeyObject): KeyObject {
  return createSecretKey(createHmac('sha256', keyEncryptionKey).update(UNROUTED_KEY_LABEL).digest());
}

export function bodyPlace(id: string) {
  return ['unrouted', 1, id];
}
