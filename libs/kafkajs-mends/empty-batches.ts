import { createRequire } from 'node:module';

/** The parts of kafkajs's decoder that the patch stands on. */
interface Decoder {
  readonly buffer: Buffer;
  offset: number;
  readArray: (this: Decoder, read: unknown) => unknown[];
}

/** Of a record batch, counted from behind its first offset and length: where things stand, and its size without records. */
const PREFIX_BYTES = 12;
const MAGIC_AT = 4;
const LAST_DELTA_AT = 11;
const COUNT_AT = 45;
const EMPTY_BYTES = 49;
const MAGIC = 2;

const patched = new WeakSet<object>();

/**
 * Compaction keeps the last batch of a producer for a day even where none of its records is left. kafkajs 2.2.4 makes
 * nothing of such a batch, and where a fetch brings no other it fetches the same again, for ever. Told that the batch
 * holds a control record it passes over it. Patches the class once for the whole process.
 */
export function passOverEmptyBatches(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/protocol/decoder') as {
    readonly prototype: Decoder;
  };
  if (patched.has(prototype)) return;
  patched.add(prototype);
  const { readArray } = prototype;
  prototype.readArray = function (this: Decoder, read): unknown[] {
    if (!isEmptyBatch(this)) return readArray.call(this, read);
    this.offset = EMPTY_BYTES;
    return [{ offset: lastOffsetOf(this.buffer), isControlRecord: true }];
  };
}

function isEmptyBatch({ buffer, offset }: Decoder): boolean {
  if (offset !== COUNT_AT || buffer.length !== EMPTY_BYTES || buffer.byteOffset < PREFIX_BYTES) return false;
  return buffer[MAGIC_AT] === MAGIC && buffer.readInt32BE(COUNT_AT) === 0;
}

function lastOffsetOf(buffer: Buffer): string {
  const first = Buffer.from(buffer.buffer, buffer.byteOffset - PREFIX_BYTES, PREFIX_BYTES).readBigInt64BE();
  return String(first + BigInt(buffer.readInt32BE(LAST_DELTA_AT)));
}
