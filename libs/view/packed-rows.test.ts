import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EMPTY_STATE } from '#consent';
import { PackedRows } from './packed-rows.js';
import type { RecipientRow } from './port.js';
import { randomHistory } from './random-history.js';
import { RowCache } from './row-cache.js';

const { randomStates } = randomHistory(fc);
const MIB = 1024 * 1024;

const idOf = (n: number) => createHash('sha256').update(String(n)).digest('base64url');
const rowOf = (businessId: string): RecipientRow => ({ businessId, state: EMPTY_STATE });

describe('rows packed outside the heap', () => {
  it('come back as they were put, the newest of each', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), randomStates), { maxLength: 60 }), (puts) => {
        const rows = new PackedRows(64 * MIB);
        const newest = new Map<string, RecipientRow>();
        for (const [n, state] of puts) {
          const row = { businessId: `b${n % 3}`, state };
          rows.put(idOf(n), row);
          newest.set(idOf(n), row);
        }
        for (let n = 0; n <= 20; n++) expect(rows.get(idOf(n))).toStrictEqual(newest.get(idOf(n)));
      }),
      { numRuns: 200 },
    );
  });

  it('stay within their bytes, and keep what is read', () => {
    const rows = new PackedRows(4 * MIB);
    const wanted = rowOf('wanted');
    rows.put(idOf(-1), wanted);
    for (let n = 0; n < 80_000; n++) {
      rows.put(idOf(n), rowOf('acme'));
      if (n % 1_000 === 0) expect(rows.get(idOf(-1))).toStrictEqual(wanted);
    }
    expect(rows.bytes).toBeLessThanOrEqual(6 * MIB);
    expect(rows.get(idOf(79_999))).toStrictEqual(rowOf('acme'));
    expect(rows.get(idOf(0))).toBeUndefined();
  });

  it('forget one that has become too long to be packed', () => {
    const rows = new PackedRows(8 * MIB);
    const long = { ...rowOf('acme'), state: { ...EMPTY_STATE, contacts: contactsOf(9_000) } };
    rows.put(idOf(1), rowOf('acme'));
    rows.put(idOf(1), long);
    expect(rows.has(idOf(1))).toBe(false);
    expect(rows.get(idOf(1))).toBeUndefined();
  });

  it('do not bring back an older one in place of one that is too long', () => {
    const rows = new PackedRows(4 * MIB);
    const long = { ...rowOf('acme'), state: { ...EMPTY_STATE, contacts: contactsOf(9_000) } };
    rows.put(idOf(1), rowOf('acme'));
    // More than a generation holds: the one that it stands in is the older one by now.
    for (let n = 2; rows.bytes < 2 * MIB; n++) rows.put(idOf(n), rowOf('acme'));
    expect(rows.has(idOf(1))).toBe(true);
    rows.put(idOf(1), long);
    expect(rows.has(idOf(1))).toBe(false);
    expect(rows.get(idOf(1))).toBeUndefined();
  });

  it('are none for what is no recipient id', () => {
    const rows = new PackedRows(8 * MIB);
    rows.put('r1', rowOf('acme'));
    expect(rows.get('r1')).toBeUndefined();
  });
});

describe('the cache of rows with packed ones behind it', () => {
  it('finds there what has left the decoded rows', () => {
    const cache = new RowCache(4, new PackedRows(8 * MIB));
    for (let n = 0; n < 100; n++) cache.put(idOf(n), rowOf(`b${n}`));
    cache.replace(idOf(3), rowOf('changed'));
    cache.replace(idOf(500), rowOf('never asked about'));
    expect(cache.get(idOf(3))).toStrictEqual(rowOf('changed'));
    expect(cache.get(idOf(4))).toStrictEqual(rowOf('b4'));
    expect(cache.get(idOf(500))).toBeUndefined();
    cache.clear();
    expect(cache.get(idOf(4))).toBeUndefined();
  });

  it('answers with the newest that was put, decoded or not', () => {
    const cache = new RowCache(4, new PackedRows(8 * MIB));
    for (let n = 0; n < 100; n++) {
      const row = rowOf(`b${n}`);
      cache.put(idOf(n % 3), row);
      expect(cache.get(idOf(n % 3))).toStrictEqual(row);
    }
  });

  it('keeps none as objects that stand packed', () => {
    const cache = new RowCache(1_000, new PackedRows(8 * MIB));
    for (let n = 0; n < 800; n++) cache.put(idOf(n), rowOf('acme'));
    expect(cache.size).toBe(0);
    expect(cache.get(idOf(799))).toStrictEqual(rowOf('acme'));
  });

  it('keeps few that are too long to be packed, whatever is asked for', () => {
    const cache = new RowCache(1_000, new PackedRows(8 * MIB));
    const long = { ...rowOf('acme'), state: { ...EMPTY_STATE, contacts: contactsOf(9_000) } };
    for (let n = 0; n < 100; n++) cache.put(idOf(n), long);
    expect(cache.size).toBeLessThanOrEqual(64);
    expect(cache.get(idOf(99))).toBe(long);
  });

  it('keeps one that cannot be packed', () => {
    const cache = new RowCache(4, new PackedRows(8 * MIB));
    const long = { ...rowOf('acme'), state: { ...EMPTY_STATE, contacts: contactsOf(9_000) } };
    cache.put(idOf(1), rowOf('acme'));
    cache.put(idOf(1), long);
    expect(cache.get(idOf(1))).toBe(long);
    cache.replace(idOf(1), rowOf('short again'));
    expect(cache.get(idOf(1))).toStrictEqual(rowOf('short again'));
    expect(cache.size).toBe(0);
  });
});

function contactsOf(count: number) {
  return Array.from({ length: count }, (_, n) => ({
    channel: 'sms' as const,
    sender: `sender-${n}`,
    eventId: idOf(n),
    type: 'UserMessaged',
    stream: `conversation-${idOf(1)}`,
    revision: '1',
    occurredAt: '2026-01-01T00:00:00.000Z',
    recordedAt: '2026-01-01T00:00:00.000Z',
  }));
}
