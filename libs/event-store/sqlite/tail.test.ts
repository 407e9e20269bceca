import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { someEvents } from '../harness-contract.js';
import type { StoredEvent } from '../port.js';
import type { Outcomes } from '#sqlite';
import { packAppend, type AppendJob, type AppendResult } from './append-job.js';
import { keepCommitted } from './committed.js';
import { LedgerReader } from './reader.js';
import { openLedger } from './schema.js';
import { openSqliteStore, type SqliteStore } from './store.js';
import { Tail } from './tail.js';

const event = (n: number, bytes = 1): StoredEvent => ({
  id: String(n),
  type: 'ConsentGranted',
  data: Buffer.alloc(bytes),
  metadata: Buffer.alloc(0),
  stream: `consent-${n % 2}`,
  revision: '0',
  position: `ledger.${n}`,
});
const events = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => event(from + index));
const numbersOf = (page: { readonly events: readonly StoredEvent[] } | undefined) => page?.events.map(({ id }) => +id);

describe('the end of the ledger in memory', () => {
  it('knows nothing before anything was added', () => {
    const tail = new Tail();
    expect(tail.end).toBeUndefined();
    expect(tail.page({ after: 0, prefixes: [], types: [], limit: 10 })).toBeUndefined();
  });

  it('answers what follows on any place in it, and nothing else', () => {
    const tail = new Tail();
    tail.add(11, events(11, 13));
    tail.add(14, events(14, 14));
    const after = (place: number) => tail.page({ after: place, prefixes: [], types: [], limit: 10 });
    expect([9, 10, 12, 14, 15].map((place) => numbersOf(after(place)))).toEqual([
      undefined,
      [11, 12, 13, 14],
      [13, 14],
      [],
      undefined,
    ]);
    expect([tail.end, after(12)?.reached, after(12)?.atEnd]).toEqual([14, 14, true]);
  });

  it('says how far it looked where the limit was reached, and passes other streams by', () => {
    const tail = new Tail();
    tail.add(1, events(1, 6));
    const page = tail.page({ after: 1, prefixes: ['consent-1'], types: [], limit: 1 });
    expect([numbersOf(page), page?.reached, page?.atEnd]).toEqual([[3], 3, false]);
    const rest = tail.page({ after: 3, prefixes: ['consent-1'], types: [], limit: 9 });
    expect([numbersOf(rest), rest?.reached, rest?.atEnd]).toEqual([[5], 6, true]);
  });

  it('lets go of all where something is missing in between', () => {
    const tail = new Tail();
    tail.add(1, events(1, 3));
    tail.add(5, events(5, 6));
    expect(tail.page({ after: 3, prefixes: [], types: [], limit: 9 })).toBeUndefined();
    expect(numbersOf(tail.page({ after: 4, prefixes: [], types: [], limit: 9 }))).toEqual([5, 6]);
  });

  it('holds no more than twice its limits, in events and in bytes', () => {
    const tail = new Tail({ events: 4, bytes: 100 });
    for (let n = 1; n <= 9; n += 1) tail.add(n, [event(n)]);
    expect(numbersOf(tail.page({ after: 5, prefixes: [], types: [], limit: 9 }))).toEqual([6, 7, 8, 9]);
    expect(tail.page({ after: 4, prefixes: [], types: [], limit: 9 })).toBeUndefined();
    tail.add(10, [event(10, 90)]);
    tail.add(11, [event(11, 150)]);
    expect(tail.end).toBeUndefined();
    tail.add(12, [event(12)]);
    expect(numbersOf(tail.page({ after: 11, prefixes: [], types: [], limit: 9 }))).toEqual([12]);
  });
});

