import { isUtf8 } from 'node:buffer';

/** Bytes that are not a message of the protocol. */
export class MalformedMessage extends Error {
  readonly code = 'MALFORMED_MESSAGE';
  constructor() {
    super('the bytes are not a protobuf message');
  }
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/**
 * Reads one protobuf message field by field: `next()`, then `field`, then one of the readers or `skip()`. Bytes are
 * views of the message, not copies. Throws `MalformedMessage` where the message ends early or a field has another type.
 */
export class ProtoReader {
  /** The number of the field that `next` has come to. */
  field = 0;
  private type = VARINT;

  /** `bytes` may be a message inside a larger one: from `at` to `end`. */
  constructor(
    private readonly bytes: Buffer,
    private at = 0,
    private readonly end = bytes.length,
  ) {}

  /** False at the end of the message. */
  next(): boolean {
    if (this.at >= this.end) return false;
    const key = this.varint();
    this.field = Math.floor(key / 8);
    this.type = key % 8;
    return true;
  }

  /** An unsigned number; above 2^53 it is as near as a double comes, which is past the end of every ledger. */
  uint(): number {
    this.expect(VARINT);
    return this.varint();
  }

  /** A signed or unsigned number of 64 bits, exactly, as its bits. */
  bits64(): bigint {
    this.expect(VARINT);
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
      shift += 7n;
      if (shift > 63n) throw new MalformedMessage();
    }
  }

  bool(): boolean {
    return this.uint() !== 0;
  }

  bytesValue(): Buffer {
    const start = this.startOfValue();
    return this.bytes.subarray(start, this.at);
  }

  /** Bytes that are not UTF-8 become U+FFFD. */
  string(): string {
    const start = this.startOfValue();
    return this.bytes.toString('utf8', start, this.at);
  }

  /** Throws where the bytes are not UTF-8: with U+FFFD in their place they would be another text. */
  strictString(): string {
    const start = this.startOfValue();
    const value = this.bytes.toString('utf8', start, this.at);
    if (value.includes('\uFFFD') && !isUtf8(this.bytes.subarray(start, this.at))) throw new MalformedMessage();
    return value;
  }

  /** No view is made of the bytes: of a message of many that would be much of the cost of reading it. */
  message(): ProtoReader {
    const start = this.startOfValue();
    return new ProtoReader(this.bytes, start, this.at);
  }

  /** Whether the field is of the type that holds texts, bytes and messages. */
  get isLengthDelimited(): boolean {
    return this.type === LENGTH_DELIMITED;
  }

  skip(): void {
    if (this.type === VARINT) this.varint();
    else if (this.type === LENGTH_DELIMITED) this.startOfValue();
    else if (this.type === FIXED64) this.pass(8);
    else if (this.type === FIXED32) this.pass(4);
    else throw new MalformedMessage();
  }

  /** Where the value begins that ends where the reader is then. */
  private startOfValue(): number {
    this.expect(LENGTH_DELIMITED);
    const length = this.varint();
    const start = this.at;
    if (length > this.end - start) throw new MalformedMessage();
    this.at = start + length;
    return start;
  }

  private varint(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let [value, factor] = [first & 0x7f, 128];
    for (let length = 2; length <= 10; length += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new MalformedMessage();
  }

  private byte(): number {
    if (this.at >= this.end) throw new MalformedMessage();
    return this.bytes[this.at++] as number;
  }

  private pass(length: number): void {
    if (length > this.end - this.at) throw new MalformedMessage();
    this.at += length;
  }

  private expect(type: number): void {
    if (this.type !== type) throw new MalformedMessage();
  }
}
