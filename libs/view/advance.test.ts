import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { advance, changesOf } from './advance.js';
import { catchUp } from './catch-up.js';
import { MemoryLedger } from './memory-ledger.js';
import { ViewMoved, type ViewChanges, type ViewStore } from './port.js';
import { VIEW_PREFIXES } from './project.js';
import { grant, message, purpose, stop } from './sample-events.js';
import { SqliteView } from './sqlite-view.js';

const unheard = (): void => undefined;
const IDS = ['r0', 'r1', 'r2'];

let directory: string;
let ledger: MemoryLedger;
let view: SqliteView;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'advance-'));
  ledger = new MemoryLedger('ledger');
  view = new SqliteView({ file: join(directory, 'view-1.db'), ledgerId: 'ledger', cacheEntries: 8 });
  for (const recipientId of IDS) await ledger.append(`consent-${recipientId}`, [grant(1)]);
  for (const recipientId of IDS) await ledger.append(`conversation-${recipientId}`, [message(1)]);
  for (const recipientId of IDS) await ledger.append(`consent-${recipientId}`, [stop(2)]);
});
afterEach(async () => {
  await view.close();
  rmSync(directory, { recursive: true });
});

/** The same rows to read and to position, told of each commit before it is made. */
function hearing(onCommit: (changes: ViewChanges) => Promise<void>): ViewStore {
  return {
    position: () => view.position(),
    read: (recipientIds) => view.read(recipientIds),
    businesses: () => view.businesses(),
    commit: async (changes) => {
      await onCommit(changes);
      await view.commit(changes);
    },
    close: () => view.close(),
  };
}

function bring(storage: ViewStore, batchSize: number, until = 'ledger.9'): Promise<void> {
  const { signal } = new AbortController();
  return catchUp(storage, ledger, { until, batchSize, onUnreadable: unheard, signal });
}

/** How many grants, contacts and revocations the view holds of each. */
async function held(): Promise<readonly unknown[]> {
  const { rows } = await view.read(IDS);
  return rows.map((row) => row && [row.state.grants.length, row.state.contacts.length, row.state.revocations.length]);
}

const ALL = IDS.map(() => [1, 1, 1]);

async function stepOf(limit: number) {
  return ledger.readAll({ prefixes: VIEW_PREFIXES, limit });
}

describe('a step', () => {
  it('that overlaps the one before writes only those whom the view has not come to', async () => {
    await advance(view, await stepOf(8), unheard);
    const written: ViewChanges[] = [];
    await advance(
      hearing(async (changes) => void written.push(changes)),
      await stepOf(9),
      unheard,
    );
    expect(written.map(({ recipients, from, to }) => [[...recipients.keys()], from, to])).toStrictEqual([
      [['r2'], 'ledger.8', 'ledger.9'],
    ]);
    expect(await held()).toStrictEqual(ALL);
  });

  it('that begins where the view has not come to is refused', async () => {
    const { events, position } = await stepOf(9);
    const step = { events: events.slice(5), position, after: 'ledger.5' };
    await expect(advance(view, step, unheard)).rejects.toBeInstanceOf(ViewMoved);
    expect(await view.position()).toBeUndefined();
  });
});

