import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeHeadersQuickly } from './quick-headers.js';

const requireKafkajs = createRequire(import.meta.url);
type Decoder = { readonly offset: number };
const DecoderOf = requireKafkajs('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => Decoder;
const decodeRecord = requireKafkajs('kafkajs/src/protocol/recordBatch/record/v0/decoder') as (
  decoder: Decoder,
  batch: object,
) => object;

/** A number below 64 as kafkajs writes it; −1 stands for null. */
const small = (n: number) => Buffer.from([n < 0 ? 1 : n * 2]);
const text = (value: string | null) => {
  const bytes = Buffer.from(value ?? '');
  return Buffer.concat([small(value === null ? -1 : bytes.length), bytes]);
};

type Header = readonly [name: string | null, value: string | null];

function recordOf(headers: readonly Header[]): Buffer {
  const before = [Buffer.from([0, 0, 0]), text('key'), text('value'), small(headers.length)];
  return Buffer.concat([...before, ...headers.flatMap(([name, value]) => [text(name), text(value)])]);
}

function decoded(bytes: Buffer): readonly [object, number] {
  const decoder = new DecoderOf(bytes);
  return [decodeRecord(decoder, { firstOffset: '0', firstTimestamp: '0' }), decoder.offset];
}

describe('headers that are decoded quickly', () => {
  it('are what kafkajs makes of them, whatever names they have and whatever was read before', () => {
    const names = fc.constantFrom('ce_type', 'ce_id', 'é', '', '__proto__', 'constructor', 'toString', null);
    const values = fc.constantFrom('a', '', 'ü', null);
    const records = fc.array(fc.array(fc.tuple(names, values), { maxLength: 5 }), { minLength: 40, maxLength: 60 });
    const samples = fc.sample(records, { numRuns: 20, seed: 5 }).flat().map(recordOf);
    const wanted = samples.map(decoded);
    decodeHeadersQuickly();
    decodeHeadersQuickly();
    expect(samples.map(decoded)).toEqual(wanted);
    expect(samples.length).toBeGreaterThan(800);
  });
});
