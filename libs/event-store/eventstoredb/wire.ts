/**
 * Protobuf's wire format, as far as the ledger needs it. The generated classes take five times as long per event and
 * turn bytes into text and back; a ledger must hand out exactly the bytes that were put in.
 */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Walks messages field by field. */
export class WireReader {
  private at = 0;
  private end: number;
  private type = VARINT;

  constructor(private readonly buffer: Buffer) {
    this.end = buffer.length;
  }

  /** Hands the number of every field to `visit`; what that does not read is skipped. */
  each(visit: (field: number) => void): void {
    while (this.at < this.end) {
      const tag = this.varint();
      this.type = tag % 8;
      const start = this.at;
      visit(Math.floor(tag / 8));
      if (this.at === start) this.skip();
    }
  }

  /** The same for the message that is the value of the field at hand. */
  inner(visit: (field: number) => void): void {
    const outer = this.end;
    this.end = this.endOfField();
    this.each(visit);
    this.end = outer;
  }

  /** Exact up to 2^53, which is more than any position or revision of a ledger has. */
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.buffer[this.at] ?? 0;
      this.at += 1;
      if (byte < 128) return value + byte * scale;
      value += (byte - 128) * scale;
    }
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const end = this.endOfField();
    const bytes = this.buffer.subarray(this.at, end);
    this.at = end;
    return bytes;
  }

  text(): string {
    const end = this.endOfField();
    const text = this.buffer.toString('utf8', this.at, end);
    this.at = end;
    return text;
  }

  private skip(): void {
    if (this.type === VARINT) this.varint();
    else if (this.type === BYTES) this.at = this.endOfField();
    else if (this.type === FIXED64) this.at += 8;
    else if (this.type === FIXED32) this.at += 4;
    else throw new RangeError(`a message with a field of wire type ${this.type}`);
  }

  private endOfField(): number {
    const length = this.varint();
    const end = this.at + length;
    if (end > this.end) throw new RangeError('a message ends within a field');
    return end;
  }
}

/** Collects the fields of one message; the bytes of large fields are copied once, by `finish`. */
export class WireWriter {
  private readonly parts: Uint8Array[] = [];
  private size = 0;

  /** Bytes so far. */
  get length(): number {
    return this.size;
  }

  varint(field: number, value: number): this {
    return this.push(header(field, VARINT, value));
  }

  bytes(field: number, value: Uint8Array): this {
    return this.push(header(field, BYTES, value.length)).push(value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  /** Without a `value`: an empty message, which is how the protocol says yes. */
  message(field: number, value = new WireWriter()): this {
    this.push(header(field, BYTES, value.length));
    for (const part of value.parts) this.push(part);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.parts, this.size);
  }

  private push(part: Uint8Array): this {
    this.parts.push(part);
    this.size += part.length;
    return this;
  }
}

/** A field's tag with the number that follows it: its value, or its length in bytes. */
function header(field: number, type: number, value: number): Uint8Array {
  const bytes = [field * 8 + type];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
