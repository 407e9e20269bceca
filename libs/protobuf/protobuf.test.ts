import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ProtoReader } from './proto-reader.js';
import { encoded } from './proto-writer.js';

describe('ProtoReader and ProtoWriter', () => {
  it('read back what they wrote, and pass by what they do not know', () => {
    const property = fc.property(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.nat(),
      fc.string(),
      fc.uint8Array(),
      (big, n, word, data) => {
        const reader = new ProtoReader(
          encoded((writer) => writer.bits64(1, big).uint(2, n).string(3, word).data(4, data).empty(900).bool(5, true)),
        );
        const seen: unknown[] = [];
        while (reader.next()) {
          if (reader.field === 1) seen.push(reader.bits64());
          else if (reader.field === 2) seen.push(reader.uint());
          else if (reader.field === 3) seen.push(reader.string());
          else if (reader.field === 4) seen.push(new Uint8Array(reader.bytesValue()));
          else if (reader.field === 5) seen.push(reader.bool());
          else reader.skip();
        }
        expect(seen).toEqual([big, n, word, new Uint8Array(data), true]);
      },
    );
    fc.assert(property);
  });

  it('writes messages of any size into each other', () => {
    for (const length of [0, 127, 128, 20_000, 3_000_000]) {
      const message = encoded((outer) => outer.message(1, (inner) => inner.data(2, Buffer.alloc(length, 7))));
      const reader = new ProtoReader(message);
      expect(reader.next()).toBe(true);
      const inner = reader.message();
      expect(inner.next()).toBe(true);
      expect(inner.bytesValue().equals(Buffer.alloc(length, 7))).toBe(true);
      expect(reader.next()).toBe(false);
    }
  });
});
