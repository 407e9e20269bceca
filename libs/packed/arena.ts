import { KEY_BYTES } from './recipient-key.js';

const UNIT_BYTES = 4;
const CHUNK_SHIFT = 18;
const UNITS_PER_CHUNK = 1 << CHUNK_SHIFT;
const CHUNK_BYTES = UNITS_PER_CHUNK * UNIT_BYTES;
/** Of an entry's number: its place within its chunk. */
const WITHIN_CHUNK = UNITS_PER_CHUNK - 1;
const HEADER_UNITS = 1;
export const KEY_UNITS = KEY_BYTES / UNIT_BYTES;
/** A chunk in which more than this share is holes is emptied. */
const MAX_HOLES = 0.5;
/** So much longer may an entry's place be than the entry, before it is worth a new one. */
const MAX_SLACK_UNITS = 16;

interface Chunk {
  readonly bytes: Buffer;
  readonly words: Int32Array;
  used: number;
  holes: number;
}

/**
 * Entries of a key and some bytes, one after the other in chunks of a mebibyte outside the heap. An entry goes by the
 * number of four-byte units before it, which stays below 2^32 for sixteen gibibytes.
 */
export class Arena {
  readonly #chunks: Chunk[] = [];
  readonly #free: number[] = [];
  #current = -1;

  /** Bytes taken from the system. */
  get bytes(): number {
    return this.#chunks.length * CHUNK_BYTES;
  }

  bytesAt(entry: number): Buffer {
    return this.#chunkOf(entry).bytes;
  }

  /** Where the entry's own bytes begin in `bytesAt`. */
  payloadAt(entry: number): number {
    return ((entry & WITHIN_CHUNK) + HEADER_UNITS + KEY_UNITS) * UNIT_BYTES;
  }

  keyWord(entry: number, index: number): number {
    return this.#chunkOf(entry).words[(entry & WITHIN_CHUNK) + HEADER_UNITS + index] as number;
  }

  hasKey(entry: number, key: Int32Array): boolean {
    const { words } = this.#chunkOf(entry);
    const at = (entry & WITHIN_CHUNK) + HEADER_UNITS;
    for (let n = 0; n < KEY_UNITS; n++) if (words[at + n] !== key[n]) return false;
    return true;
  }

  add(key: Int32Array, payload: Uint8Array): number {
    const units = unitsFor(payload.length);
    const entry = this.#room(units);
    const { words } = this.#chunkOf(entry);
    const at = entry & WITHIN_CHUNK;
    words[at] = units;
    words.set(key, at + HEADER_UNITS);
    this.bytesAt(entry).set(payload, this.payloadAt(entry));
    return entry;
  }

  /** Writes into the entry's own place; false where that is too short, or far too long. */
  overwrite(entry: number, payload: Uint8Array): boolean {
    const slack = this.#unitsOf(entry) - unitsFor(payload.length);
    if (slack < 0 || slack > MAX_SLACK_UNITS) return false;
    this.bytesAt(entry).set(payload, this.payloadAt(entry));
    return true;
  }

  /** Gives up an entry. Answers with a chunk that has become mostly holes, for `move` to empty. */
  drop(entry: number): number | undefined {
    const index = entry >>> CHUNK_SHIFT;
    const chunk = this.#chunkOf(entry);
    chunk.holes += this.#unitsOf(entry);
    return index !== this.#current && chunk.holes > UNITS_PER_CHUNK * MAX_HOLES ? index : undefined;
  }

  /** Moves what still stands in a chunk elsewhere. `isLive` tells whether an entry counts, `moved` hears its new place. */
  move(index: number, isLive: (entry: number) => boolean, moved: (from: number, to: number) => void): void {
    const chunk = this.#chunks[index] as Chunk;
    for (let at = 0; at < chunk.used; at += chunk.words[at] as number) {
      const from = index * UNITS_PER_CHUNK + at;
      if (!isLive(from)) continue;
      const units = chunk.words[at] as number;
      const to = this.#room(units);
      this.#chunkOf(to).words.set(chunk.words.subarray(at, at + units), to & WITHIN_CHUNK);
      moved(from, to);
    }
    chunk.used = 0;
    chunk.holes = 0;
    this.#free.push(index);
  }

  #room(units: number): number {
    let chunk = this.#chunks[this.#current];
    if (!chunk || chunk.used + units > UNITS_PER_CHUNK) chunk = this.#open();
    const at = chunk.used;
    chunk.used += units;
    return this.#current * UNITS_PER_CHUNK + at;
  }

  #open(): Chunk {
    const free = this.#free.pop();
    const bytes = Buffer.allocUnsafeSlow(free === undefined ? CHUNK_BYTES : 0);
    if (free === undefined) this.#chunks.push({ bytes, words: new Int32Array(bytes.buffer), used: 0, holes: 0 });
    this.#current = free ?? this.#chunks.length - 1;
    return this.#chunks[this.#current] as Chunk;
  }

  #chunkOf(entry: number): Chunk {
    return this.#chunks[entry >>> CHUNK_SHIFT] as Chunk;
  }

  #unitsOf(entry: number): number {
    return this.#chunkOf(entry).words[entry & WITHIN_CHUNK] as number;
  }
}

function unitsFor(payloadBytes: number): number {
  return HEADER_UNITS + KEY_UNITS + Math.ceil(payloadBytes / UNIT_BYTES);
}
