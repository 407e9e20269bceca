import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { idsOf, someEvent, someEvents } from './harness-contract.js';
import { COPY_WINDOW } from './copy-writer.js';
import {
  CopyRefused,
  StoreUnavailable,
  copyLedger,
  openSqliteStore,
  summaryOf,
  type EventStore,
  type NewEvent,
  type SqliteStore,
  type StoredEvent,
} from './index.js';

const opened: { store: SqliteStore; dataDir: string }[] = [];

async function newStore(): Promise<SqliteStore> {
  const dataDir = mkdtempSync(join(tmpdir(), 'copy-'));
  const store = await openSqliteStore({ dataDir, diskReserveMb: 0 });
  opened.push({ store, dataDir });
  return store;
}

async function everythingIn(store: EventStore): Promise<readonly StoredEvent[]> {
  return (await store.readAll({ limit: 100_000 })).events;
}

/** All of an event but its position, which is each ledger's own. */
function kept({ stream, revision, id, type, data, metadata }: StoredEvent) {
  return [stream, revision, id, type, Buffer.from(data).toString('hex'), Buffer.from(metadata).toString('hex')];
}

async function begin(store: EventStore): Promise<void> {
  await store.append('system-ledger', [someEvent('begun', 'LedgerStarted')], 'none');
}

let from: SqliteStore;
let to: SqliteStore;
beforeEach(async () => {
  from = await newStore();
  to = await newStore();
});
afterEach(async () => {
  for (const { store, dataDir } of opened.splice(0)) {
    await store.close();
    rmSync(dataDir, { recursive: true });
  }
});

