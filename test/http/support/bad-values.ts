import type { Json } from './acme.js';

export interface Bad {
  readonly what: string;
  readonly value: unknown;
}

const LONG = 'x'.repeat(30_000);

/** Values that no field of any route takes, unless it is text of people (see `ODD_TEXTS`) or a list or object. */
export const WRONG_TYPES: readonly Bad[] = [
  { what: 'null', value: null },
  { what: 'a number', value: 471_147_114_711 },
  { what: 'a huge number', value: 1e308 },
  { what: 'a boolean', value: true },
  { what: 'a list', value: ['zz-private-zz'] },
  { what: 'a list of lists', value: [[['zz-private-zz']]] },
  { what: 'an object', value: { 'zz-private-zz': 'zz-private-zz' } },
  { what: 'a deep object', value: deep(12) },
  { what: 'an empty text', value: '' },
  { what: 'a text too long', value: LONG },
  { what: 'NUL', value: 'zz-private-zz\u0000' },
  { what: 'a control character', value: 'zz-private-zz\u0007' },
  { what: 'half a surrogate pair', value: 'zz-private-zz\ud83d' },
];

/** Words that are no member of any closed list, in other alphabets and with what breaks careless readers. */
export const WRONG_WORDS: readonly Bad[] = [
  { what: 'another word', value: 'zz-private-zz' },
  { what: 'another alphabet', value: 'Ελληνικά' },
  { what: 'an emoji', value: '🛑' },
  { what: 'a prototype key', value: '__proto__' },
  { what: 'a method of every object', value: 'toString' },
  { what: 'full width', value: 'ｗｈａｔｓａｐｐ' },
  { what: 'a trailing space', value: 'marketing ' },
];

function deep(depth: number): unknown {
  return depth === 0 ? 'zz-private-zz' : { a: deep(depth - 1) };
}

/** The body with the field at `path` (dots between names) replaced, or left out where there is no value. */
export function withField(body: Json, path: string, bad: { readonly value: unknown } | undefined): Json {
  const [name = '', ...rest] = path.split('.');
  const others = Object.fromEntries(Object.entries(body).filter(([key]) => key !== name));
  if (rest.length > 0) return { ...body, [name]: withField((body[name] ?? {}) as Json, rest.join('.'), bad) };
  return bad === undefined ? others : { ...body, [name]: bad.value };
}

/** Bodies that are not sound JSON, or no JSON at all, made of one that is; each with the field it is complained of by. */
export function unsoundBodies(
  body: Json,
): readonly { readonly what: string; readonly raw: Uint8Array; readonly field: RegExp }[] {
  const text = JSON.stringify(body);
  const [first = ''] = Object.keys(body);
  const inside = text.slice(1);
  const bytes = (raw: string) => Buffer.from(raw);
  return [
    { what: 'nothing', raw: bytes(''), field: /^body$/ },
    { what: 'cut off', raw: bytes(text.slice(0, -1)), field: /^body$/ },
    { what: 'not JSON', raw: bytes('zz-private-zz'), field: /^body$/ },
    { what: 'form data', raw: bytes('recipient=zz-private-zz'), field: /^body$/ },
    { what: 'a list', raw: bytes(`[${text}]`), field: /^body$/ },
    { what: 'a text', raw: bytes('"zz-private-zz"'), field: /^body$/ },
    { what: 'null', raw: bytes('null'), field: /^body$/ },
    { what: 'a number', raw: bytes('1e999'), field: /^body$/ },
    { what: 'two values', raw: bytes(`${text}${text}`), field: /^body$/ },
    {
      what: 'invalid UTF-8',
      raw: Buffer.concat([bytes('{"zz":"'), Buffer.from([0xff, 0xfe]), bytes(`",${inside}`)]),
      field: /^body$/,
    },
    { what: 'gzip', raw: Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]), field: /^body$/ },
    { what: 'a key twice', raw: bytes(`{"${first}":null,${inside}`), field: new RegExp(`^${first}$`) },
    { what: '__proto__', raw: bytes(`{"__proto__":{"admin":true},${inside}`), field: /^__proto__$/ },
    { what: 'constructor', raw: bytes(`{"constructor":{"prototype":{}},${inside}`), field: /^constructor$/ },
    { what: 'nested deeply', raw: bytes(`{"zz":${'['.repeat(5_000)}${']'.repeat(5_000)},${inside}`), field: /^zz/ },
    { what: 'a field too many', raw: bytes(`{"zz":1,${inside}`), field: /^zz$/ },
    { what: 'a field named like a number', raw: bytes(`{"393331234567":1,${inside}`), field: /^\*$/ },
  ];
}
