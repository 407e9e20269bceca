import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openPostgres, PostgresError, type Postgres, type PostgresLimits } from '#postgres';
import { FULL } from '../../../test/faults/full.js';
import { until } from '../../../test/faults/until.js';
import { removePostgresServers, startPostgres, type PostgresServer } from '../../../test/postgres/server.js';
import { advance } from '../advance.js';
import { stateFromLedger } from '../ledger-state.js';
import { MemoryLedger } from '../memory-ledger.js';
import { ViewMoved, ViewWentBack } from '../port.js';
import { VIEW_PREFIXES } from '../project.js';
import { eventOf, grant, message, purpose, stop } from '../sample-events.js';
import { openPostgresView, type PostgresView } from './postgres-view.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => removePostgresServers());

let schemas = 0;
let schema = '';
let opened: Postgres[] = [];
let ledger: MemoryLedger;
let damagedRows = 0;
beforeEach(async () => {
  damagedRows = 0;
  schemas += 1;
  schema = `faults_${schemas}`;
  ledger = new MemoryLedger('ledger');
  await ledger.append('system-ledger', [eventOf('LedgerStarted', {})]);
});
afterEach(async () => {
  await Promise.all(opened.map((postgres) => postgres.close()));
  opened = [];
});

function open(limits: Partial<PostgresLimits> = {}): Promise<PostgresView> {
  const postgres = openPostgres({ url: server.url, schema, limits });
  opened.push(postgres);
  return openPostgresView(postgres, { ledger, onDamagedRow: () => (damagedRows += 1) });
}

const idOf = (n: number) => `r${n % 40}`;

async function append(n: number): Promise<void> {
  const events = [grant, message, stop, grant];
  const event = (events[n % 4] as typeof grant)(n % 60);
  const category = event.type === 'UserMessaged' ? 'conversation' : 'consent';
  await ledger.append(`${category}-${idOf(n * 7)}`, [event]);
}

/** True where a step was made. */
async function step(view: PostgresView, limit: number): Promise<boolean> {
  const from = await view.position();
  if (from === (await ledger.head())) return false;
  const page = await ledger.readAll({ ...(from ? { from } : {}), prefixes: VIEW_PREFIXES, limit });
  await advance(view, page, () => undefined);
  return true;
}

async function stepToEnd(view: PostgresView, limit = 50): Promise<void> {
  while (await step(view, limit));
}

