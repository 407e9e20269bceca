import { Arena, KEY_UNITS } from './arena.js';
import { StatePacker, type KeptState } from './pack-state.js';
import { keyText, writeKey } from './recipient-key.js';
import { TextTable } from './text-table.js';
import { StateUnpacker } from './unpack-state.js';

const FIRST_SLOTS = 1 << 10;
const MAX_LOAD = 0.75;
const NONE = 0xffffffff;

/**
 * The states of very many recipients, packed outside the heap: a table of open addresses over an arena. A recipient id
 * is a keyed hash, so its own bytes are the hash that the table goes by. Nothing is ever taken out.
 */
export class PackedStates {
  readonly #packer: StatePacker;
  readonly #unpacker: StateUnpacker;
  readonly #arena = new Arena();
  readonly #key = new Int32Array(KEY_UNITS);
  readonly #keyBytes = new Uint8Array(this.#key.buffer);
  #entries = new Uint32Array(FIRST_SLOTS).fill(NONE);
  /** A byte of each entry's key: most others are told apart by it, without a look into the arena. */
  #tags = new Uint8Array(FIRST_SLOTS);
  #size = 0;

  constructor(texts = new TextTable()) {
    this.#packer = new StatePacker(texts);
    this.#unpacker = new StateUnpacker(texts);
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes taken from the system. */
  get bytes(): number {
    return this.#arena.bytes + this.#entries.byteLength + this.#tags.byteLength;
  }

  /** Undefined where nothing is known, and for a text that is no recipient id. */
  get(recipientId: string): KeptState | undefined {
    if (!writeKey(recipientId, this.#keyBytes)) return undefined;
    const entry = this.#entries[this.#slot()] as number;
    return entry === NONE ? undefined : this.#read(entry, recipientId);
  }

  /** Replaces what was kept. Throws `TooLong`, and `RangeError` for a text that is no recipient id. */
  put(recipientId: string, kept: KeptState): void {
    const payload = this.#packer.pack(kept);
    if (!writeKey(recipientId, this.#keyBytes)) throw new RangeError('not a recipient id');
    const slot = this.#slot();
    const entry = this.#entries[slot] as number;
    if (entry !== NONE && this.#arena.overwrite(entry, payload)) return;
    this.#set(slot, this.#arena.add(this.#key, payload));
    if (entry === NONE) this.#grow();
    else this.#drop(entry);
  }

  *entries(): Generator<readonly [recipientId: string, kept: KeptState]> {
    for (const entry of this.#entries) {
      if (entry === NONE) continue;
      const payloadAt = this.#arena.payloadAt(entry);
      const recipientId = keyText(this.#arena.bytesAt(entry), payloadAt - this.#keyBytes.length);
      yield [recipientId, this.#read(entry, recipientId)];
    }
  }

  #read(entry: number, recipientId: string): KeptState {
    return this.#unpacker.unpack(this.#arena.bytesAt(entry), this.#arena.payloadAt(entry), recipientId);
  }

  /** Of the key at hand: its own, or the free one that it would take. */
  #slot(): number {
    const mask = this.#entries.length - 1;
    const tag = tagOf(this.#key[1] as number);
    for (let slot = (this.#key[0] as number) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#entries[slot] as number;
      if (entry === NONE) return slot;
      if (this.#tags[slot] === tag && this.#arena.hasKey(entry, this.#key)) return slot;
    }
  }

  #slotOf(entry: number): number {
    const mask = this.#entries.length - 1;
    for (let slot = this.#arena.keyWord(entry, 0) & mask; ; slot = (slot + 1) & mask) {
      if (this.#entries[slot] === entry || this.#entries[slot] === NONE) return slot;
    }
  }

  #set(slot: number, entry: number): void {
    this.#entries[slot] = entry;
    this.#tags[slot] = tagOf(this.#arena.keyWord(entry, 1));
  }

  #drop(entry: number): void {
    const chunk = this.#arena.drop(entry);
    if (chunk === undefined) return;
    const isLive = (from: number) => this.#entries[this.#slotOf(from)] === from;
    this.#arena.move(chunk, isLive, (from, to) => this.#set(this.#slotOf(from), to));
  }

  #grow(): void {
    this.#size += 1;
    if (this.#size <= this.#entries.length * MAX_LOAD) return;
    const before = this.#entries;
    this.#entries = new Uint32Array(before.length * 2).fill(NONE);
    this.#tags = new Uint8Array(before.length * 2);
    for (const entry of before) if (entry !== NONE) this.#set(this.#slotOf(entry), entry);
  }
}

function tagOf(keyWord: number): number {
  return keyWord & 0xff;
}
