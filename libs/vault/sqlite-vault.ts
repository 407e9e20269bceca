import { createSecretKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  StorageError,
  WriterOverloaded,
  openGroupWriter,
  storageErrorOf,
  workerUrl,
  type GroupWriter,
  type Lane,
  type SqliteDatabase,
} from '#sqlite';
import { DataKeys, type WrappedKey } from './data-keys.js';
import { bodyPlace, unroutedKey } from './identity.js';
import { DEFAULT_VAULT_LIMITS, type VaultLimits } from './limits.js';
import {
  VaultUnavailable,
  type AnnouncedErasure,
  type ApiKey,
  type Sealed,
  type Unrouted,
  type Vault,
} from './port.js';
import { plainEntry, plainText } from './plain-text.js';
import { vaultReadsOf, type VaultReads } from './reads.js';
import { openForReading, prepareVault } from './schema.js';
import { fingerprintUnder, lifeOf, openBytes, openFields, sealBytes, sealFields } from './sealing.js';
import type { VaultJob, VaultJobDone } from './writes.js';

export interface OpenSqliteVaultOptions {
  /** Where `vault.db` is; must exist. */
  readonly dataDir: string;
  /** 32 bytes. */
  readonly keyEncryptionKey: Uint8Array;
  readonly limits?: Partial<VaultLimits>;
}

export const VAULT_FILE = 'vault.db';

/** How often it is looked whether the log could be emptied. */
const LOOK_MS = 20;

/**
 * Opens the vault of a data directory, making it where there is none. Writes go through a thread of their own, so that
 * the event loop never waits for the disk. Rejects with `SecretsRefused` where the vault was made under another key, and
 * with `VaultUnavailable` where its file cannot be used.
 */
export async function openSqliteVault(options: OpenSqliteVaultOptions): Promise<Vault> {
  const file = join(options.dataDir, VAULT_FILE);
  const limits = { ...DEFAULT_VAULT_LIMITS, ...options.limits };
  const key = createSecretKey(options.keyEncryptionKey);
  try {
    const vaultId = prepareVault(file, key);
    const reader = openForReading(file);
    const writer = await openWriter(file, limits).catch((error: unknown) => {
      reader.close();
      throw error;
    });
    return new SqliteVault(vaultId, key, writer, reader, limits);
  } catch (error) {
    throw asUnavailable(error);
  }
}

function openWriter(file: string, limits: VaultLimits): Promise<GroupWriter<VaultJob, VaultJobDone>> {
  return openGroupWriter({
    program: workerUrl(import.meta.url, './writer.js'),
    workerData: { file },
    limits: { queuedJobs: limits.queuedWrites },
    sizeOf: bytesOf,
  });
}

class SqliteVault implements Vault {
  private readonly reads: VaultReads;
  private readonly keys: DataKeys;
  private readonly unroutedKey: KeyObject;

  constructor(
    readonly vaultId: string,
    keyEncryptionKey: KeyObject,
    private readonly writer: GroupWriter<VaultJob, VaultJobDone>,
    private readonly reader: SqliteDatabase,
    private readonly limits: VaultLimits,
  ) {
    this.reads = vaultReadsOf(reader);
    this.unroutedKey = unroutedKey(keyEncryptionKey);
    const store = {
      find: async (recipientId: string) => this.read((reads) => reads.wrappedKey(recipientId)),
      keepFirst: (recipientId: string, wrapped: Uint8Array) => this.keepKey(recipientId, wrapped),
    };
    this.keys = new DataKeys(keyEncryptionKey, store, limits.cachedDataKeys);
  }

  get problem(): string | undefined {
    return this.writer.status().problem;
  }

  async seal(recipientId: string, eventId: string, personal: Readonly<Record<string, string>>): Promise<Sealed> {
    return sealFields(await this.keys.findOrMake(recipientId), recipientId, eventId, personal);
  }

  async open(
    recipientId: string,
    eventId: string,
    sealed: Sealed,
  ): Promise<Readonly<Record<string, string>> | undefined> {
    const life = lifeOf(sealed);
    const dataKey = await this.keys.find(recipientId);
    return dataKey?.life === life ? openFields(dataKey, recipientId, eventId, sealed) : undefined;
  }

  async fingerprint(recipientId: string, value: unknown): Promise<string> {
    return fingerprintUnder(await this.keys.findOrMake(recipientId), value);
  }

  async isEmpty(): Promise<boolean> {
    return this.read((reads) => reads.isEmpty());
  }

  async announceErasure(recipientId: string, eventId: string): Promise<void> {
    await this.write({ is: 'announceErasure', recipientId, eventId }, 'revocation');
  }