/** As a follower does it: whatever hinders it, it goes on from where the view is. */
async function project(view: PostgresView, limit: number, done: () => boolean): Promise<readonly unknown[]> {
  const met: unknown[] = [];
  while (!done()) {
    await step(view, limit).catch((error: unknown) => met.push(error));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return met;
}

async function expectFold(view: PostgresView): Promise<void> {
  expect(await view.position()).toBe(await ledger.head());
  const ids = Array.from({ length: 40 }, (_, n) => idOf(n));
  const { rows } = await view.read(ids);
  for (const [index, recipientId] of ids.entries()) {
    const { state } = await stateFromLedger(ledger, 'acme', recipientId);
    expect(rows[index]?.state).toStrictEqual(state);
  }
}

const isExpected = (error: unknown) =>
  error instanceof ViewMoved || (error instanceof PostgresError && error.problem === 'UNAVAILABLE');

async function endSessions(): Promise<void> {
  const sessions = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'consent'`;
  await server.asRoot('postgres', [sessions]);
}

describe('a row in PostgreSQL that nobody can read', () => {
  it('is read from the ledger as of where the view is, harms nobody else, and is written anew in time', async () => {
    const view = await open();
    for (let n = 0; n < 100; n += 1) await append(n);
    await stepToEnd(view);
    const ids = Array.from({ length: 40 }, (_, n) => idOf(n));
    const before = await view.read(ids);
    const damage = `UPDATE ${schema}.recipients_1 SET state = '[]' WHERE recipient_id IN ('r0', 'r7')`;
    await server.asRoot('consent', [damage]);
    await ledger.append('consent-r7', [stop(59)]);
    expect(await view.read(ids)).toStrictEqual(before);
    // Those whose questions share a statement with theirs need not wait for the ledger.
    const readStream = ledger.readStream.bind(ledger);
    ledger.readStream = () => Promise.reject(new Error('the ledger is away'));
    const [damaged, whole] = await Promise.allSettled([view.read(['r7']), view.read(['r1'])]);
    expect([damaged?.status, whole?.status]).toStrictEqual(['rejected', 'fulfilled']);
    ledger.readStream = readStream;
    await stepToEnd(view);
    await expectFold(view);
    const left = `SELECT recipient_id FROM ${schema}.recipients_1 WHERE state = '[]'`;
    expect((await server.asRoot('consent', [left]))[0]?.rows).toEqual([{ recipient_id: 'r0' }]);
    expect(damagedRows).toBe(2);
  });
});

describe('a register in PostgreSQL that nobody can read', () => {
  it.each(['null', '[]', '{"policy":{}}', 'no JSON'])(
    'is read from the ledger, and written anew in time: %s',
    async (text) => {
      const view = await open();
      await ledger.append('business-acme', [purpose('offers')]);
      await ledger.append('business-beta', [purpose('offers', 'beta')]);
      await stepToEnd(view);
      const before = await view.businesses();
      await server.asRoot('consent', [`UPDATE ${schema}.businesses_1 SET state = '${text}'`]);
      expect(await (await open()).businesses()).toStrictEqual(before);
      await ledger.append('business-acme', [purpose('receipts')]);
      await stepToEnd(view);
      expect((await view.businesses()).map(({ state }) => state.purposes.length)).toStrictEqual([2, 1]);
      const left = `SELECT business_id FROM ${schema}.businesses_1 WHERE state = '${text}'`;
      expect((await server.asRoot('consent', [left]))[0]?.rows).toEqual([{ business_id: 'beta' }]);
      expect(damagedRows).toBe(4);
    },
  );
});

describe('the view in PostgreSQL', () => {
  it('is the fold of the ledger after two projectors moved it on at once', async () => {
    const [one, other] = [await open(), await open()];
    const commits = FULL ? 1_500 : 300;
    let done = false;
    const projecting = [project(one, 3, () => done), project(other, 5, () => done)];
    for (let n = 0; n < commits * 4; n += 1) {
      await append(n);
      if (n % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(
      'it is at the end',
      async () => ((await one.position()) === (await ledger.head()) ? true : undefined),
      300_000,
    );
    done = true;
    const met = (await Promise.all(projecting)).flat();
    expect(met.filter((error) => !isExpected(error))).toEqual([]);
    // They did get in each other's way.
    expect(met.filter((error) => error instanceof ViewMoved).length).toBeGreaterThan(0);
    await expectFold(one);
    await expectFold(other);
  }, 400_000);

  it('is the fold of the ledger after sessions and servers were killed while two projectors committed', async () => {
    const limits = { statementTimeoutMs: 500, connectTimeoutMs: 1_000 };
    const [one, other] = [await open(limits), await open(limits)];
    let done = false;
    const projecting = [project(one, 4, () => done), project(other, 6, () => done)];
    let n = 0;
    const faults = [
      endSessions,
      () => server.kill().then(() => server.start()),
      () => server.stop().then(() => server.start()),
      async () => {
        server.pause();
        try {
          await expect(one.read(['r1'])).rejects.toThrow(PostgresError);
        } finally {
          server.resume();
        }
      },
    ];
    for (let round = 0; round < (FULL ? 24 : 8); round += 1) {
      const before = await until('it moves on', () => one.position().catch(() => undefined));
      for (let more = 0; more < 200; more += 1) await append(n++);
      await until('a commit was made', async () =>
        (await one.position().catch(() => before)) === before ? undefined : true,
      );
      await faults[round % faults.length]?.();
    }
    const isAtEnd = async () =>
      (await one.position().catch(() => undefined)) === (await ledger.head()) ? true : undefined;
    await until('it is at the end', isAtEnd, 120_000);
    done = true;
    const met = (await Promise.all(projecting)).flat();
    expect(met.filter((error) => !isExpected(error))).toEqual([]);
    await expectFold(one);
  }, 400_000);

  it('goes back with an older copy of the database, which is found out, and comes on again', async () => {
    const [view, projector] = [await open(), await open()];
    for (let n = 0; n < 100; n += 1) await append(n);
    await stepToEnd(projector);
    await server.stop();
    const backup = server.copy();
    await server.start();
    for (let n = 100; n < 200; n += 1) await append(n);
    await until('it is at the end again', () =>
      stepToEnd(projector).then(
        () => true,
        () => undefined,
      ),
    );
    await expectFold(view);
    await server.stop();
    server.restore(backup);
    await server.start();
    const refused = () =>
      view.read(['r1']).then(
        () => undefined,
        (error: unknown) => (error instanceof ViewWentBack ? error : undefined),
      );
    expect(await until('it says so', refused)).toMatchObject({ found: 'ledger.101', seen: 'ledger.201' });
    await step(projector, 50);
    await expect(view.read(['r1'])).rejects.toBeInstanceOf(ViewWentBack);
    await stepToEnd(projector);
    await expectFold(view);
  }, 120_000);

  it('says that it is unavailable while all sessions are in use, or a table is locked, and waits for neither for long', async () => {
    const view = await open({ poolMax: 1, connectTimeoutMs: 150, lockTimeoutMs: 150, statementTimeoutMs: 1_000 });
    await append(1);
    await stepToEnd(view);
    const [postgres] = opened;
    const held = await postgres?.hold();
    await expect(view.read(['r1'])).rejects.toMatchObject({ problem: 'UNAVAILABLE' });
    held?.release();
    expect((await until('it answers', () => view.read(['r7']).catch(() => undefined))).position).toBe('ledger.2');
    const blocker = await (await connect()).hold();
    await blocker.run('BEGIN; LOCK TABLE recipients_1');
    await expect(view.read(['r1'])).rejects.toMatchObject({ problem: 'UNAVAILABLE', sqlState: '55P03' });
    await append(2);
    await expect(step(view, 9)).rejects.toMatchObject({ problem: 'UNAVAILABLE', sqlState: '55P03' });
    blocker.release();
    await until('the lock is gone', () =>
      stepToEnd(view).then(
        () => true,
        () => undefined,
      ),
    );
    await expectFold(view);
  });

  async function connect(): Promise<Postgres> {
    const postgres = openPostgres({ url: server.url, schema });
    opened.push(postgres);
    return postgres;
  }
});