describe('a batch that was written', () => {
  const written = (revision: number, n: number, replayed = false) => ({ result: { revision, n, replayed } });
  const keep = (tail: Tail, ...batch: (readonly [AppendJob, Outcomes<AppendResult>[number]])[]) =>
    keepCommitted(
      tail,
      'ledger',
      batch.map(([job]) => job),
      batch.map(([, outcome]) => outcome),
    );
  const job = (stream: string, many: number) => packAppend(stream, someEvents(many), 'any', 1_000);
  const all = (tail: Tail) => tail.page({ after: 0, prefixes: [], types: [], limit: 100 })?.events;

  it('is kept as the file gives it', () => {
    const tail = new Tail();
    const [one, other] = [job('consent-a', 2), job('conversation-b', 1)];
    const capitals = one.events.map((head) => ({ ...head, id: head.id.toUpperCase() }));
    keep(tail, [{ ...one, events: capitals }, written(5, 2)], [other, written(0, 3)]);
    expect(all(tail)).toMatchObject([
      { id: one.events[0]?.id, stream: 'consent-a', revision: '4', position: 'ledger.1' },
      { id: one.events[1]?.id, stream: 'consent-a', revision: '5', position: 'ledger.2' },
      { id: other.events[0]?.id, stream: 'conversation-b', revision: '0', position: 'ledger.3' },
    ]);
  });

  it('adds nothing where it wrote nothing', () => {
    const tail = new Tail();
    keep(tail, [job('consent-a', 2), written(1, 2)]);
    keep(tail, [job('consent-a', 1), { result: { conflictAt: 1 } }], [job('consent-a', 1), written(0, 1, true)]);
    expect(all(tail)).toHaveLength(2);
  });

  it.each([
    ['whose outcome nobody knows', { failure: { message: 'the disk is full' } }],
    ['that stands in the file already, newer than all that is held', written(2, 3, true)],
  ])('empties what is held where it is one %s', (_which, outcome) => {
    const tail = new Tail();
    keep(tail, [job('consent-a', 2), written(1, 2)], [job('consent-a', 1), outcome]);
    expect(tail.end).toBeUndefined();
  });
});

describe('a store that answers from the end in memory', () => {
  let dataDir = '';
  let store: SqliteStore;
  let file: SqliteStore;

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'tail-'));
    store = await openSqliteStore({ dataDir, diskReserveMb: 1, tail: { events: 20, bytes: 1e6 } });
    for (let n = 0; n < 60; n += 1) {
      const events = someEvents(1 + (n % 3)).map((one) => ({ ...one, type: TYPES[n % 2] as string }));
      await store.append(`${STREAMS[n % 3]}${n % 7}`, events, 'any');
    }
    file = await openSqliteStore({ dataDir, readOnly: true });
  });
  afterAll(async () => {
    await file.close();
    await store.close();
    rmSync(dataDir, { recursive: true });
  });

  it('says what the file says, wherever it is asked from', async () => {
    const end = Number((await file.head()).split('.')[1]);
    const places = fc.nat({ max: end }).map((n) => `${store.ledgerId}.${n}`);
    const prefixes = fc.subarray([...STREAMS]).map((some) => (some.length === 0 ? {} : { prefixes: some }));
    const types = fc.subarray([...TYPES]).map((some) => (some.length === 0 ? {} : { types: some }));
    await fc.assert(
      fc.asyncProperty(places, prefixes, types, fc.integer({ min: 1, max: 70 }), async (from, some, ofTypes, limit) => {
        const options = { from, limit, ...some, ...ofTypes };
        expect(await store.readAll(options)).toEqual(await file.readAll(options));
      }),
    );
    expect(await store.head()).toBe(await file.head());
  });

  it('lets pages of the file end where it ends, whatever was committed behind that', () => {
    const reader = new LedgerReader(openLedger(dataDir, { readOnly: true }));
    const page = reader.readAll({ from: reader.position(3), limit: 100 }, 5);
    expect([page.events.length, page.position, page.atEnd]).toEqual([2, reader.position(5), true]);
    reader.close();
  });

  it('reads nothing for whoever asks there', async () => {
    const from = await store.head();
    await store.append('consent-a', someEvents(2), 'any');
    const pages = [await store.readAll({ from, limit: 9 }), await store.readAll({ from, limit: 9 })];
    expect(pages[0]?.events).toHaveLength(2);
    expect(pages[1]?.events[1]).toBe(pages[0]?.events[1]);
  });
});

const TYPES = ['ConsentGranted', 'ConsentRevoked'] as const;
const STREAMS = ['consent-', 'conversation-', 'business-'] as const;
