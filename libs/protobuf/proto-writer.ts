const FIRST_BYTES = 64 * 1024;
/** A scratch that one large event has grown past this is given back. */
const KEPT_BYTES = 1024 * 1024;
const LONGEST_VARINT = 10;

/** In bytes, and so that one byte holds its length. */
const SHORT_TEXT = 64;

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** Writes protobuf messages into one block of bytes that is used again for each. Unlike proto3 it writes zeros too. */
export class ProtoWriter {
  private bytes = Buffer.allocUnsafe(FIRST_BYTES);
  private at = 0;

  uint(field: number, value: number): this {
    this.reserve(2 * LONGEST_VARINT);
    this.key(field, VARINT);
    this.varint(value);
    return this;
  }

  /** For 64 bits that a number does not hold. */
  bits64(field: number, value: bigint): this {
    this.reserve(2 * LONGEST_VARINT);
    this.key(field, VARINT);
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 0x80n; rest >>= 7n) this.bytes[this.at++] = Number(rest & 0x7fn) | 0x80;
    this.bytes[this.at++] = Number(rest);
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.uint(field, value ? 1 : 0);
  }

  data(field: number, value: Uint8Array): this {
    this.reserve(2 * LONGEST_VARINT + value.length);
    this.key(field, LENGTH_DELIMITED);
    this.varint(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
    return this;
  }

  string(field: number, value: string): this {
    if (value.length <= SHORT_TEXT && this.shortText(field, value)) return this;
    const length = Buffer.byteLength(value);
    this.reserve(2 * LONGEST_VARINT + length);
    this.key(field, LENGTH_DELIMITED);
    this.varint(length);
    this.at += this.bytes.write(value, this.at);
    return this;
  }

  empty(field: number): this {
    this.reserve(2 * LONGEST_VARINT);
    this.key(field, LENGTH_DELIMITED);
    this.varint(0);
    return this;
  }

  message(field: number, content: (writer: this) => void): this {
    const start = this.open(field);
    content(this);
    return this.close(start);
  }

  /**
   * Begins a message inside the message: what `message` does, without a function made for it. `lengthBytes` is how many
   * bytes its length will probably take; where it takes others the content has to be moved. `close` is to be given the
   * number that comes back, and the same `lengthBytes`.
   */
  open(field: number, lengthBytes = 1): number {
    this.reserve(2 * LONGEST_VARINT);
    this.key(field, LENGTH_DELIMITED);
    this.at += lengthBytes;
    return this.at;
  }

  close(start: number, lengthBytes = 1): this {
    const length = this.at - start;
    const shift = varintSize(length) - lengthBytes;
    if (shift !== 0) {
      this.reserve(LONGEST_VARINT);
      this.bytes.copyWithin(start + shift, start, this.at);
    }
    this.at = start - lengthBytes;
    this.varint(length);
    this.at += length;
    return this;
  }

  /** Fields that were encoded before. */
  fields(encodedBefore: Uint8Array): this {
    this.reserve(encodedBefore.length);
    this.bytes.set(encodedBefore, this.at);
    this.at += encodedBefore.length;
    return this;
  }

  /** Forgets what a content that threw has left behind. */
  restart(): void {
    this.at = 0;
  }

  /** The message so far, as bytes of their own; the writer is empty afterwards. */
  take(): Buffer {
    const message = Buffer.from(this.bytes.subarray(0, this.at));
    this.at = 0;
    if (this.bytes.length > KEPT_BYTES) this.bytes = Buffer.allocUnsafe(FIRST_BYTES);
    return message;
  }

  /** Most texts are short and ASCII: those are written here, quicker than they could be handed over. False otherwise. */
  private shortText(field: number, value: string): boolean {
    const { length } = value;
    this.reserve(LONGEST_VARINT + 1 + length);
    const start = this.at;
    this.key(field, LENGTH_DELIMITED);
    const { bytes } = this;
    let at = this.at;
    bytes[at++] = length;
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) {
        this.at = start;
        return false;
      }
      bytes[at++] = code;
    }
    this.at = at;
    return true;
  }

  private key(field: number, type: number): void {
    this.varint(field * 8 + type);
  }

  private varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.bytes[this.at++] = rest;
  }

  private reserve(length: number): void {
    const needed = this.at + length;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.bytes.length));
    this.bytes.copy(larger, 0, 0, this.at);
    this.bytes = larger;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
}

const shared = new ProtoWriter();

/** One message. `content` must not itself call this. */
export function encoded(content: (writer: ProtoWriter) => void): Buffer {
  shared.restart();
  content(shared);
  return shared.take();
}
