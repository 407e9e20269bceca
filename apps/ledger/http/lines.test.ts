import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LineCutter } from './lines.js';

const MOST = 8;

function cutAll(pieces: readonly Buffer[], mostBytes = MOST): (string | undefined)[] {
  const cutter = new LineCutter(mostBytes);
  const lines = [...pieces.flatMap((piece) => cutter.cut(piece)), ...cutter.end()];
  return lines.map((line) => line?.toString('latin1'));
}

describe('lines', () => {
  it.each([
    ['one\ntwo\n', ['one', 'two']],
    ['one\r\ntwo', ['one', 'two']],
    ['\n\r\n\n', []],
    ['12345678\n', ['12345678']],
    ['12345678\r\n', ['12345678']],
    ['123456789\nafter', [undefined, 'after']],
    ['123456789', [undefined]],
    ['1234567890123\r\n\r\nafter\r\n', [undefined, 'after']],
    ['a\rb\n', ['a\rb']],
  ])('of %j are %j', (text, lines) => {
    expect(cutAll([Buffer.from(text)])).toEqual(lines);
  });

  it('are the same wherever the bytes are cut', () => {
    const bytes = fc
      .array(fc.constantFrom('\n', '\r', '\r\n', 'ab', 'é', '123456789'), { maxLength: 30 })
      .map((parts) => Buffer.from(parts.join('')));
    const cuts = fc.array(fc.nat(60), { maxLength: 12 });
    fc.assert(
      fc.property(bytes, cuts, (all, places) => {
        const ends = [...places.filter((place) => place < all.length).sort((a, b) => a - b), all.length];
        const pieces = ends.map((end, index) => all.subarray(index === 0 ? 0 : ends[index - 1], end));
        expect(cutAll(pieces)).toEqual(cutAll([all]));
      }),
    );
  });
});
