/** One message between two threads: a head, written as JSON, and bytes that need no writing. */
export interface Parcel {
  readonly head: unknown;
  readonly bytes: Uint8Array;
}

const ROOM_BYTES = 16 * 1024;
/** A character of a head is three bytes at most. */
const BYTES_PER_CHARACTER = 3;

const FULL = 0;
const ASLEEP = 1;
const HEAD_BYTES = 2;
const BYTES = 3;
const FLAGS = 4;

const NO_BYTES = new Uint8Array(0);

/** What both threads share of a slot. */
export type SharedSlot = SharedArrayBuffer;

export function newSlot(): SharedSlot {
  const shared = new SharedArrayBuffer(FLAGS * Int32Array.BYTES_PER_ELEMENT + ROOM_BYTES);
  new Int32Array(shared, 0, FLAGS)[ASLEEP] = 1;
  return shared;
}

/**
 * Room for one short message, in memory that the one who puts it there and the one who takes it share. Two threads that
 * are both awake exchange through it what the queue between them would hand over ten times slower. It wakes nobody: the
 * taker says before it sleeps that it will, and is then to be woken some other way.
 */
export class Slot {
  private readonly flags: Int32Array<SharedArrayBuffer>;
  private readonly room: Buffer<SharedArrayBuffer>;

  constructor(shared: SharedSlot) {
    this.flags = new Int32Array(shared, 0, FLAGS);
    this.room = Buffer.from(shared, FLAGS * Int32Array.BYTES_PER_ELEMENT);
  }

  /** False where the message is too long for it. It must be empty. */
  put({ head, bytes }: { readonly head: unknown; readonly bytes?: Uint8Array }): boolean {
    const text = JSON.stringify(head);
    const rest = bytes ?? NO_BYTES;
    if (text.length * BYTES_PER_CHARACTER + rest.length > ROOM_BYTES) return false;
    const headBytes = this.room.write(text);
    this.room.set(rest, headBytes);
    this.flags[HEAD_BYTES] = headBytes;
    this.flags[BYTES] = rest.length;
    Atomics.store(this.flags, FULL, 1);
    return true;
  }

  /** Whether the one who takes has to be woken; to be asked after `put`. */
  get takerSleeps(): boolean {
    return Atomics.load(this.flags, ASLEEP) === 1;
  }

  get isFull(): boolean {
    return Atomics.load(this.flags, FULL) === 1;
  }

  /** Undefined where there is nothing. */
  take(): Parcel | undefined {
    if (!this.isFull) return undefined;
    const headBytes = this.flags[HEAD_BYTES] as number;
    const head: unknown = JSON.parse(this.room.toString('utf8', 0, headBytes));
    const bytes = new Uint8Array(this.room.subarray(headBytes, headBytes + (this.flags[BYTES] as number)));
    Atomics.store(this.flags, FULL, 0);
    return { head, bytes };
  }

  /** Said before the taker sleeps. It has to look once more after that: what came just before wakes nobody. */
  sleep(): void {
    Atomics.store(this.flags, ASLEEP, 1);
  }

  stayAwake(): void {
    Atomics.store(this.flags, ASLEEP, 0);
  }
}
