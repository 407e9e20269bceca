import type { KeyObject } from 'node:crypto';
import { RecentKeys } from './recent-keys.js';
import { makeWrappedKey, unwrapKey, type DataKey } from './sealing.js';

/** A recipient's key as it is kept, and which of that recipient's keys it is, counted from 1. */
export interface WrappedKey {
  readonly wrapped: Uint8Array;
  readonly life: number;
}

/** Where wrapped data keys are kept. */
export interface WrappedKeyStore {
  find(recipientId: string): Promise<WrappedKey | undefined>;
  /** Keeps the key unless there is one, and answers the one that is kept, once that is durable. */
  keepFirst(recipientId: string, wrapped: Uint8Array): Promise<WrappedKey>;
}

/** The recipients' data keys, unwrapped; a bounded number stays in memory. */
export class DataKeys {
  private readonly cached: RecentKeys;
  private forgotten = 0;

  constructor(
    private readonly keyEncryptionKey: KeyObject,
    private readonly store: WrappedKeyStore,
    maxCached: number,
  ) {
    this.cached = new RecentKeys(maxCached);
  }

  /** Undefined where there is no key: it was destroyed, or nothing was ever sealed. */
  async find(recipientId: string): Promise<DataKey | undefined> {
    const cached = this.cached.get(recipientId);
    if (cached !== undefined) return cached;
    const { forgotten } = this;
    const kept = await this.store.find(recipientId);
    return kept === undefined ? undefined : this.unwrap(recipientId, kept, forgotten);
  }

  /**
   * Of two who make the first key at once, both get the one that was stored: what is sealed under a key that is not
   * would be lost.
   */
  async findOrMake(recipientId: string): Promise<DataKey> {
    const found = await this.find(recipientId);
    if (found !== undefined) return found;
    const { forgotten } = this;
    const offered = makeWrappedKey(this.keyEncryptionKey, recipientId);
    return this.unwrap(recipientId, await this.store.keepFirst(recipientId, offered), forgotten);
  }

  /** To be called when the stored key was destroyed. */
  forget(recipientId: string): void {
    this.cached.delete(recipientId);
    this.forgotten += 1;
  }

  /** What was read before a key was forgotten may be that very key, and is not remembered again. */
  private unwrap(recipientId: string, { wrapped, life }: WrappedKey, forgotten: number): DataKey {
    const dataKey = { key: unwrapKey(this.keyEncryptionKey, recipientId, wrapped), life };
    if (forgotten === this.forgotten) this.cached.set(recipientId, dataKey);
    return dataKey;
  }
}