describe('copyLedger', () => {
  it('keeps streams, revisions, ids, types and bytes, and gives the copy an id of its own', async () => {
    await begin(from);
    const odd: NewEvent = {
      ...someEvent(),
      data: Buffer.from('{ "b" : 1.0,\n"a":"\\u00e9" }'),
      metadata: Buffer.from([0, 255, 10]),
    };
    await from.append('consent-a', [odd, ...someEvents(3)], 'none');
    await from.append('conversation-A', someEvents(2), 'none');
    await from.append('consent-a', someEvents(1), '3');
    const copied = await copyLedger({ from, to });
    expect(copied).toMatchObject({ found: 0, copied: 8, same: true, until: await from.head() });
    expect(copied.target.categories).toEqual({ consent: 5, conversation: 2, system: 1 });
    expect((await everythingIn(to)).map(kept).sort()).toEqual((await everythingIn(from)).map(kept).sort());
    expect(to.ledgerId).not.toBe(from.ledgerId);
  });

  it('keeps the order of the source where nobody has two events on their way', async () => {
    await begin(from);
    for (let n = 0; n < 300; n += 1) await from.append(`consent-${n}`, someEvents(1), 'none');
    await copyLedger({ from, to });
    expect(idsOf(await everythingIn(to))).toEqual(idsOf(await everythingIn(from)));
  });

  it("keeps everybody's own events in their order, also those in different streams", async () => {
    await begin(from);
    const categories = ['consent', 'conversation', 'consent'];
    for (let n = 0; n < 300; n += 1) {
      await from.append(`${categories[n % 3] ?? ''}-${n % 10}`, someEvents(1), 'any');
    }
    await copyLedger({ from, to });
    const storyOf = async (store: EventStore, person: number) =>
      idsOf((await everythingIn(store)).filter(({ stream }) => stream.endsWith(`-${person}`)));
    for (let person = 0; person < 10; person += 1) {
      expect(await storyOf(to, person)).toEqual(await storyOf(from, person));
    }
  });

  it('leaves nobody behind whose next event comes just as the one before is done', async () => {
    await begin(from);
    const appends = Array.from({ length: 6_000 }, (_, n) =>
      from.append(`consent-${(n * 7_919) % 1_500}`, someEvents(1), 'any'),
    );
    await Promise.all(appends);
    expect(await copyLedger({ from, to })).toMatchObject({ copied: 6_001, same: true });
  });

  it('adds what has come in since, and writes nothing where nothing has', async () => {
    await begin(from);
    await from.append('consent-a', someEvents(5), 'none');
    await copyLedger({ from, to });
    await from.append('consent-a', someEvents(2), '4');
    await from.append('consent-b', someEvents(2), 'none');
    expect(await copyLedger({ from, to })).toMatchObject({ found: 6, copied: 4, same: true });
    const head = await to.head();
    expect(await copyLedger({ from, to })).toMatchObject({ found: 10, copied: 0, same: true });
    expect(await to.head()).toBe(head);
  });

  it('is complete up to where the source was when it began, while that goes on', async () => {
    await begin(from);
    await from.append('consent-a', someEvents(700), 'none');
    const head = await from.head();
    const copying = copyLedger({ from, to });
    await from.append('consent-late', someEvents(1), 'none');
    expect(await copying).toMatchObject({ until: head, copied: 701, same: true });
    expect(await to.readStream('consent-late', { limit: 1 })).toEqual([]);
  });

  it('takes an append that weighs more than one may of a batch, and a stream longer than the window', async () => {
    await begin(from);
    const heavy = Array.from({ length: 4 }, () => someEvent('x'.repeat(400_000)));
    for (const event of heavy) await from.append('consent-heavy', [event], 'any');
    for (let n = 0; n < 5; n += 1) await from.append('conversation-long', someEvents(COPY_WINDOW / 4), 'any');
    expect(await copyLedger({ from, to })).toMatchObject({ copied: 5 + (5 * COPY_WINDOW) / 4, same: true });
  });

  it('keeps an id that EventStoreDB has come to hold twice in a stream', async () => {
    await begin(from);
    const [one, other, third] = someEvents(3) as [NewEvent, NewEvent, NewEvent];
    for (const [at, event] of [one, one, other, one, third].entries()) {
      await from.append('conversation-a', [event], at === 0 ? 'none' : String(at - 1), { repeats: 'kept' });
    }
    expect(await copyLedger({ from, to })).toMatchObject({ copied: 6, same: true });
    await from.append('conversation-a', [other], '4', { repeats: 'kept' });
    expect(await copyLedger({ from, to })).toMatchObject({ found: 6, copied: 1, same: true });
    expect(idsOf(await everythingIn(to))).toEqual(idsOf(await everythingIn(from)));
  });

  it('copies there and back to the same digest', async () => {
    await begin(from);
    for (let n = 0; n < 200; n += 1) await from.append(`consent-${n % 7}`, someEvents(1), 'any');
    await copyLedger({ from, to });
    const back = await newStore();
    const { target, same } = await copyLedger({ from: to, to: back });
    expect(same).toBe(true);
    expect(target).toEqual(await summaryOf(from));
  });

  it('fills the gaps that a broken-off copy left, whatever they are', async () => {
    await begin(from);
    for (let n = 0; n < 60; n += 1) await from.append(`consent-${n % 5}`, someEvents(1), 'any');
    const [first, ...rest] = await everythingIn(from);
    const streams = [...new Set(rest.map(({ stream }) => stream))];
    const wanted = await summaryOf(from);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(12), { minLength: 5, maxLength: 5 }), async (lengths) => {
        const target = await newStore();
        if (!first) throw new Error('the source is empty');
        await target.append(first.stream, [first], 'none');
        for (const [index, stream] of streams.entries()) {
          const part = rest.filter((event) => event.stream === stream).slice(0, lengths[index]);
          if (part.length > 0) await target.append(stream, part, 'none');
        }
        expect(await copyLedger({ from, to: target })).toMatchObject({ same: true, target: wanted });
      }),
      { numRuns: 15 },
    );
  });

  it('copies an empty ledger to an empty one', async () => {
    expect(await copyLedger({ from, to })).toMatchObject({ found: 0, copied: 0, same: true });
  });
});

/** The source as a server may show it. */
function sourceOf(readAll: EventStore['readAll']): EventStore {
  return {
    ledgerId: from.ledgerId,
    append: () => Promise.reject(new Error('a source is not written')),
    readStream: (stream, options) => from.readStream(stream, options),
    readAll,
    subscribe: (options) => from.subscribe(options),
    head: () => from.head(),
    close: () => Promise.resolve(),
  };
}