  async eraseRecipient(recipientId: string, eventId: string): Promise<boolean> {
    const { mark } = await this.write({ is: 'destroyKey', recipientId, eventId }, 'revocation');
    if (mark === undefined) return false;
    this.keys.forget(recipientId);
    const deadline = performance.now() + this.limits.emptyLogMs;
    while (!(await this.closed(eventId, mark))) {
      if (performance.now() > deadline) throw new VaultUnavailable('the log of the vault is held by others');
      await pause(LOOK_MS);
    }
    return true;
  }

  async listAnnouncedErasures(): Promise<readonly AnnouncedErasure[]> {
    return this.read((reads) => reads.announcedErasures());
  }

  async withdrawErasure(eventId: string): Promise<void> {
    await this.write({ is: 'withdrawErasure', eventId }, 'revocation');
  }

  async putApiKey(key: ApiKey): Promise<void> {
    await this.write({ is: 'putApiKey', key }, 'normal');
  }

  async deleteApiKey(keyId: string): Promise<boolean> {
    return (await this.write({ is: 'deleteApiKey', keyId }, 'normal')).changes > 0;
  }

  async findApiKey(keyId: string): Promise<ApiKey | undefined> {
    return this.read((reads) => reads.apiKey(keyId));
  }

  async listApiKeys(businessId: string | undefined): Promise<readonly ApiKey[]> {
    return this.read((reads) => reads.apiKeys(businessId));
  }

  /** In the lane that is never full: what is kept here may be an opt-out. */
  async keepUnrouted(items: readonly { readonly entry: Unrouted; readonly body: string }[]): Promise<void> {
    const sealed = items.map(({ entry, body }) => ({
      entry: plainEntry(entry),
      sealedBody: sealBytes(this.unroutedKey, bodyPlace(entry.id), Buffer.from(body)),
    }));
    await this.write({ is: 'keepUnrouted', items: sealed }, 'revocation');
  }

  async listUnrouted({ after = '', limit }: { readonly after?: string; readonly limit: number }) {
    return this.read((reads) => reads.unroutedPage(after, limit));
  }

  async listUnroutedOf(provider: string, providerId: string, limit: number): Promise<readonly Unrouted[]> {
    return this.read((reads) => reads.unroutedOf(provider, plainText(providerId), limit));
  }

  async openUnrouted(id: string): Promise<{ readonly entry: Unrouted; readonly body: string } | undefined> {
    const found = this.read((reads) => reads.unrouted(id));
    if (found === undefined) return undefined;
    return { entry: found.entry, body: openBytes(this.unroutedKey, bodyPlace(id), found.sealedBody).toString() };
  }

  async dropUnrouted(ids: readonly string[]): Promise<void> {
    await this.write({ is: 'dropUnrouted', ids }, 'normal');
  }

  async dropUnroutedBefore(receivedAt: string): Promise<number> {
    return (await this.write({ is: 'dropUnroutedBefore', receivedAt }, 'normal')).changes;
  }

  /** The writer last: whoever closes a database last moves the log into it, and only the writer may. */
  async close(): Promise<void> {
    this.reader.close();
    await this.writer.close();
  }

  /** In the lane that is never full: an opt-out's evidence needs the key as well. */
  private async keepKey(recipientId: string, wrapped: Uint8Array): Promise<WrappedKey> {
    const { kept } = await this.write({ is: 'keepKey', recipientId, wrapped }, 'revocation');
    if (kept === undefined) throw new Error('the writer did not say which key it kept');
    return kept;
  }

  /** The log is emptied between two jobs, so that this asks whether it was and has it tried again. */
  private async closed(eventId: string, mark: number): Promise<boolean> {
    return (await this.write({ is: 'closeErasure', eventId, mark }, 'revocation')).changes > 0;
  }

  private async write(job: VaultJob, lane: Lane): Promise<VaultJobDone> {
    try {
      return await this.writer.submit(job, lane);
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  private read<Answer>(ask: (reads: VaultReads) => Answer): Answer {
    if (!this.reader.open) throw asUnavailable(new StorageError('CLOSED'));
    try {
      return ask(this.reads);
    } catch (error) {
      throw asUnavailable(error);
    }
  }
}

/** For the limit of a batch: the bodies are what weighs. */
function bytesOf(job: VaultJob): number {
  return job.is === 'keepUnrouted' ? job.items.reduce((total, { sealedBody }) => total + sealedBody.length, 0) : 0;
}

/** What the disk or a full queue is to blame for; any other error is a defect and stays as it is. */
function asUnavailable(error: unknown): unknown {
  const cause = error instanceof WriterOverloaded ? error : storageErrorOf(error);
  return cause === undefined ? error : new VaultUnavailable(`the vault cannot be used: ${cause.message}`, { cause });
}
