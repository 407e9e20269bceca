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
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  /** False at the end of the message. */
  next(): boolean {
    if (this.at >= this.bytes.length) return false;
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
    this.expect(LENGTH_DELIMITED);
    const length = this.varint();
    const end = this.at + length;
    if (end > this.bytes.length) throw new MalformedMessage();
    const value = this.bytes.subarray(this.at, end);
    this.at = end;
    return value;
  }

  string(): string {
    return this.bytesValue().toString('utf8');
  }

  message(): ProtoReader {
    return new ProtoReader(this.bytesValue());
  }

  skip(): void {
    if (this.type === VARINT) this.varint();
    else if (this.type === LENGTH_DELIMITED) this.bytesValue();
    else if (this.type === FIXED64) this.pass(8);
    else if (this.type === FIXED32) this.pass(4);
    else throw new MalformedMessage();
  }

  private varint(): number {
    let [value, factor] = [0, 1];
    for (let length = 1; length <= 10; length += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new MalformedMessage();
  }

  private byte(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw new MalformedMessage();
    this.at += 1;
    return byte;
  }

  private pass(length: number): void {
    if (this.at + length > this.bytes.length) throw new MalformedMessage();
    this.at += length;
  }

  private expect(type: number): void {
    if (this.type !== type) throw new MalformedMessage();
  }
}
