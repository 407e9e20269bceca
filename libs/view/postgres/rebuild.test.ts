import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { NewEvent } from '#event-store';
import { openPostgres, type Postgres } from '#postgres';
import { removePostgresServers, startPostgres, type PostgresServer } from '../../../test/postgres/server.js';
import { until } from '../../../test/faults/until.js';
import { advance } from '../advance.js';
import { MemoryLedger } from '../memory-ledger.js';
import { VIEW_PREFIXES } from '../project.js';
import { randomHistory } from '../random-history.js';
import { eventOf, grant, purpose, stop } from '../sample-events.js';
import { openPostgresView, type PostgresView } from './postgres-view.js';
import { rebuildPostgresView } from './rebuild.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => removePostgresServers());

let schemas = 0;
let postgres: Postgres;
beforeEach(() => {
  schemas += 1;
  postgres = openPostgres({ url: server.url, schema: `rebuild_${schemas}` });
});
afterEach(() => postgres.close());

const { randomEvents } = randomHistory(fc);
/** The last one is in a stream that a stranger wrote, whose name the database does not take. */
const recipients = ['r0', 'r1', 'r2', 'r3', 'no\0body'];

async function ledgerOf(events: readonly (readonly [recipientId: string, event: NewEvent])[]): Promise<MemoryLedger> {
  const ledger = new MemoryLedger('ledger');
  await ledger.append('system-ledger', [eventOf('LedgerStarted', {})]);
  await ledger.append('business-acme', [purpose('offers')]);
  for (const [recipientId, event] of events) {
    const stream = event.type === 'UserMessaged' ? `conversation-${recipientId}` : `consent-${recipientId}`;
    await ledger.append(stream, [event]);
  }
  return ledger;
}

const open = (ledger: MemoryLedger) => openPostgresView(postgres, { ledger });

const rebuild = (ledger: MemoryLedger, eventsPerPart = 5_000) =>
  rebuildPostgresView({ store: ledger, postgres, eventsPerPart, onProgress: () => undefined });

/** As a running service does it: a few events at a time. False where the view is at the ledger's end. */
async function step(view: PostgresView, ledger: MemoryLedger, limit: number): Promise<boolean> {
  const from = await view.position();
  const page = await ledger.readAll({ ...(from ? { from } : {}), prefixes: VIEW_PREFIXES, limit });
  await advance(view, page, () => undefined);
  return !page.atEnd;
}

async function everyRow(): Promise<unknown> {
  const [[generation] = [0]] = await postgres.query<[number]>({
    name: 'current',
    text: `SELECT generation FROM views WHERE state = 'current'`,
  });
  const rows = (table: string, key: string) =>
    postgres.query({ name: `all_${table}`, text: `SELECT * FROM ${table} ORDER BY ${key}` });
  return [
    await postgres.query({ name: 'at', text: `SELECT position FROM views WHERE state = 'current'` }),
    await rows(`recipients_${generation}`, 'recipient_id'),
    await rows(`businesses_${generation}`, 'business_id'),
  ];
}

