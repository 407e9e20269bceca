import { LedgerMismatch, depthOf, openSqliteStore, startLedger, summaryOf } from '#event-store';
import type { LedgerSummary, Position } from '#event-store';
import type { Config } from '#platform';
import { fingerprintOf, openSecrets, vaultIdOf } from '#vault';
import { Refused } from './tool.js';

export interface Examined {
  readonly ledger: LedgerSummary & { readonly head: Position };
  readonly keyEncryptionKey: Uint8Array;
}

/**
 * Reads a set of ledger, vault and secrets through, as it lies in one directory, and makes sure that the three belong
 * together. `configured` are the secrets that are not in the set. Rejects with `Refused` or `SecretsRefused` where they
 * do not, and with the stores' own errors.
 */
export async function examine(
  directory: string,
  configured: Config['secrets'],
  onShare: (share: number) => void,
): Promise<Examined> {
  const { pepper, keyEncryptionKey } = openSecrets({
    dataDir: directory,
    ledgerExists: true,
    vaultExists: true,
    ...configured,
  });
  const vaultId = vaultIdOf(directory, keyEncryptionKey);
  const store = await openSqliteStore({ dataDir: directory, readOnly: true });
  try {
    const head = await store.head();
    if (depthOf(head) === 0) throw new Refused('the ledger holds no event: there is nothing to keep');
    const fingerprints = {
      PEPPER: fingerprintOf(pepper),
      KEY_ENCRYPTION_KEY: fingerprintOf(keyEncryptionKey),
      vault: fingerprintOf(vaultId),
    };
    await startLedger(store, { fingerprints, now: new Date() }).catch((error: unknown) => {
      throw error instanceof LedgerMismatch ? new Refused(error.message) : error;
    });
    const onEvent = ({ position }: { readonly position: Position }) => onShare(depthOf(position) / depthOf(head));
    return { ledger: { ...(await summaryOf(store, { onEvent })), head }, keyEncryptionKey };
  } finally {
    await store.close();
  }
}
