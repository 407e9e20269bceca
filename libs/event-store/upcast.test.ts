import { describe, expect, it } from '@jest/globals';
import { readEvent, upcast, type Upcasters } from './index.js';

/** What two imagined later versions would have changed. */
const UPCASTERS: Upcasters = {
  1: {
    Renamed: ({ name, ...rest }) => ({ ...rest, title: name }),
    Picky: ({ list }) => {
      if (!Array.isArray(list)) throw new TypeError('not what version 1 wrote');
      return { list, count: list.length };
    },
  },
  2: { Renamed: ({ title, ...rest }) => ({ ...rest, title, short: String(title).slice(0, 3) }) },
};

describe('upcast', () => {
  it('takes every step from the version that was written to the newest', () => {
    const first = upcast('Renamed', { data: { name: 'Offers', kept: 1 }, schema: 1 }, UPCASTERS, 3);
    expect(first).toEqual({ data: { kept: 1, title: 'Offers', short: 'Off' }, schema: 3 });
    const second = upcast('Renamed', { data: { title: 'Offers' }, schema: 2 }, UPCASTERS, 3);
    expect(second).toEqual({ data: { title: 'Offers', short: 'Off' }, schema: 3 });
  });

  it('leaves the newest version and types that kept their shape alone', () => {
    const newest = { data: { name: 'x' }, schema: 3 };
    expect(upcast('Renamed', newest, UPCASTERS, 3)).toBe(newest);
    expect(upcast('Other', { data: { name: 'x' }, schema: 1 }, UPCASTERS, 3)).toEqual({
      data: { name: 'x' },
      schema: 3,
    });
  });

  it.each([
    ['a version that is not known yet', 'Renamed', { data: { name: 'x' }, schema: 4 }],
    ['a version that never was', 'Renamed', { data: { name: 'x' }, schema: 0 }],
    ['half a version', 'Renamed', { data: { name: 'x' }, schema: 1.5 }],
    ['no version', 'Renamed', { data: { name: 'x' }, schema: undefined }],
    ['a version in words', 'Renamed', { data: { name: 'x' }, schema: '1' }],
    ['data that is no object', 'Renamed', { data: ['x'], schema: 1 }],
    ['data that its version did not write', 'Picky', { data: { list: 'x' }, schema: 1 }],
  ])('hands %s back as it is, for the reader to refuse', (_what, type, written) => {
    expect(upcast(type, written, UPCASTERS, 3)).toBe(written);
  });
});

describe('readEvent', () => {
  const stored = (data: string, metadata: string) => ({
    id: '00000000-0000-4000-8000-000000000001',
    stream: 'consent-a',
    revision: '0',
    position: 'x.1',
    type: 'ConsentGranted',
    data: Buffer.from(data),
    metadata: Buffer.from(metadata),
  });

  it('reads what is there, and takes bytes that are no JSON for nothing', () => {
    expect(readEvent(stored('{"a":1}', '{"schema":1,"actor":"system"}'))).toMatchObject({
      data: { a: 1 },
      metadata: { schema: 1, actor: 'system' },
    });
    expect(readEvent(stored('{', '7'))).toMatchObject({ data: undefined, metadata: {} });
    expect(readEvent(stored('{"a":1}', '{"schema":2}')).metadata.schema).toBe(2);
  });
});
