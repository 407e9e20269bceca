import { KEY_BYTES, type DataKey } from './sealing.js';

/**
 * The data keys that were unwrapped last, half of `max` at least once there were as many, their bytes side by side: each
 * in a block of its own would keep a whole block of Node's pool. The older half is let go at once: one by one, a map looks
 * through all that it has let go of to find its oldest, which came to cost more than the rest of the look-up.
 */
export class RecentKeys {
  readonly #half: number;
  #young = new Map<string, DataKey>();
  #old = new Map<string, DataKey>();
  #bytes: Buffer;
  #used = 0;

  /** With 0 it keeps nothing, for where others destroy keys too. */
  constructor(max: number) {
    this.#half = Math.ceil(max / 2);
    this.#bytes = this.#room();
  }

  get(recipientId: string): DataKey | undefined {
    return this.#young.get(recipientId) ?? this.#old.get(recipientId);
  }

  /** Two who need a key at once both bring it: it keeps one place, because one that nothing names is never overwritten. */
  set(recipientId: string, { key, life }: DataKey): void {
    if (this.#half === 0 || this.#young.get(recipientId)?.life === life) return;
    this.delete(recipientId);
    if (this.#used === this.#half) this.#age();
    const place = this.#bytes.subarray(this.#used * KEY_BYTES, (this.#used + 1) * KEY_BYTES);
    this.#used += 1;
    place.set(key);
    this.#young.set(recipientId, { key: place, life });
  }

  /**
   * The bytes are overwritten too, in a later turn of the event loop: whoever found them in this one seals with them in
   * this one, and must not do so with zeros.
   */
  delete(recipientId: string): void {
    for (const keys of [this.#young, this.#old]) {
      const found = keys.get(recipientId);
      if (found !== undefined) setImmediate(() => found.key.fill(0));
      keys.delete(recipientId);
    }
  }

  #age(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#bytes = this.#room();
    this.#used = 0;
  }

  #room(): Buffer {
    return Buffer.alloc(this.#half * KEY_BYTES);
  }
}
