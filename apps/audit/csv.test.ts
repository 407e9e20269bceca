import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { csvLine } from './csv.js';

/** A reader of RFC 4180, as plain as its grammar: one record with its line end. */
function readRecord(text: string): readonly string[] {
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n$)/y;
  const cells: string[] = [];
  for (;;) {
    const [, quoted, plain, end] = field.exec(text) ?? [];
    if (end === undefined) throw new Error('no record of RFC 4180');
    cells.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end === '\r\n') return cells;
  }
}

describe('a line of CSV', () => {
  it('quotes what has to be quoted', () => {
    expect(csvLine(['a', 'b,c', 'say "no"', 'two\nlines', ''])).toBe('a,"b,c","say ""no""","two\nlines",\r\n');
  });

  it.each(['=1+1', '+39', '-1', '@SUM(A1)', '\tx', '\rx', '＝1'])('makes text of a cell that begins as %j', (cell) => {
    expect(readRecord(csvLine([cell]))).toEqual([`'${cell}`]);
  });

  it('is read back as it was, but for the apostrophe', () => {
    const anything = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('=', '"', '\r\n')), {
      minLength: 1,
    });
    fc.assert(
      fc.property(anything, (cells) => {
        const read = readRecord(csvLine(cells));
        expect(read).toHaveLength(cells.length);
        read.forEach((cell, index) => expect([cells[index], `'${cells[index]}`]).toContain(cell));
        expect(read.filter((cell) => /^[=+\-@\t\r\n]/.test(cell))).toEqual([]);
      }),
    );
  });
});
