import type { KeyObject } from 'node:crypto';
import { makeWrappedKey, unwrapKey } from './sealing.js';

/** Where wrapped data keys are kept. */
export interface WrappedKeyStore {
  find(recipientId: string): Promise<Uint8Array | undefined>;
  /** Keeps the key unless there is one, and answers the one that is kept, once that is durable. */
  keepFirst(recipientId: string, wrapped: Uint8Array): Promise<Uint8Array>;
}

/** The recipients' data keys, unwrapped; a bounded number stays in memory. */
export class DataKeys {
  private readonly cached = new Map<string, KeyObject>();

  constructor(
    private readonly keyEncryptionKey: KeyObject,
    private readonly store: WrappedKeyStore,
    private readonly maxCached: number,
  ) {}

  /** Undefined where there is no key: it was destroyed, or nothing was ever sealed. */
  async find(recipientId: string): Promise<KeyObject | undefined> {
    const cached = this.cached.get(recipientId);
    if (cached !== undefined) return cached;
    const wrapped = await this.store.find(recipientId);
    return wrapped === undefined ? undefined : this.unwrap(recipientId, wrapped);
  }

  /**
   * Of two who make the first key at once, both get the one that was stored: what is sealed under a key that is not
   * would be lost.
   */
  async findOrMake(recipientId: string): Promise<KeyObject> {
    const found = await this.find(recipientId);
    if (found !== undefined) return found;
    const offered = makeWrappedKey(this.keyEncryptionKey, recipientId);
    return this.unwrap(recipientId, await this.store.keepFirst(recipientId, offered));
  }

  private unwrap(recipientId: string, wrapped: Uint8Array): KeyObject {
    const key = unwrapKey(this.keyEncryptionKey, recipientId, wrapped);
    this.cached.delete(recipientId);
    this.cached.set(recipientId, key);
    if (this.cached.size > this.maxCached) this.cached.delete(this.cached.keys().next().value as string);
    return key;
  }
}
