import { NO_ENTRY, PackedTable, TextTable } from '#packed';
import { StatePacker, type KeptState } from './pack-state.js';
import { StateUnpacker, type ReadState } from './unpack-state.js';

/** The states of very many recipients, packed outside the heap. Nothing is ever taken out. */
export class PackedStates {
  readonly #packer: StatePacker;
  readonly #unpacker: StateUnpacker;
  readonly #table = new PackedTable();

  constructor(texts = new TextTable()) {
    this.#packer = new StatePacker(texts);
    this.#unpacker = new StateUnpacker(texts);
  }

  get size(): number {
    return this.#table.size;
  }

  /** Bytes taken from the system. */
  get bytes(): number {
    return this.#table.bytes;
  }

  /**
   * Undefined where nothing is known, and for a text that is no recipient id. With a `channel`, what a decision about it
   * does not look at may be missing.
   */
  get(recipientId: string, channel?: string): ReadState | undefined {
    const entry = this.#table.entryOf(recipientId);
    return entry === NO_ENTRY ? undefined : this.#read(entry, recipientId, channel);
  }

  /** Replaces what was kept. Throws `TooLong`, and `RangeError` for a text that is no recipient id. */
  put(recipientId: string, kept: KeptState): void {
    this.#table.put(recipientId, this.#packer.pack(kept));
  }

  *entries(): Generator<readonly [recipientId: string, kept: ReadState]> {
    for (const [recipientId, entry] of this.#table.entries()) yield [recipientId, this.#read(entry, recipientId)];
  }

  #read(entry: number, recipientId: string, channel?: string): ReadState {
    return this.#unpacker.unpack(this.#table.bytesAt(entry), this.#table.payloadAt(entry), recipientId, channel);
  }
}
