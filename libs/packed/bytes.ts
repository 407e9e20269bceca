import type { TextTable } from './text-table.js';

/** A packed state longer than this is not kept: no person has so many facts. */
const MAX_PACKED_BYTES = 200_000;
/** Beyond the limit there is room for what a single value may overshoot it by. */
const MAX_TEXT_BYTES = 65_535;
const ROOM = 2 * MAX_TEXT_BYTES;

/** Thrown where a state does not fit; its recipient is then denied. */
export class TooLong extends Error {}

/** Writes one packed state after the other into the same bytes. */
export class ByteWriter {
  readonly bytes = Buffer.allocUnsafeSlow(MAX_PACKED_BYTES + ROOM);
  length = 0;

  constructor(private readonly texts: TextTable) {}

  byte(value: number): void {
    this.bytes[this.length++] = value;
    if (this.length > MAX_PACKED_BYTES) throw new TooLong('a state is too long to be kept');
  }

  /** A whole number from 0 to 2^53 − 1, seven bits a byte, the lowest first. */
  number(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.byte((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  /** Its number in the table, counted from 1; where it has none, 0 and the text itself. */
  text(text: string): void {
    const kept = this.texts.numberOf(text);
    if (kept !== undefined) return this.number(kept + 1);
    this.number(0);
    this.ownText(text);
  }

  /** A text that stands here alone, behind two bytes with its length. */
  ownText(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_TEXT_BYTES || this.length > MAX_PACKED_BYTES) throw new TooLong('a state is too long to be kept');
    this.bytes.writeUInt16BE(bytes, this.length);
    this.bytes.write(text, this.length + 2, 'utf8');
    this.length += 2 + bytes;
  }

  /** Six bytes: 0 to 2^48 − 1. */
  ms(value: number): void {
    this.length = this.bytes.writeUIntBE(value, this.length, 6);
  }
}

/** Reads what a `ByteWriter` wrote. */
export class ByteReader {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;

  constructor(private readonly texts: TextTable) {}

  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }

  number(): number {
    let byte = this.byte();
    if (byte < 128) return byte;
    let value = byte - 128;
    for (let weight = 128; byte >= 128; weight *= 128) {
      byte = this.byte();
      value += (byte % 128) * weight;
    }
    return value;
  }

  text(): string {
    const kept = this.number();
    return kept === 0 ? this.ownText() : this.texts.textOf(kept - 1);
  }

  ownText(): string {
    const length = this.bytes.readUInt16BE(this.at);
    this.at += 2 + length;
    return this.bytes.toString('utf8', this.at - length, this.at);
  }

  ms(): number {
    const high = this.byte() * 256 + this.byte();
    const low = ((this.byte() << 24) | (this.byte() << 16) | (this.byte() << 8) | this.byte()) >>> 0;
    return high * 2 ** 32 + low;
  }
}
