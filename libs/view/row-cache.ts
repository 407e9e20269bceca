import type { PackedRows } from './packed-rows.js';
import type { RecipientRow } from './port.js';

/**
 * Of those that stand packed, one in so many that are asked about is kept decoded: who is asked about often is soon among
 * them, and an audience that is asked about once neither pushes them out nor leaves the collector a million rows.
 */
const KEPT_ONE_IN = 8;

/**
 * The decoded rows read last: at least so many, and at most twice as many. Two generations instead of a list in order
 * of use: what was read since the younger one was opened stays, the rest goes when it is full. A hit costs one look-up
 * and moves nothing. Behind them many more stand packed.
 */
export class RowCache {
  #young = new Map<string, RecipientRow>();
  #old = new Map<string, RecipientRow>();
  #passed = 0;
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
    const old = this.#old.get(recipientId);
    if (old === undefined) return this.#unpacked(recipientId);
    this.#keep(recipientId, old);
    return old;
  }

  put(recipientId: string, row: RecipientRow): void {
    this.packed?.put(recipientId, row);
    const isDecoded = this.#young.has(recipientId) || this.#old.has(recipientId);
    // One that cannot be packed has no other place.
    if (isDecoded || this.packed?.has(recipientId) !== true || this.#isTurn()) this.#keep(recipientId, row);
  }

  #unpacked(recipientId: string): RecipientRow | undefined {
    const row = this.packed?.get(recipientId);
    if (row === undefined) return undefined;
    if (this.#isTurn()) this.#keep(recipientId, row);
    return row;
  }

  #isTurn(): boolean {
    this.#passed = (this.#passed + 1) % KEPT_ONE_IN;
    return this.#passed === 0;
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
