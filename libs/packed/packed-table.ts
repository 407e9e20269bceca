import { Arena, KEY_UNITS } from './arena.js';
import { keyText, writeKey } from './recipient-key.js';

const FIRST_SLOTS = 1 << 10;
const SLOT_WORDS = 2;
const MAX_LOAD = 0.75;

/** Stands for an entry where there is none. */
export const NO_ENTRY = 0xffffffff;

/**
 * Some bytes for each of very many recipients, outside the heap: a table of open addresses over an arena. A recipient id
 * is a keyed hash, so its own bytes are the hash that the table goes by. Nothing is ever taken out. An entry is good
 * until the next `put`.
 */
export class PackedTable {
  readonly #arena = new Arena();
  readonly #key = new Int32Array(KEY_UNITS);
  readonly #keyBytes = new Uint8Array(this.#key.buffer);
  /** Of each slot the entry, and a word of its key: most others are told apart by it, without a look into the arena. */
  #slots = freeSlots(FIRST_SLOTS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Bytes taken from the system. */
  get bytes(): number {
    return this.#arena.bytes + this.#slots.byteLength;
  }

  /** `NO_ENTRY` where nothing was put, and for a text that is no recipient id. */
  entryOf(recipientId: string): number {
    return writeKey(recipientId, this.#keyBytes) ? (this.#slots[this.#slot()] as number) : NO_ENTRY;
  }

  /** The bytes among which those of the entry are. */
  bytesAt(entry: number): Buffer {
    return this.#arena.bytesAt(entry);
  }

  /** Where in `bytesAt` they begin. */
  payloadAt(entry: number): number {
    return this.#arena.payloadAt(entry);
  }

  /** Replaces what was put before. Throws `RangeError` for a text that is no recipient id. */
  put(recipientId: string, payload: Uint8Array): void {
    if (!writeKey(recipientId, this.#keyBytes)) throw new RangeError('not a recipient id');
    const slot = this.#slot();
    const entry = this.#slots[slot] as number;
    if (entry !== NO_ENTRY && this.#arena.overwrite(entry, payload)) return;
    this.#set(slot, this.#arena.add(this.#key, payload));
    if (entry === NO_ENTRY) this.#grow();
    else this.#drop(entry);
  }

  *entries(): Generator<readonly [recipientId: string, entry: number]> {
    for (let slot = 0; slot < this.#slots.length; slot += SLOT_WORDS) {
      const entry = this.#slots[slot] as number;
      if (entry === NO_ENTRY) continue;
      yield [keyText(this.bytesAt(entry), this.payloadAt(entry) - this.#keyBytes.length), entry];
    }
  }

  /** Where the key at hand is, or the free slot that it would take. */
  #slot(): number {
    const slots = this.#slots;
    const [first, second] = [this.#key[0] as number, (this.#key[1] as number) >>> 0];
    for (let slot = firstSlot(first, slots.length); ; slot = nextSlot(slot, slots.length)) {
      const entry = slots[slot] as number;
      if (entry === NO_ENTRY) return slot;
      if (slots[slot + 1] === second && this.#arena.hasKey(entry, this.#key)) return slot;
    }
  }

  #slotOf(entry: number): number {
    const slots = this.#slots;
    for (let slot = firstSlot(this.#arena.keyWord(entry, 0), slots.length); ; slot = nextSlot(slot, slots.length)) {
      if (slots[slot] === entry || slots[slot] === NO_ENTRY) return slot;
    }
  }

  #set(slot: number, entry: number): void {
    this.#slots[slot] = entry;
    this.#slots[slot + 1] = this.#arena.keyWord(entry, 1);
  }

  #drop(entry: number): void {
    const chunk = this.#arena.drop(entry);
    if (chunk === undefined) return;
    const isLive = (from: number) => this.#slots[this.#slotOf(from)] === from;
    this.#arena.move(chunk, isLive, (from, to) => this.#set(this.#slotOf(from), to));
  }

  #grow(): void {
    this.#size += 1;
    if (this.#size * SLOT_WORDS <= this.#slots.length * MAX_LOAD) return;
    const before = this.#slots;
    this.#slots = freeSlots((before.length / SLOT_WORDS) * 2);
    for (let slot = 0; slot < before.length; slot += SLOT_WORDS) {
      const entry = before[slot] as number;
      if (entry !== NO_ENTRY) this.#set(this.#slotOf(entry), entry);
    }
  }
}

/** `slots` is a power of two. */
function freeSlots(slots: number): Uint32Array {
  return new Uint32Array(slots * SLOT_WORDS).fill(NO_ENTRY);
}

function firstSlot(keyWord: number, length: number): number {
  return (keyWord * SLOT_WORDS) & (length - SLOT_WORDS);
}

function nextSlot(slot: number, length: number): number {
  return (slot + SLOT_WORDS) & (length - SLOT_WORDS);
}
