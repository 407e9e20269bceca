import { createSecretKey, type KeyObject } from 'node:crypto';
import { migrate, PostgresError, type Postgres, type Statement } from '#postgres';
import { DataKeys } from '../data-keys.js';
import { makeIdentity, requireKey, unroutedKey, type Identity } from '../identity.js';
import {
  VaultUnavailable,
  type AnnouncedErasure,
  type ApiKey,
  type Sealed,
  type Unrouted,
  type Vault,
} from '../port.js';
import { fingerprintUnder, lifeOf, openFields, sealFields } from '../sealing.js';
import { ApiKeyTable } from './api-keys.js';
import { Erasures, type ErasureLimits } from './erasures.js';
import { PostgresKeyStore } from './key-store.js';
import { VAULT_MIGRATIONS } from './schema.js';
import { UnroutedTable } from './unrouted.js';

export interface OpenPostgresVaultOptions {
  /** 32 bytes; the same for every process that uses the vault. */
  readonly keyEncryptionKey: Uint8Array;
  readonly limits?: Partial<ErasureLimits>;
}

const DEFAULT_ERASURE_LIMITS: ErasureLimits = { vacuumMs: 30_000, withdrawAfterMs: 60_000 };

/** None: what is not kept cannot outlive an erasure that another replica carried out. */
const CACHED_KEYS = 0;

const FOUND: Statement = {
  name: 'vault_found',
  text: 'INSERT INTO identity (vault_id, sealed_check) VALUES ($1, $2) ON CONFLICT DO NOTHING',
};
const IDENTITY: Statement = { name: 'vault_identity', text: 'SELECT vault_id, sealed_check FROM identity' };
const ANYTHING: Statement = {
  name: 'vault_anything',
  text: `SELECT EXISTS (SELECT FROM data_keys) OR EXISTS (SELECT FROM api_keys) OR EXISTS (SELECT FROM unrouted)`,
};

/**
 * Opens the vault in a database, made where there is none; several replicas may at once. Rejects with `SecretsRefused`
 * where the vault was made under another key, and with `PostgresError`.
 */
export async function openPostgresVault(postgres: Postgres, options: OpenPostgresVaultOptions): Promise<Vault> {
  const key = createSecretKey(options.keyEncryptionKey);
  await migrate(postgres, VAULT_MIGRATIONS);
  const { vaultId, sealedCheck } = makeIdentity(key);
  await postgres.change(FOUND, [vaultId, sealedCheck]);
  const identity = await identityIn(postgres);
  requireKey(`the vault in the schema ${postgres.schema}`, key, identity);
  return new PostgresVault(postgres, identity.vaultId, key, { ...DEFAULT_ERASURE_LIMITS, ...options.limits });
}

async function identityIn(postgres: Postgres): Promise<Identity> {
  const [row] = await postgres.query<[string, Buffer]>(IDENTITY);
  if (row === undefined) throw new Error('the vault in the database has no identity');
  return { vaultId: row[0], sealedCheck: row[1] };
}

/** Leaves the database open when it is closed: that is not the vault's alone. */
class PostgresVault implements Vault {
  private readonly keys: DataKeys;
  private readonly erasures: Erasures;
  private readonly apiKeys: ApiKeyTable;
  private readonly unrouted: UnroutedTable;
  private closed = false;
  /** What is wrong with the database is told beside the vault. */
  readonly problem = undefined;

  constructor(
    private readonly postgres: Postgres,
    readonly vaultId: string,
    keyEncryptionKey: KeyObject,
    limits: ErasureLimits,
  ) {
    this.keys = new DataKeys(keyEncryptionKey, new PostgresKeyStore(postgres), CACHED_KEYS);
    this.erasures = new Erasures(postgres, limits);
    this.apiKeys = new ApiKeyTable(postgres);
    this.unrouted = new UnroutedTable(postgres, unroutedKey(keyEncryptionKey));
  }

  seal(recipientId: string, eventId: string, personal: Readonly<Record<string, string>>): Promise<Sealed> {
    return this.orUnavailable(async () =>
      sealFields(await this.keys.findOrMake(recipientId), recipientId, eventId, personal),
    );
  }

  open(recipientId: string, eventId: string, sealed: Sealed): Promise<Readonly<Record<string, string>> | undefined> {
    return this.orUnavailable(async () => {
      const life = lifeOf(sealed);
      const dataKey = await this.keys.find(recipientId);
      return dataKey?.life === life ? openFields(dataKey, recipientId, eventId, sealed) : undefined;
    });
  }

  fingerprint(recipientId: string, value: unknown): Promise<string> {
    return this.orUnavailable(async () => fingerprintUnder(await this.keys.findOrMake(recipientId), value));
  }

  isEmpty(): Promise<boolean> {
    return this.orUnavailable(async () => {
      const [row] = await this.postgres.query<[boolean]>(ANYTHING);
      return row?.[0] === false;
    });
  }

  announceErasure(recipientId: string, eventId: string): Promise<void> {
    return this.orUnavailable(() => this.erasures.announce(recipientId, eventId));
  }

  eraseRecipient(recipientId: string, eventId: string): Promise<boolean> {
    return this.orUnavailable(() => this.erasures.carryOut(recipientId, eventId));
  }

  listAnnouncedErasures(): Promise<readonly AnnouncedErasure[]> {
    return this.orUnavailable(() => this.erasures.list());
  }

  withdrawErasure(eventId: string): Promise<void> {
    return this.orUnavailable(() => this.erasures.withdraw(eventId));
  }

  putApiKey(key: ApiKey): Promise<void> {
    return this.orUnavailable(() => this.apiKeys.put(key));
  }

  deleteApiKey(keyId: string): Promise<boolean> {
    return this.orUnavailable(() => this.apiKeys.delete(keyId));
  }

  findApiKey(keyId: string): Promise<ApiKey | undefined> {
    return this.orUnavailable(() => this.apiKeys.find(keyId));
  }

  listApiKeys(businessId: string | undefined): Promise<readonly ApiKey[]> {
    return this.orUnavailable(() => this.apiKeys.list(businessId));
  }

  keepUnrouted(items: readonly { readonly entry: Unrouted; readonly body: string }[]): Promise<void> {
    return this.orUnavailable(() => this.unrouted.keep(items));
  }

  listUnrouted({ after = '', limit }: { readonly after?: string; readonly limit: number }) {
    return this.orUnavailable(() => this.unrouted.page(after, limit));
  }

  listUnroutedOf(provider: string, providerId: string, limit: number): Promise<readonly Unrouted[]> {
    return this.orUnavailable(() => this.unrouted.of(provider, providerId, limit));
  }

  openUnrouted(id: string): Promise<{ readonly entry: Unrouted; readonly body: string } | undefined> {
    return this.orUnavailable(() => this.unrouted.open(id));
  }

  dropUnrouted(ids: readonly string[]): Promise<void> {
    return this.orUnavailable(() => this.unrouted.drop(ids));
  }

  dropUnroutedBefore(receivedAt: string): Promise<number> {
    return this.orUnavailable(() => this.unrouted.dropBefore(receivedAt));
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** A statement that the server finds wrong is a defect, and stays as it is. */
  private async orUnavailable<T>(ask: () => Promise<T>): Promise<T> {
    if (this.closed) throw new VaultUnavailable('the vault cannot be used: it is closed');
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof PostgresError) || error.problem === 'DEFECT') throw error;
      throw new VaultUnavailable(`the vault cannot be used: ${error.message}`, { cause: error });
    }
  }
}
