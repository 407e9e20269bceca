import { chownSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { openDatabase } from '#sqlite';
import { advance } from './advance.js';
import { stateFromLedger } from './ledger-state.js';
import { stateWithLinked } from './linked-states.js';
import { MemoryLedger } from './memory-ledger.js';
import { createView, openNamedView } from './open-view.js';
import { VIEW_PREFIXES } from './project.js';
import { randomHistory, type RandomEvent } from './random-history.js';
import { fillView, type RebuildProgress } from './fill.js';
import { rebuildView } from './rebuild.js';
import { stateFor } from './recipient-row.js';
import { eventOf, purpose } from './sample-events.js';
import { currentViewFile } from './view-files.js';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'rebuild-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const { randomEvents } = randomHistory(fc);
const recipients = ['r0', 'r1', 'r2', 'r3'];
const histories = fc.array(
  fc.tuple(fc.constantFrom(...recipients), randomEvents, fc.constantFrom('acme', 'acme', 'zeta')),
  {
    maxLength: 100,
  },
);

async function ledgerOf(history: readonly [string, RandomEvent, string][]): Promise<MemoryLedger> {
  const ledger = new MemoryLedger('ledger');
  await ledger.append('system-ledger', [eventOf('LedgerStarted', {})]);
  for (const [recipientId, { type, data }, businessId] of history) {
    if (businessId === 'zeta') await ledger.append('business-zeta', [purpose(recipientId, businessId)]);
    const stream = type === 'UserMessaged' ? `conversation-${recipientId}` : `consent-${recipientId}`;
    // Now and then an event of another business stands where it does not belong.
    const misplaced = businessId === 'zeta' && recipientId === 'r3' ? { ...data, businessId } : data;
    await ledger.append(stream, [eventOf(type, misplaced)]);
  }
  return ledger;
}

const placeOf = (ledger: MemoryLedger) => ({ dataDir, ledgerId: ledger.ledgerId, cacheEntries: 3 });

/** As a running service makes it: a few events at a time. */
async function liveView(ledger: MemoryLedger, batchSize: number): Promise<string> {
  const { name, view } = createView(placeOf(ledger));
  for (let atEnd = false; !atEnd;) {
    const from = await view.position();
    const page = await ledger.readAll({ ...(from ? { from } : {}), prefixes: VIEW_PREFIXES, limit: batchSize });
    await advance(view, page, () => undefined);
    atEnd = page.atEnd;
  }
  await view.close();
  return name;
}

async function rebuilt(ledger: MemoryLedger, eventsPerPart?: number): Promise<string> {
  const limit = eventsPerPart === undefined ? {} : { eventsPerPart };
  await rebuildView({ store: ledger, dataDir, onProgress: () => undefined, ...limit });
  return currentViewFile(dataDir) as string;
}

function everyRowOf(name: string): unknown {
  const version = { schemaVersion: 1, migrate: () => undefined };
  const db = openDatabase(join(dataDir, name), { synchronous: 'NORMAL', ...version });
  const rows = ['about', 'businesses', 'recipients'].map((table) => db.prepare(`SELECT * FROM ${table}`).all());
  db.close();
  return rows;
}

const isSuperuser = process.getuid?.() === 0;
const asRoot = isSuperuser ? it : it.skip;
if (!isSuperuser) process.stdout.write('rebuilding a view: skipped its owner, since only root can give files away\n');

describe('a rebuilt view', () => {
  it('equals the live one row for row, in one part and in many', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.integer({ min: 1, max: 9 }), async (history, batchSize) => {
        const ledger = await ledgerOf(history);
        const live = everyRowOf(await liveView(ledger, batchSize));
        expect(everyRowOf(await rebuilt(ledger))).toStrictEqual(live);
        expect(everyRowOf(await rebuilt(ledger, 1))).toStrictEqual(live);
      }),
      { numRuns: 12 },
    );
  });

  it('holds what the ledger itself says', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const ledger = await ledgerOf(history);
        const { view } = await openNamedView(placeOf(ledger), await rebuilt(ledger), await ledger.head());
        const states = async (ids: readonly string[]) =>
          (await view.read(ids)).rows.map((row) => stateFor(row, 'acme'));
        for (const recipientId of recipients) {
          const own = (await states([recipientId]))[0];
          const answer = await stateFromLedger(ledger, 'acme', recipientId);
          const viewed = own && (await stateWithLinked(recipientId, own, states));
          // Which event showed the doubt depends on the order of reading; that there is doubt does not.
          expect(withoutDoubt(answer.state)).toStrictEqual(withoutDoubt(viewed));
          expect(answer.position).toBe(await ledger.head());
        }
        await view.close();
      }),
      { numRuns: 8 },
    );
  });

  it('reports how far it has come', async () => {
    const ledger = await ledgerOf([]);
    for (let n = 0; n < 5_000; n += 1) ledger.events.push({ ...ledger.events[0]!, position: `ledger.${n + 2}` });
    const seen: RebuildProgress[] = [];
    await rebuildView({ store: ledger, dataDir, onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ total }) => total)).toStrictEqual(seen.map(() => 5_001));
    expect(seen.map(({ done }) => done)).toStrictEqual(seen.map(({ done }) => done).sort((a, b) => a - b));
    expect(seen.at(-1)?.done).toBe(5_001);
  });

  it('leaves everything as it was where the ledger fails', async () => {
    const ledger = await ledgerOf([]);
    const inUse = await rebuilt(ledger);
    ledger.readAll = () => Promise.reject(new Error('the ledger is away'));
    await expect(rebuilt(ledger)).rejects.toThrow('the ledger is away');
    expect(readdirSync(dataDir).sort()).toStrictEqual([inUse, 'view.current']);
  });

  it('says why its rows could not be written, whatever was still being folded', async () => {
    const wrote = { type: 'UserMessaged', data: { occurredAt: '2026-05-01T10:00:00.000Z' } };
    const history = recipients.map((id): [string, RandomEvent, string] => [id, wrote, 'acme']);
    const sink = { write: () => Promise.reject(new Error('the disk is full')), finish: async () => undefined };
    const filling = { store: await ledgerOf(history), onProgress: () => undefined, eventsPerPart: 1 };
    await expect(fillView(sink, join(dataDir, 'parts'), filling)).rejects.toThrow('the disk is full');
    expect(readdirSync(dataDir)).toStrictEqual([]);
  });

  it('removes what a rebuild that was killed left behind', async () => {
    writeFileSync(join(dataDir, 'view-4194303.building'), 'half');
    expect(await rebuilt(await ledgerOf([]))).toBe('view-1.db');
    expect(readdirSync(dataDir).sort()).toStrictEqual(['view-1.db', 'view.current']);
  });

  it('leaves alone what the rebuild of another user makes, who may not be signalled', async () => {
    const theirs = 'view-4194303.building';
    writeFileSync(join(dataDir, theirs), 'half');
    const kill = jest.spyOn(process, 'kill').mockImplementation(() => {
      throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    });
    await rebuilt(await ledgerOf([]));
    kill.mockRestore();
    expect(readdirSync(dataDir).sort()).toStrictEqual(['view-1.db', theirs, 'view.current'].sort());
  });

  asRoot('belongs to whom the directory belongs to, where root makes it', async () => {
    chownSync(dataDir, 65_534, 65_533);
    await rebuilt(await ledgerOf([]));
    const owners = readdirSync(dataDir).map((name) => statSync(join(dataDir, name)));
    expect(owners.map(({ uid, gid }) => [uid, gid])).toStrictEqual([
      [65_534, 65_533],
      [65_534, 65_533],
    ]);
  });
});

function withoutDoubt(state: Awaited<ReturnType<typeof stateFromLedger>>['state']) {
  return state && { ...state, unreadable: state.unreadable !== undefined };
}
