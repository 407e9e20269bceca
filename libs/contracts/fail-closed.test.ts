import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readCatalogueRecord } from './catalogue-codec.js';
import { noOf, readChangeRecord, type ReadChange } from './change-codec.js';
import { isUnderstood, type NotUnderstood } from './reading.js';
import { readStateRecord } from './read-state.js';
import { readWatermarkRecord } from './watermark-codec.js';

/** Every golden record, with an odd value in each single place: never is less of it heard than was said. */
const GOLDEN = new URL('golden/v1/', import.meta.url);
type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [name: string]: Json };
type Path = readonly (string | number)[];

function goldenOf(kind: string): readonly (readonly [string, Json])[] {
  const files = readdirSync(GOLDEN).filter((file) => file.startsWith(kind));
  return files.map((file) => [
    file,
    (JSON.parse(readFileSync(new URL(file, GOLDEN), 'utf8')) as { value: Json }).value,
  ]);
}

/** Members of a later version, which nobody reads. */
const LATER = ['note', 'quota', 'transferredTo'];

function placesIn(value: Json, at: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  const members = Object.entries<Json>(value).filter(([name]) => !LATER.includes(name));
  return [at, ...members.flatMap(([name, member]) => placesIn(member, [...at, name]))];
}

function valueAt(value: Json, [first, ...rest]: Path): Json {
  return first === undefined ? value : valueAt((value as Readonly<Record<string, Json>>)[first], rest);
}

function withAt(value: Json, [first, ...rest]: Path, put: Json): Json {
  if (first === undefined) return put;
  const copy = structuredClone(value) as Record<string, Json>;
  copy[first] = withAt(copy[first], rest, put);
  return copy;
}

const ODD: readonly Json[] = [{ odd: [] }, null, 7.5, true, '', 'something new', ['something new'], []];

/** Members whose text is free: another text there is another record, and no doubt. */
const FREE_TEXT = /^(businessId|recipientId|revision|topic|purpose|purposeId|sender|senderId|linkedFrom)$|[eE]ventId$/;

function oddFor(value: Json, path: Path): readonly Json[] {
  const [original, place] = [valueAt(value, path), String(path.at(-1))];
  if (path.at(0) === 'policy' && path.length > 1) return [{ odd: [] }, null, []];
  return ODD.filter((odd) => {
    if (JSON.stringify(odd) === JSON.stringify(original)) return false;
    if (typeof odd === 'string' && typeof original === 'string')
      return !FREE_TEXT.test(place) && path.at(-2) !== 'purposes';
    // A list without this cell is a record that says less, and a flag that is set the other way one that says otherwise.
    return !(Array.isArray(odd) && Array.isArray(original)) && typeof odd !== typeof original;
  });
}

const bytesOf = (value: Json) => Buffer.from(JSON.stringify(value));
type Read = (bytes: Uint8Array | null) => object | NotUnderstood;

function damaged(value: Json): readonly (readonly [string, Json])[] {
  return placesIn(value).flatMap((path) =>
    oddFor(value, path).map((odd) => [`${path.join('.')}: ${JSON.stringify(odd)}`, withAt(value, path, odd)] as const),
  );
}

describe.each([
  ['state', readStateRecord as Read],
  ['catalogue', readCatalogueRecord as Read],
  ['watermark', readWatermarkRecord as Read],
])('a %s record', (kind, read) => {
  it.each(goldenOf(kind))('%s is understood, and with an odd value in any place it is not', (_file, value) => {
    expect(isUnderstood(read(bytesOf(value)))).toBe(true);
    const understood = damaged(value).filter(([, record]) => isUnderstood(read(bytesOf(record))));
    expect(understood.map(([place]) => place)).toEqual([]);
    expect(damaged(value).length).toBeGreaterThan(20);
  });
});

describe('a state record', () => {
  it.each([
    ['erased', 'state-of-an-erased-person'],
    ['unreadable', 'state-unreadable'],
  ])('that is not %s but says when it was is not understood', (flag, file) => {
    const [, value] = goldenOf(file)[0] as readonly [string, Json];
    expect(readStateRecord(bytesOf(withAt(value, [flag], false)))).toEqual({ notUnderstood: flag });
  });

  it('has either a purpose or a category in a revocation', () => {
    const [, value] = goldenOf('state-of-every-cell')[0] as readonly [string, Json];
    const both = withAt(
      withAt(value, ['revocations', '0', 'purpose'], 'offers'),
      ['revocations', '0', 'category'],
      '*',
    );
    expect(readStateRecord(bytesOf(both))).toEqual({ notUnderstood: 'revocations.category' });
  });
});

describe('a change record', () => {
  const readable = goldenOf('change').filter(([, value]) => isReadable(readChangeRecord(bytesOf(value))));

  it.each(readable)('%s with an odd value in any place is doubted, or says the same no', (_file, value) => {
    const no = denialOf(readChangeRecord(bytesOf(value)) as ReadChange);
    const weaker = damaged(value).filter(([, record]) => {
      const change = readChangeRecord(bytesOf(record));
      return isReadable(change) && denialOf(change) !== no;
    });
    expect(weaker.map(([place]) => place)).toEqual([]);
    expect(damaged(value).length).toBeGreaterThan(20);
  });

  it('says which member tells whom it is about and cannot be read', () => {
    const [, value] = readable[0] as (typeof readable)[number];
    expect(readChangeRecord(bytesOf(withAt(value, ['recipientId'], null)))).toEqual({ notUnderstood: 'recipientId' });
  });
});

/** Without the method, which only explains. */
function denialOf(change: ReadChange): string | undefined {
  return JSON.stringify(noOf(change), (name, value: unknown) => (name === 'method' ? undefined : value));
}

function isReadable(change: ReadChange | NotUnderstood): change is ReadChange {
  return isUnderstood(change) && change.event.type !== 'Unreadable';
}

describe.each([
  ['change', readChangeRecord as Read],
  ['state', readStateRecord as Read],
  ['catalogue', readCatalogueRecord as Read],
  ['watermark', readWatermarkRecord as Read],
])('a %s record', (_kind, read) => {
  it.each([
    ['a tombstone', null],
    ['nothing', new Uint8Array(0)],
    ['no JSON', Buffer.from('{"businessId":')],
    ['a list', Buffer.from('[]')],
    ['text that is no UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
  ])('is not understood where it is %s', (_, bytes) => {
    expect(read(bytes)).toEqual({ notUnderstood: 'value' });
  });
});