const waitsForLock = async () => {
  const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`;
  const [found] = await server.asRoot('postgres', [waiting]);
  return found?.rowCount === 0 ? undefined : true;
};

const standsIdle = async () => {
  const idle = `SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND state_change < now() - interval '0.6 s'`;
  const [found] = await server.asRoot('postgres', [idle]);
  return found?.rowCount === 0 ? undefined : true;
};

const generationsLeft = async () =>
  (await postgres.query<[string]>({ name: 'left', text: 'SELECT state FROM views' })).map(([state]) => state);

describe('a rebuilt view in PostgreSQL', () => {
  it('equals the live one row for row, in one part and in many', async () => {
    const histories = fc.array(fc.tuple(fc.constantFrom(...recipients), randomEvents), { maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(histories, fc.integer({ min: 1, max: 9 }), async (history, batchSize) => {
        const ledger = await ledgerOf(history.map(([id, { type, data }]) => [id, eventOf(type, data)]));
        const view = await open(ledger);
        await view.makeAnew();
        while (await step(view, ledger, batchSize));
        const live = await everyRow();
        await rebuild(ledger);
        expect(await everyRow()).toStrictEqual(live);
        await rebuild(ledger, 1);
        expect(await everyRow()).toStrictEqual(live);
        expect(await generationsLeft()).toEqual(['current']);
      }),
      { numRuns: 8 },
    );
  });

  it('takes the place of one that serves and is moved on meanwhile, and never stands before it', async () => {
    const ledger = await ledgerOf(Array.from({ length: 400 }, (_, n) => [`r${n % 50}`, grant(n % 60)] as const));
    const view = await open(ledger);
    while (await step(view, ledger, 100));
    let done = false;
    const serving = (async () => {
      for (let n = 0; !done; n += 1) {
        await ledger.append(`consent-r${n % 50}`, [stop(n % 60)]);
        const wanted = await ledger.head();
        // Where the view was exchanged under it, it goes on with the new one.
        while ((await view.position()) !== wanted) await step(view, ledger, 10).catch(() => undefined);
        const { rows, position } = await view.read([`r${n % 50}`]);
        expect(position).toBe(wanted);
        expect(rows[0]?.state.revocations).toHaveLength(1);
      }
    })();
    for (let round = 0; round < 3; round += 1) await rebuild(ledger, 50);
    done = true;
    await serving;
    expect(await view.position()).toBe(await ledger.head());
    expect(await generationsLeft()).toEqual(['current']);
  });

  it('catches up with what the old one came to meanwhile, while nobody can move that one on', async () => {
    const ledger = await ledgerOf([['r1', grant(1)]]);
    const view = await open(ledger);
    while (await step(view, ledger, 100));
    const head = ledger.head.bind(ledger);
    const moved: Promise<unknown>[] = [];
    let asked = 0;
    ledger.head = async () => {
      asked += 1;
      const before = await head();
      // The second time it is brought to the end, the third time what the old one has come to since.
      if (asked > 1) {
        await ledger.append('consent-r1', [stop(asked)]);
        let hasMoved = false;
        const moving = step(view, ledger, 100).then(
          () => void (hasMoved = true),
          () => void (hasMoved = true),
        );
        moved.push(moving);
        // Who went on looking would still ask the server when it is taken away at the end.
        await until('its commit waits', async () => hasMoved || (await waitsForLock()));
        await view.read(['r1']).catch(() => undefined);
      }
      return before;
    };
    await rebuild(ledger);
    expect(asked).toBe(3);
    await Promise.all(moved);
    // Rejects where it stands before a place at which it stood.
    expect((await view.read(['r1'])).rows[0]?.state.revocations).toHaveLength(1);
    ledger.head = head;
    while (await step(view, ledger, 100));
    expect(await view.position()).toBe(await ledger.head());
  });

  it('comes close before, so long as that takes long', async () => {
    const ledger = await ledgerOf([['r1', grant(1)]]);
    const view = await open(ledger);
    while (await step(view, ledger, 100));
    const [head, readAll] = [ledger.head.bind(ledger), ledger.readAll.bind(ledger)];
    let asked = 0;
    // Each look at the end but the last finds more, and the first two passes take long to read it.
    ledger.head = async () => {
      asked += 1;
      if (asked === 2 || asked === 3) await ledger.append('consent-r1', [stop(asked)]);
      return head();
    };
    ledger.readAll = async (options) => {
      const sinceMs = performance.now();
      if (asked === 2 || asked === 3)
        await until('it takes long', () => performance.now() - sinceMs > 1_000 || undefined);
      return readAll(options);
    };
    await rebuild(ledger);
    // For the filling, in three passes, and in the exchange.
    expect(asked).toBe(5);
  });

  it('may take longer in the exchange than a transaction may stand idle otherwise', async () => {
    const ledger = await ledgerOf([['r1', grant(1)]]);
    const view = await open(ledger);
    while (await step(view, ledger, 100));
    await postgres.close();
    const { schema } = postgres;
    postgres = openPostgres({ url: server.url, schema, limits: { idleInTransactionTimeoutMs: 200 } });
    const head = ledger.head.bind(ledger);
    let asked = 0;
    ledger.head = async () => {
      asked += 1;
      if (asked === 3) await until('its transaction stood idle for long', standsIdle);
      return head();
    };
    await rebuild(ledger);
    expect(await generationsLeft()).toEqual(['current']);
  });

  it('is the first one where there was none', async () => {
    const ledger = await ledgerOf([['r1', grant(1)]]);
    expect(await rebuild(ledger)).toMatchObject({ events: 2, position: 'ledger.3' });
    expect((await (await open(ledger)).read(['r1'])).rows[0]?.state.grants).toHaveLength(1);
  });

  it('replaces one of a ledger that was lost', async () => {
    const ledger = await ledgerOf([['r1', grant(1)]]);
    const view = await open(ledger);
    await view.commit({ recipients: new Map(), businesses: new Map(), from: undefined, to: 'ledger.99' });
    const { position } = await rebuild(ledger);
    expect(position).toBe('ledger.3');
    expect((await (await open(ledger)).read(['r1'])).rows[0]?.state.grants).toHaveLength(1);
  });

  it('leaves everything as it was where the ledger fails, and what a killed one left is swept away', async () => {
    const ledger = await ledgerOf([['r1', grant(1)]]);
    const view = await open(ledger);
    while (await step(view, ledger, 100));
    const before = await everyRow();
    const readAll = ledger.readAll.bind(ledger);
    ledger.readAll = () => Promise.reject(new Error('the ledger is away'));
    await expect(rebuild(ledger)).rejects.toThrow('the ledger is away');
    ledger.readAll = readAll;
    expect(await everyRow()).toStrictEqual(before);
    await postgres.run(`INSERT INTO views (generation, ledger_id, form, state) VALUES (999, 'ledger', '', 'filling')`);
    await open(ledger);
    expect(await generationsLeft()).toEqual(['current']);
  });
});
