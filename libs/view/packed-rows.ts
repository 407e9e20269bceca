import { ByteReader, ByteWriter, NO_ENTRY, PackedTable, TextTable, TooLong, isRecipientId } from '#packed';
import { readState, writeState } from './packed-state.js';
import type { RecipientRow } from './port.js';

/**
 * Rows packed outside the heap, in about an eighth of what they take as objects, at most so many bytes of them. Two
 * generations: what was read or written since the younger one was opened stays, the rest goes when that is full.
 */
export class PackedRows {
  readonly #out: ByteWriter;
  readonly #in: ByteReader;
  readonly #generationBytes: number;
  #young = new PackedTable();
  #old = new PackedTable();

  constructor(maxBytes: number) {
    const texts = new TextTable();
    this.#out = new ByteWriter(texts);
    this.#in = new ByteReader(texts);
    this.#generationBytes = maxBytes / 2;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Bytes taken from the system. */
  get bytes(): number {
    return this.#young.bytes + this.#old.bytes;
  }

  get(recipientId: string): RecipientRow | undefined {
    // What stands in the younger one counts, also where it says that the row is too long to be kept.
    const young = this.#young.entryOf(recipientId);
    if (young !== NO_ENTRY) return read(this.#young, young, recipientId, this.#in);
    const old = read(this.#old, this.#old.entryOf(recipientId), recipientId, this.#in);
    if (old !== undefined) this.put(recipientId, old);
    return old;
  }

  /** One that is too long to be packed is not kept, nor is what was kept in its place. */
  put(recipientId: string, row: RecipientRow): void {
    if (!isRecipientId(recipientId)) return;
    this.#young.put(recipientId, this.#packed(recipientId, row));
    if (this.#young.bytes < this.#generationBytes) return;
    this.#old = this.#young;
    this.#young = new PackedTable();
  }

  has(recipientId: string): boolean {
    const newest = this.#young.entryOf(recipientId) === NO_ENTRY ? this.#old : this.#young;
    return isKept(newest, recipientId);
  }

  clear(): void {
    this.#young = new PackedTable();
    this.#old = new PackedTable();
  }

  #packed(recipientId: string, { businessId, state }: RecipientRow): Uint8Array {
    const out = this.#out;
    out.length = 0;
    try {
      out.byte(KEPT);
      out.text(businessId);
      writeState(out, state, recipientId);
    } catch (error) {
      if (!(error instanceof TooLong)) throw error;
      return NOT_KEPT;
    }
    return out.bytes.subarray(0, out.length);
  }
}

const KEPT = 1;
/** In a row's place. */
const NOT_KEPT = new Uint8Array([0]);

function isKept(table: PackedTable, recipientId: string): boolean {
  const entry = table.entryOf(recipientId);
  return entry !== NO_ENTRY && table.bytesAt(entry)[table.payloadAt(entry)] === KEPT;
}

function read(table: PackedTable, entry: number, recipientId: string, input: ByteReader): RecipientRow | undefined {
  if (entry === NO_ENTRY) return undefined;
  input.bytes = table.bytesAt(entry);
  input.at = table.payloadAt(entry);
  if (input.byte() !== KEPT) return undefined;
  const businessId = input.text();
  return { businessId, state: readState(input, recipientId) };
}