describe('catching up', () => {
  it('asks for the rows of the next events before the last are committed, and folds into what those leave', async () => {
    let read = 0;
    let next: () => void = unheard;
    const storage = hearing(async ({ to }) => {
      const wanted = Math.min(3, Number(to.split('.')[1]) / 3 + 2);
      while (read < wanted) await new Promise<void>((resolve) => (next = resolve));
    });
    storage.read = async (recipientIds) => {
      const rows = await view.read(recipientIds);
      read += 1;
      next();
      return rows;
    };
    await bring(storage, 3);
    expect(read).toBe(3);
    expect(await held()).toStrictEqual(ALL);
  });

  it('folds a register on while it is being committed', async () => {
    for (const purposeId of ['offers', 'news', 'receipts']) await ledger.append('business-acme', [purpose(purposeId)]);
    let askedAgain: () => void = unheard;
    const again = new Promise<void>((resolve) => (askedAgain = resolve));
    const storage = hearing(async ({ to }) => void (to === 'ledger.10' && (await again)));
    let asked = 0;
    storage.businesses = async () => {
      const rows = await view.businesses();
      if (++asked === 2) askedAgain();
      return rows;
    };
    await bring(storage, 1, 'ledger.12');
    const [business] = await view.businesses();
    expect(business?.state.purposes.map(({ purposeId }) => purposeId).sort()).toStrictEqual([
      'news',
      'offers',
      'receipts',
    ]);
  });

  it('takes no step where the one before it could not be committed', async () => {
    const committed: string[] = [];
    const storage = hearing(async ({ to }) => {
      committed.push(to);
      if (to === 'ledger.6') throw new Error('the storage is full');
    });
    await expect(bring(storage, 3)).rejects.toThrow('the storage is full');
    expect(committed).toStrictEqual(['ledger.3', 'ledger.6']);
    expect(await view.position()).toBe('ledger.3');
  });

  it('goes on from where another has moved the view', async () => {
    let moved = false;
    const storage = hearing(async () => undefined);
    storage.read = async (recipientIds) => {
      if (!moved) await advance(view, await stepOf(7), unheard);
      moved = true;
      return view.read(recipientIds);
    };
    await bring(storage, 2);
    expect(await held()).toStrictEqual(ALL);
  });

  describe('a view that goes back', () => {
    /** An older state takes its place when its rows are asked for for the nth time. */
    async function goingBack(nth: number): Promise<ViewStore> {
      const older = new SqliteView({ file: join(directory, 'view-0.db'), ledgerId: 'ledger', cacheEntries: 8 });
      await advance(older, await stepOf(2), unheard);
      const storage = hearing(async () => undefined);
      let asked = 0;
      storage.read = async (recipientIds) => {
        if (++asked === nth) {
          await view.close();
          view = older;
        }
        return view.read(recipientIds);
      };
      return storage;
    }

    it('goes on from there', async () => {
      await advance(view, await stepOf(6), unheard);
      await bring(await goingBack(1), 2);
      expect(await view.position()).toBe('ledger.9');
      expect(await held()).toStrictEqual(ALL);
    });

    it('takes nothing that was made of what it forgot', async () => {
      await expect(bring(await goingBack(3), 3)).rejects.toBeInstanceOf(ViewMoved);
      expect(await view.position()).toBe('ledger.2');
      await bring(view, 3);
      expect(await held()).toStrictEqual(ALL);
    });
  });

  it('builds nothing upon changes of another copy, though that one stood at the same place', async () => {
    const { events, position } = await ledger.readAll({ from: 'ledger.3', prefixes: VIEW_PREFIXES, limit: 3 });
    const step = { events, position, after: 'ledger.3' };
    const rowsOf = (generation: number) => ({
      recipientIds: IDS,
      snapshot: Promise.resolve({ position: undefined, rows: IDS.map(() => undefined), generation }),
    });
    const first = await changesOf(view, await stepOf(3), unheard, rowsOf(1));
    const underway = first.changes ? [first.changes] : [];
    expect((await changesOf(view, step, unheard, rowsOf(1), underway)).changes?.from).toBe('ledger.3');
    expect(await changesOf(view, step, unheard, rowsOf(2), underway)).toStrictEqual({ from: undefined });
  });

  it('tells the storage whom it did not know, those who are new in changes under way left out', async () => {
    const told: (readonly [string, readonly string[]])[] = [];
    const storage = hearing(async ({ to, newcomers = [] }) => void told.push([to, [...newcomers]]));
    await bring(storage, 2);
    expect(told).toStrictEqual([
      ['ledger.2', ['r0', 'r1']],
      ['ledger.4', ['r2']],
      ['ledger.6', []],
      ['ledger.8', []],
      ['ledger.9', []],
    ]);
  });

  describe('with rows that come late, another having moved the view before them', () => {
    /**
     * The rows of the second step are read after the first is committed and another has gone on by an event; those of the
     * third are read before the first is committed.
     */
    function overtaken(): ViewStore {
      let [committed, readThird]: (() => void)[] = [unheard, unheard];
      const [firstIsCommitted, thirdIsRead] = [
        new Promise<void>((resolve) => (committed = resolve)),
        new Promise<void>((resolve) => (readThird = resolve)),
      ];
      const storage = hearing(async ({ to }) => void (to === 'ledger.12' && (await thirdIsRead)));
      const commit = storage.commit.bind(storage);
      storage.commit = async (changes) => {
        await commit(changes);
        if (changes.to === 'ledger.12') committed?.();
      };
      let asked = 0;
      const late = async <T>(read: () => Promise<T>): Promise<T> => {
        const nth = ++asked;
        if (nth === 2) {
          await firstIsCommitted;
          const page = await ledger.readAll({ from: 'ledger.12', prefixes: VIEW_PREFIXES, limit: 1 });
          await advance(view, { ...page, after: 'ledger.12' }, unheard);
        }
        const answer = await read();
        if (nth === 3) readThird?.();
        return answer;
      };
      storage.read = (recipientIds) => late(() => view.read(recipientIds));
      return storage;
    }

    beforeEach(async () => {
      await advance(view, await stepOf(9), unheard);
    });

    it('loses no opt-out that the other one brought', async () => {
      for (const recipientId of ['r', 'a', 'b']) await ledger.append(`consent-${recipientId}`, [grant(1)]);
      await ledger.append('consent-r', [stop(2)]);
      for (const recipientId of ['a', 'b']) await ledger.append(`consent-${recipientId}`, [stop(2)]);
      await ledger.append('conversation-r', [message(3)]);
      await bring(overtaken(), 3, 'ledger.16');
      const [row] = (await view.read(['r'])).rows;
      expect(row?.state.grants).toHaveLength(1);
      expect(row?.state.revocations).toHaveLength(1);
      expect(row?.state.contacts).toHaveLength(1);
    });

    it('loses nothing of a register', async () => {
      await ledger.append('business-acme', [purpose('offers')]);
      for (const recipientId of ['a', 'b']) await ledger.append(`consent-${recipientId}`, [grant(1)]);
      for (const purposeId of ['news', 'receipts']) await ledger.append('business-acme', [purpose(purposeId)]);
      for (const recipientId of ['a', 'b']) await ledger.append(`consent-${recipientId}`, [stop(2)]);
      await bring(overtaken(), 3, 'ledger.16');
      const [business] = await view.businesses();
      expect(business?.state.purposes.map(({ purposeId }) => purposeId)).toStrictEqual(['offers', 'news', 'receipts']);
    });
  });

  it('fails where another moves the view while a step is committed, and leaves nothing of the step', async () => {
    const storage = hearing(async ({ to }) => {
      if (to === 'ledger.4') await advance(view, await stepOf(9), unheard);
    });
    await expect(bring(storage, 2)).rejects.toBeInstanceOf(ViewMoved);
    expect(await view.position()).toBe('ledger.9');
    expect(await held()).toStrictEqual(ALL);
  });
});
