import { Arena, KEY_UNITS } from './arena.js';
import { StatePacker, type KeptState } from './pack-state.js';
import { keyText, writeKey } from './recipient-key.js';
import { TextTable } from './text-table.js';
import { StateUnpacker } from './unpack-state.js';

const FIRST_SLOTS = 1 << 10;
const SLOT_WORDS = 2;
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
  /** Of each slot the entry, and a word of its key: most others are told apart by it, without a look into the arena. */
  #slots = freeSlots(FIRST_SLOTS);
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
    return this.#arena.bytes + this.#slots.byteLength;
  }

  /**
   * Undefined where nothing is known, and for a text that is no recipient id. With a `channel`, what a decision about it
   * does not look at may be missing.
   */
  get(recipientId: string, channel?: string): KeptState | undefined {
    if (!writeKey(recipientId, this.#keyBytes)) return undefined;
    const entry = this.#slots[this.#slot()] as number;
    return entry === NONE ? undefined : this.#read(entry, recipientId, channel);
  }

  /** Replaces what was kept. Throws `TooLong`, and `RangeError` for a text that is no recipient id. */
  put(recipientId: string, kept: KeptState): void {
    const payload = this.#packer.pack(kept);
    if (!writeKey(recipientId, this.#keyBytes)) throw new RangeError('not a recipient id');
    const slot = this.#slot();
    const entry = this.#slots[slot] as number;
    if (entry !== NONE && this.#arena.overwrite(entry, payload)) return;
    this.#set(slot, this.#arena.add(this.#key, payload));
    if (entry === NONE) this.#grow();
    else this.#drop(entry);
  }

  *entries(): Generator<readonly [recipientId: string, kept: KeptState]> {
    for (let slot = 0; slot < this.#slots.length; slot += SLOT_WORDS) {
      const entry = this.#slots[slot] as number;
      if (entry === NONE) continue;
      const payloadAt = this.#arena.payloadAt(entry);
      const recipientId = keyText(this.#arena.bytesAt(entry), payloadAt - this.#keyBytes.length);
      yield [recipientId, this.#read(entry, recipientId)];
    }
  }

  #read(entry: number, recipientId: string, channel?: string): KeptState {
    return this.#unpacker.unpack(this.#arena.bytesAt(entry), this.#arena.payloadAt(entry), recipientId, channel);
  }

  /** Where the key at hand is, or the free slot that it would take. */
  #slot(): number {
    const slots = this.#slots;
    const [first, second] = [this.#key[0] as number, (this.#key[1] as number) >>> 0];
    for (let slot = firstSlot(first, slots.length); ; slot = nextSlot(slot, slots.length)) {
      const entry = slots[slot] as number;
      if (entry === NONE) return slot;
      if (slots[slot + 1] === second && this.#arena.hasKey(entry, this.#key)) return slot;
    }
  }

  #slotOf(entry: number): number {
    const slots = this.#slots;
    for (let slot = firstSlot(this.#arena.keyWord(entry, 0), slots.length); ; slot = nextSlot(slot, slots.length)) {
      if (slots[slot] === entry || slots[slot] === NONE) return slot;
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
      if (entry !== NONE) this.#set(this.#slotOf(entry), entry);
    }
  }
}

/** `slots` is a power of two. */
function freeSlots(slots: number): Uint32Array {
  return new Uint32Array(slots * SLOT_WORDS).fill(NONE);
}

function firstSlot(keyWord: number, length: number): number {
  return (keyWord * SLOT_WORDS) & (length - SLOT_WORDS);
}

function nextSlot(slot: number, length: number): number {
  return (slot + SLOT_WORDS) & (length - SLOT_WORDS);
}