describe('a target that is no copy of the source', () => {
  const refusal = async () => copyLedger({ from, to }).catch((error: unknown) => error);

  it('is refused where another ledger was begun in it, and stays as it was', async () => {
    await begin(from);
    await begin(to);
    const head = await to.head();
    const refused = await refusal();
    expect(refused).toBeInstanceOf(CopyRefused);
    expect(String(refused)).toMatch(/neither empty nor a copy of this source/);
    expect(await to.head()).toBe(head);
  });

  it('is refused where it is the source', async () => {
    await begin(from);
    await expect(copyLedger({ from, to: from })).rejects.toThrow(/one and the same ledger/);
  });

  it('is refused where it was written since, without naming the stream', async () => {
    await begin(from);
    await copyLedger({ from, to });
    await to.append('consent-of-somebody', someEvents(1), 'none');
    await from.append('consent-b', someEvents(3), 'none');
    const refused = await refusal();
    expect(refused).toBeInstanceOf(CopyRefused);
    expect(String(refused)).not.toMatch(/somebody/);
    expect(await to.readStream('consent-b', { limit: 1 })).toEqual([]);
  });

  it.each([
    ['data', { data: Buffer.from('{}') }],
    ['metadata', { metadata: Buffer.from('{}') }],
    ['type', { type: 'ConsentImagined' }],
  ])('is refused where the %s of an event differs', async (_what, other) => {
    await begin(from);
    const event = someEvent();
    await from.append('consent-a', [event], 'none');
    const [started] = await everythingIn(from);
    await to.append('system-ledger', [started as StoredEvent], 'none');
    await to.append('consent-a', [{ ...event, ...other }], 'none');
    expect(String(await refusal())).toMatch(/was altered/);
  });

  it.each<[what: string, seen: (event: StoredEvent) => readonly StoredEvent[], said: RegExp]>([
    [
      'has lost the beginning of a stream, whose revisions could not be kept',
      (event) => (event.revision === '0' ? [] : [event]),
      /lost the beginning of a stream/,
    ],
    [
      'has a stream that was deleted for good',
      (event) => [event.revision === '2' ? { ...event, revision: String(2 ** 63) } : event],
      /deleted for good/,
    ],
  ])('is refused where the source %s', async (_what, seen, said) => {
    await begin(from);
    await from.append('consent-of-somebody', someEvents(3), 'none');
    const source = sourceOf(async (options) => {
      const page = await from.readAll(options);
      return { ...page, events: page.events.flatMap((event) => (event.stream[0] === 'c' ? seen(event) : [event])) };
    });
    const refused: unknown = await copyLedger({ from: source, to }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CopyRefused);
    expect(String(refused)).toMatch(said);
    expect(String(refused)).not.toMatch(/somebody-|of-somebody/);
  });

  it('is refused where the source ends before the place where it ended when the copy began', async () => {
    await begin(from);
    await from.append('consent-a', someEvents(1), 'none');
    const head = await from.head();
    const stale = sourceOf(async ({ limit }) => {
      const { events } = await from.readAll({ limit });
      const [first] = events;
      return { events: events.slice(0, 1), position: first?.position ?? head, atEnd: true };
    });
    await expect(copyLedger({ from: stale, to })).rejects.toThrow(StoreUnavailable);
    await expect(summaryOf(stale, { until: head })).rejects.toThrow(/ended before the place/);
    expect((await summaryOf(stale)).events).toBe(1);
  });

  it('is refused where it holds more than the source', async () => {
    await begin(from);
    await from.append('consent-a', someEvents(2), 'none');
    await copyLedger({ from, to });
    const older = await newStore();
    await copyLedger({ from, to: older });
    await from.append('consent-a', someEvents(1), '1');
    await copyLedger({ from, to });
    await expect(copyLedger({ from: older, to })).rejects.toThrow(/no such event/);
  });
});
