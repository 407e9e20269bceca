import type { PackedRows } from './packed-rows.js';
import type { RecipientRow } from './port.js';

/** Rows too long to be packed, which are seldom and take a megabyte or more: at most twice so many are kept. */
const LONG_ROWS = 32;

/**
 * The rows read last. Where there is room for packed ones they stand packed, and as objects only those that are too long
 * for it: looking among the objects first costs more than unpacking does, unless few are asked about.
 */
export class RowCache {
  readonly #decoded: DecodedRows;

  /** Without packed ones: so many rows as objects at least, and at most twice as many. */
  constructor(
    entries: number,
    private readonly packed?: PackedRows,
  ) {
    this.#decoded = new DecodedRows(packed ? LONG_ROWS : entries);
  }

  /** Rows kept as objects. */
  get size(): number {
    return this.#decoded.size;
  }

  get(recipientId: string): RecipientRow | undefined {
    return this.packed?.get(recipientId) ?? this.#decoded.get(recipientId);
  }

  has(recipientId: string): boolean {
    return this.packed?.has(recipientId) === true || this.#decoded.has(recipientId);
  }

  put(recipientId: string, row: RecipientRow): void {
    this.packed?.put(recipientId, row);
    if (this.packed?.has(recipientId)) this.#decoded.delete(recipientId);
    else this.#decoded.put(recipientId, row);
  }

  /** A row that changed; rows that nobody reads are not taken in. */
  replace(recipientId: string, row: RecipientRow): void {
    if (this.has(recipientId)) this.put(recipientId, row);
  }

  clear(): void {
    this.#decoded.clear();
    this.packed?.clear();
  }
}

/**
 * Two generations instead of a list in order of use: what was read since the younger one was opened stays, the rest goes
 * when it is full. A hit costs one look-up and moves nothing.
 */
class DecodedRows {
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

  has(recipientId: string): boolean {
    return this.#young.has(recipientId) || this.#old.has(recipientId);
  }

  put(recipientId: string, row: RecipientRow): void {
    this.#old.delete(recipientId);
    this.#young.set(recipientId, row);
    if (this.#young.size < this.#generation) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  delete(recipientId: string): void {
    this.#young.delete(recipientId);
    this.#old.delete(recipientId);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
