import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LEDGER_FILE, SYSTEM_STREAM, startLedger, type EventStore, type Position } from '#event-store';
import type { Clock, Config } from '#platform';
import {
  RecipientIds,
  VAULT_FILE,
  fingerprintOf,
  openAdminKey,
  openPostgresVault,
  openSecrets,
  openSqliteVault,
  type AdminKey,
  type Secrets,
  type Vault,
} from '#vault';
import type { KeyMemory } from './authenticate.js';
import type { Grounds } from './grounds.js';
import type { Opened } from './opened.js';

/** Others may keep streams of their own on the same EventStoreDB. */
const OWN_PREFIXES = [SYSTEM_STREAM, 'business-', 'consent-', 'conversation-'];

/** The vault, and what is derived from the secrets. */
export interface Keys {
  readonly vault: Vault;
  readonly ids: RecipientIds;
  readonly adminKey: AdminKey;
}

/** Secrets and vault must be those that the ledger began with; a lost one is never replaced by a new one. */
export async function openKeys(config: Config, clock: Clock, grounds: Grounds, opened: Opened): Promise<Keys> {
  const { dataDir, secrets: configured } = config;
  const secrets = await findSecrets(config, grounds);
  const vault = opened.add(await openVault(config, grounds, secrets), (one) => one.close());
  // Asked before the ledger is: another replica may begin both meanwhile, the ledger first.
  const vaultIsEmpty = await vault.isEmpty();
  // Whoever once had a key was once in a ledger: an empty one beside them has forgotten every stop.
  if (!vaultIsEmpty && !(await hasBegun(grounds.store))) throw new Lost(ledgerName(config), 'vault');
  await startLedger(grounds.store, {
    now: new Date(clock.now()),
    fingerprints: {
      PEPPER: fingerprintOf(secrets.pepper),
      KEY_ENCRYPTION_KEY: fingerprintOf(secrets.keyEncryptionKey),
      vault: fingerprintOf(vault.vaultId),
    },
  });
  const adminKey = openAdminKey({ dataDir, ...(configured.adminKey ? { configured: configured.adminKey } : {}) });
  return { vault, ids: new RecipientIds(secrets.pepper), adminKey };
}

/** A vault on a server is told by its fingerprint in the ledger, and its secrets are never made here. */
async function findSecrets({ dataDir, secrets, database }: Config, { store }: Grounds): Promise<Secrets> {
  const ledgerExists = await hasBegun(store);
  const vaultExists = database === undefined ? existsSync(join(dataDir, VAULT_FILE)) : ledgerExists;
  if (ledgerExists && !vaultExists) throw new Lost(join(dataDir, VAULT_FILE), 'ledger');
  return openSecrets({ dataDir, ledgerExists, vaultExists, ...secrets });
}

function openVault({ dataDir, limits }: Config, { postgres }: Grounds, { keyEncryptionKey }: Secrets): Promise<Vault> {
  if (postgres) return openPostgresVault(postgres, { keyEncryptionKey });
  return openSqliteVault({ dataDir, keyEncryptionKey, limits: { cachedDataKeys: limits.dataKeyCacheEntries } });
}

/** A page may end among what others keep there before it has come to anything of ours. */
async function hasBegun(store: EventStore): Promise<boolean> {
  if ((await store.readStream(SYSTEM_STREAM, { limit: 1 })).length > 0) return true;
  for (let from: Position | undefined; ;) {
    const start = from === undefined ? {} : { from };
    const page = await store.readAll({ ...start, prefixes: OWN_PREFIXES, limit: 1 });
    if (page.events.length > 0) return true;
    if (page.atEnd) return false;
    from = page.position;
  }
}

/** A vault on a server may be another process's too. */
export function keyMemoryOf({ limits, database }: Config, clock: Clock): KeyMemory {
  const capacity = limits.apiKeyCacheEntries;
  return database ? { capacity, clock, maxAgeMs: database.apiKeyMaxAgeMs } : { capacity, clock };
}

function ledgerName({ dataDir, eventStore }: Config): string {
  return eventStore ? 'the ledger at EVENTSTORE_URL' : join(dataDir, LEDGER_FILE);
}

/** One of the two that belong together is gone: it is never replaced by an empty one. */
class Lost extends Error {
  constructor(file: string, other: 'ledger' | 'vault') {
    super(`${file} is missing or empty, but there is a ${other} that belongs to it: restore it from a backup`);
    this.name = 'Lost';
  }
}
