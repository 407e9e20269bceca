import type { PackedRows } from './packed-rows.js';
import type { RecipientRow } from './port.js';

/**
 * The decoded rows read last: at least so many, and at most twice as many. Two generations instead of a list in order of use: what was read since
 * the younger one was opened stays, the rest goes when it is full. A hit costs one look-up and moves nothing. Behind
 * them many more stand packed.
 */
export class RowCache {
  #young = new Map<string, RecipientRow>();
  #old = new Map<string, RecipientRow>();
  readonly #generation: number;

  constructor(
    entries: number,
    private readonly packed?: PackedRows,
  ) {
    this.#generation = Math.max(1, entries);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(recipientId: string): RecipientRow | undefined {
    const young = this.#young.get(recipientId);
    if (young !== undefined) return young;
    const older = this.#old.get(recipientId) ?? this.packed?.get(recipientId);
    if (older !== undefined) this.#keep(recipientId, older);
    return older;
  }

  put(recipientId: string, row: RecipientRow): void {
    this.#keep(recipientId, row);
    this.packed?.put(recipientId, row);
  }

  #keep(recipientId: string, row: RecipientRow): void {
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
    if (this.packed?.has(recipientId)) this.packed.put(recipientId, row);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.packed?.clear();
  }
}
