import type { RecipientRow } from './port.js';

/**
 * The decoded rows read last: at least so many, and at most twice as many. Two generations instead of a list in order of use: what was read since
 * the younger one was opened stays, the rest goes when it is full. A hit costs one look-up and moves nothing.
 */
export class RowCache {
  #young = new Map<string, RecipientRow>();
  #old = new Map<string, RecipientRow>();
  readonly #generation: number;

  constructor(entries: number) {
    this.#generation = Math.max(1, entries);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(recipientId: string): RecipientRow | undefined {
    const young = this.#young.get(recipientId);
    if (young !== undefined) return young;
    const old = this.#old.get(recipientId);
    if (old !== undefined) this.put(recipientId, old);
    return old;
  }

  put(recipientId: string, row: RecipientRow): void {
    this.#old.delete(recipientId);
    this.#young.set(recipientId, row);
    if (this.#young.size < this.#generation) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** A row that changed; rows that nobody reads are not taken in. */
  replace(recipientId: string, row: RecipientRow): void {
    if (this.#young.has(recipientId)) this.#young.set(recipientId, row);
    else if (this.#old.has(recipientId)) this.#old.set(recipientId, row);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
