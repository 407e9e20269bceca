import { createRequire } from 'node:module';

/** The parts of kafkajs's decoder that the patch stands on. */
interface Decoder {
  readonly buffer: Buffer;
  offset: number;
  readVarInt(): number;
  readVarIntBytes(): Buffer | null;
  readVarIntArray: (this: Decoder, read: (decoder: Decoder) => unknown) => Headers;
}

interface Header {
  readonly key: string | null;
  readonly value: Buffer | null;
}

/** All that kafkajs does with the headers of a record is to call this. */
interface Headers {
  reduce(merge: unknown, start: object): object;
}

const requireKafkajs = createRequire(import.meta.url);
const patched = new WeakSet<object>();
/** No longer ones are remembered, and no more: the names of headers are few and short. */
const MAX_NAME_BYTES = 64;
const MAX_NAMES = 32;

/**
 * kafkajs 2.2.4 copies all headers of a record once more for each header that it adds, and decodes each name anew: with
 * the eleven of a state record that is two thirds of what a record costs, and a guard starts by reading one for every
 * recipient. Names are nearly always those of the record before, so they are compared and not decoded; what comes out is
 * the same. Patches the class once for the whole process.
 */
export function decodeHeadersQuickly(): void {
  const { prototype } = requireKafkajs('kafkajs/src/protocol/decoder') as { readonly prototype: Decoder };
  if (patched.has(prototype)) return;
  patched.add(prototype);
  const readHeader: unknown = requireKafkajs('kafkajs/src/protocol/recordBatch/header/v0/decoder');
  const readArray = prototype.readVarIntArray;
  const names = new Names();
  prototype.readVarIntArray = function (this: Decoder, read): Headers {
    return read === readHeader ? readHeaders(this, names) : readArray.call(this, read);
  };
}

/** Where a name stands twice, or could mean something to an object, kafkajs puts the headers together itself. */
function readHeaders(decoder: Decoder, names: Names): Headers {
  const merged: Record<string, Buffer | null> = {};
  const count = decoder.readVarInt();
  const start = decoder.offset;
  for (let n = 0; n < count; n++) {
    const key = names.read(decoder, n) ?? 'null';
    if (merged[key] !== undefined) return readEach(decoder, start, count, names);
    merged[key] = decoder.readVarIntBytes();
  }
  return { reduce: () => merged };
}

function readEach(decoder: Decoder, start: number, count: number, names: Names): Header[] {
  decoder.offset = start;
  return Array.from({ length: count }, (_, n) => ({ key: names.read(decoder, n), value: decoder.readVarIntBytes() }));
}

/** The names of the headers read last, by their places. */
class Names {
  readonly #bytes: Buffer[] = [];
  readonly #texts: string[] = [];

  read(decoder: Decoder, place: number): string | null {
    const length = decoder.readVarInt();
    if (length === -1) return null;
    const { buffer, offset } = decoder;
    decoder.offset += length;
    if (isSame(this.#bytes[place], buffer, offset, length)) return this.#texts[place] as string;
    const text = buffer.toString('utf8', offset, offset + length);
    if (place < MAX_NAMES && length <= MAX_NAME_BYTES) {
      this.#bytes[place] = Buffer.from(buffer.subarray(offset, offset + length));
      this.#texts[place] = text;
    }
    return text;
  }
}

function isSame(name: Buffer | undefined, buffer: Buffer, offset: number, length: number): boolean {
  if (name === undefined || name.length !== length) return false;
  for (let n = 0; n < length; n++) if (name[n] !== buffer[offset + n]) return false;
  return true;
}
