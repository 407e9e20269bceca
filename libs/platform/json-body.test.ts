import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Refusal } from './errors.js';
import { readJson, readStrictJson } from './json-body.js';
import { findFaults } from './json-faults.js';
import { looksClean } from './json-scan.js';

function read(text: string | Uint8Array, maxDepth?: number) {
  const result = readJson(typeof text === 'string' ? Buffer.from(text) : text, maxDepth);
  if (!result.ok) throw new Error('not JSON');
  return { value: result.value, faults: result.faults.map(({ field, code }) => `${code} ${field}`) };
}

describe('readJson', () => {
  it.each(['', ' ', '{', '{"a":1}x', "{'a':1}", '\u0000', 'NaN', '[1,]'])('says that %j is not JSON', (text) => {
    expect(readJson(Buffer.from(text))).toEqual({ ok: false, problem: 'not_json' });
  });

  it.each(['null', '0', '"text"', '[]', '{"a":{"b":[{"c":1},{"c":2}]}}', ' { "a" : 1 , "b" : 2 } '])(
    'reads %s',
    (text) => {
      expect(read(text)).toEqual({ value: JSON.parse(text) as unknown, faults: [] });
    },
  );

  it.each([
    ['{"a":1,"a":2}', 'a'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['{"a" : 1, "b":2,\n"a"\t:3}', 'a'],
    [
      '{"checks":[{"recipient":{"phone":"1"}},{"recipient":{"phone":"1","email":"","phone":"2"}}]}',
      'checks[1].recipient.phone',
    ],
    ['[{"a":{},"a":[]}]', '[0].a'],
    ['{"+393331234567":1,"+393331234567":2}', '*'],
  ])('finds the key that %s gives twice', (text, field) => {
    expect(read(text).faults).toEqual([`DUPLICATE_KEY ${field}`]);
  });

  it('does not take equal keys of different objects, or equal values, for repeated ones', () => {
    expect(read('{"a":"a","b":{"a":"a","b":["a","a"]},"c":[{"a":1},{"a":1}]}').faults).toEqual([]);
  });

  it('keeps the last of a repeated key, as JSON.parse does', () => {
    expect(read('{"a":1,"a":2}').value).toEqual({ a: 2 });
  });

  it('takes prototype keys out, however they are spelt', () => {
    const { value, faults } = read(
      '{"a":{"__proto__":{"admin":true},"b":1},"constructor":{"prototype":{}},"\\u005f_proto__":1}',
    );
    expect(faults).toEqual(['FORBIDDEN_KEY a.__proto__', 'FORBIDDEN_KEY constructor', 'FORBIDDEN_KEY __proto__']);
    expect(JSON.stringify(value)).toBe('{"a":{"b":1}}');
  });

  it('finds what is nested too deeply and cuts it off, at any depth without exhausting the stack', () => {
    expect(read('{"a":[[1]]}', 3).faults).toEqual([]);
    expect(read('{"a":[[[1]],[2]]}', 3)).toEqual({ value: { a: [[null], [2]] }, faults: ['TOO_DEEP a[0][0]'] });
    const deep = read(`{"a":${'['.repeat(500_000)}${']'.repeat(500_000)},"b":1,"b":2}`);
    expect(deep.faults).toEqual([expect.stringMatching(/^TOO_DEEP a(\[0\])+$/), 'DUPLICATE_KEY b']);
    expect(() => JSON.stringify(deep.value)).not.toThrow();
  });

  it('finds NUL and half characters', () => {
    expect(read('{"a":["x","\\u0000"],"b":"\\\\u0000"}').faults).toEqual(['NUL_CHARACTER a[1]']);
    expect(read('{"a":"\\ud83d","b":"\\ud83d\\ude00","c":"\\ude00"}').faults).toEqual([
      'NOT_UNICODE a',
      'NOT_UNICODE c',
    ]);
  });

  it('reads a body that is not UTF-8 as far as it goes, and says so', () => {
    const latin1 = Buffer.from('{"reason":"arrêt"}', 'latin1');
    expect(read(latin1)).toEqual({ value: { reason: 'arr\uFFFDt' }, faults: ['NOT_UTF8 body'] });
  });

  it('passes over a byte order mark and reads other alphabets', () => {
    expect(read('\uFEFF{"a":"é😀"}')).toEqual({ value: { a: 'é😀' }, faults: [] });
  });

  it('stops at twenty faults', () => {
    expect(read(`{${Array.from({ length: 100 }, (_, n) => `"k${n}":0,"k${n}":0`).join()}}`).faults).toHaveLength(20);
  });

  it('takes linear time for many keys, quotes and backslashes', () => {
    const keys = `{${Array.from({ length: 60_000 }, (_, n) => `"k${n}":0`).join()}}`;
    const slashes = JSON.stringify({ a: '\\'.repeat(300_000), b: '"'.repeat(300_000), c: '\0' });
    const before = performance.now();
    expect(read(keys).faults).toEqual([]);
    expect(read(slashes).faults).toEqual(['NUL_CHARACTER c']);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});

describe('readStrictJson', () => {
  it('gives the value, or refuses and names the fields', () => {
    expect(readStrictJson(Buffer.from('{"a":1}'))).toEqual({ a: 1 });
    const refused = (text: string) => {
      try {
        readStrictJson(Buffer.from(text));
      } catch (error) {
        if (error instanceof Refusal) return [error.code, ...(error.more.errors ?? []).map(({ field }) => field)];
      }
      return 'accepted';
    };
    expect(refused('{"a":1,"a":2}')).toEqual(['VALIDATION_FAILED', 'a']);
    expect(refused('nope')).toEqual(['VALIDATION_FAILED', 'body']);
  });
});

describe('against JSON.parse and a naive reader (fast-check prints its seed on failure)', () => {
  const key = fc.oneof(fc.constantFrom('a', 'b', '__proto__', 'constructor', 'é'), fc.string({ maxLength: 3 }));
  const text = fc.string({
    unit: fc.constantFrom('a', '"', '\\', '\0', 'é', '😀', '\ud800', '{', '}', ':', ','),
    maxLength: 6,
  });
  /** JSON text whose objects may repeat keys, with white space and escapes strewn in. */
  const json = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.oneof(
        fc.integer().map(String),
        fc.constantFrom('true', 'null'),
        text.map((value) => JSON.stringify(value)),
      ),
      fc.array(tie('value'), { maxLength: 4 }).map((items) => `[ ${items.join(' ,')}]`),
      fc
        .array(
          fc.tuple(
            key.map((name) => JSON.stringify(name)),
            fc.constantFrom('', ' ', '\n\t'),
            tie('value'),
          ),
          { maxLength: 5 },
        )
        .map((members) => `{${members.map(([name, space, value]) => `${space}${name}${space}:${value}`).join(',')}}`),
    ),
  })).value;

  it('reads what JSON.parse reads, and what looks clean has no fault', () => {
    fc.assert(
      fc.property(json, (body) => {
        const bytes = Buffer.from(body);
        const result = readJson(bytes, 4);
        expect(result.ok).toBe(true);
        const exact = findFaults(bytes.toString(), 4);
        if (looksClean(bytes, 4)) expect(exact).toEqual([]);
        if (result.ok && exact.length === 0) expect(result.value).toEqual(JSON.parse(body));
        if (result.ok) expect(result.faults).toEqual(exact);
      }),
      { numRuns: 3000 },
    );
  });

  it('finds a repeated key exactly where a member is lost in parsing', () => {
    const flat = fc.array(key, { maxLength: 8 });
    fc.assert(
      fc.property(flat, (names) => {
        const body = `{${names.map((name) => `${JSON.stringify(name)}:0`).join()}}`;
        const repeated = new Set(names).size < names.length;
        expect(findFaults(body, 4).some(({ code }) => code === 'DUPLICATE_KEY')).toBe(repeated);
      }),
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void readJson(bytes)),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(json, fc.nat(), fc.nat({ max: 255 }), (body, at, byte) => {
        const bytes = Buffer.from(body);
        bytes[at % bytes.length] = byte;
        readJson(bytes, 4);
      }),
      { numRuns: 2000 },
    );
  });
});
