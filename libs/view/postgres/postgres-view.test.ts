import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EMPTY_STATE } from '#consent';
import { openPostgres, type Postgres } from '#postgres';
import { until } from '../../../test/faults/until.js';
import { removePostgresServers, startPostgres, type PostgresServer } from '../../../test/postgres/server.js';
import { viewStoreContract } from '../contract.js';
import { ViewMoved, ViewWentBack, type ViewStore } from '../port.js';
import { VIEW_FORM } from '../view-database.js';
import { openPostgresView, type PostgresView } from './postgres-view.js';
import { openSharedView } from './shared-view.js';

const ledgerId = 'ledger';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => removePostgresServers());

let schemas = 0;
const newSchema = () => `view_${(schemas += 1)}`;
const headAt = (n: number) => async () => `${ledgerId}.${n}`;
/** A ledger of which only the end is asked for. */
const ending = (head: () => Promise<string>, id = ledgerId) => {
  const readStream = () => Promise.reject(new Error('no stream was to be read'));
  return { ledgerId: id, head, readStream };
};

viewStoreContract(async () => {
  const schema = newSchema();
  const opened: Postgres[] = [];
  return {
    ledgerId,
    open: async () => {
      const postgres = openPostgres({ url: server.url, schema });
      opened.push(postgres);
      return openPostgresView(postgres, { ledger: ending(headAt(1_000)) });
    },
    remove: async () => {
      await Promise.all(opened.map((postgres) => postgres.close()));
    },
  };
});

describe('the view in a database', () => {
  let schema: string;
  let opened: Postgres[];
  const connect = () => {
    const postgres = openPostgres({ url: server.url, schema });
    opened.push(postgres);
    return postgres;
  };
  const open = (head = 1_000, id = ledgerId): Promise<PostgresView> =>
    openPostgresView(connect(), { ledger: ending(async () => `${id}.${head}`, id) });
  const row = { businessId: 'acme', state: EMPTY_STATE };
  const commit = (view: ViewStore, from: number | undefined, to: number, ids: readonly string[] = [], id = ledgerId) =>
    view.commit({
      recipients: new Map(ids.map((recipientId) => [recipientId, row])),
      businesses: new Map(),
      from: from === undefined ? undefined : `${id}.${from}`,
      to: `${id}.${to}`,
    });
  const sql = async (text: string) => (await server.asRoot('consent', [`SET search_path = ${schema}`, text]))[1];

  beforeEach(() => {
    schema = newSchema();
    opened = [];
  });
  afterEach(async () => {
    await Promise.all(opened.map((postgres) => postgres.close()));
  });

  it('is made once by many replicas at once', async () => {
    const views = await Promise.all(Array.from({ length: 6 }, () => open()));
    await commit(views[0] as PostgresView, undefined, 3, ['r1']);
    for (const view of views) expect(await view.read(['r1'])).toStrictEqual({ position: 'ledger.3', rows: [row] });
    expect((await sql('SELECT generation FROM views'))?.rows).toHaveLength(1);
  });

  it('is each ledger’s own', async () => {
    const [one, other] = [await open(), await open(1_000, 'another')];
    await commit(one, undefined, 3, ['r1']);
    await commit(other, undefined, 9, ['r2'], 'another');
    expect(await one.read(['r1', 'r2'])).toStrictEqual({ position: 'ledger.3', rows: [row, undefined] });
    expect(await other.read(['r1', 'r2'])).toStrictEqual({ position: 'another.9', rows: [undefined, row] });
  });

  it('that was packed in another form is left to those who know it, until nobody moved it for long', async () => {
    await commit(await open(), undefined, 3, ['r1']);
    await sql(`UPDATE views SET form = 'another'`);
    expect(await (await open()).read(['r1'])).toStrictEqual({ position: undefined, rows: [undefined] });
    expect((await sql('SELECT 1 FROM views'))?.rows).toHaveLength(2);
    await sql(`UPDATE views SET moved_at = now() - interval '8 days'`);
    await open();
    expect((await sql('SELECT form FROM views'))?.rows).toEqual([{ form: VIEW_FORM }]);
    expect(
      (await sql(`SELECT 1 FROM pg_tables WHERE schemaname = '${schema}' AND tablename ~ '_\\d+$'`))?.rows,
    ).toHaveLength(2);
  });

  it('of a quiet ledger is left alone while somebody stands for moving it on, however long nothing moved it', async () => {
    const { election } = await openSharedView(connect(), { ledger: ending(headAt(9)), recentMax: 1 });
    const term = await election.stand(new AbortController().signal);
    await sql(`UPDATE views SET moved_at = now() - interval '8 days'`);
    await open(1_000, 'another');
    const ledgers = async () => (await sql('SELECT ledger_id FROM views ORDER BY ledger_id'))?.rows;
    expect(await ledgers()).toEqual([{ ledger_id: 'another' }, { ledger_id: 'ledger' }]);
    await term.resign();
    await until('the lock is free and it is dropped', async () => {
      await open(1_000, 'another');
      return (await ledgers())?.length === 1 ? true : undefined;
    });
  });

  it('that was being filled, and came into use before it could be dropped, stays', async () => {
    await open();
    await sql(`INSERT INTO views (generation, ledger_id, form, state) VALUES (99, 'another', '', 'filling')`);
    const postgres = connect();
    const hold = postgres.hold.bind(postgres);
    postgres.hold = async () => {
      await sql(`UPDATE views SET state = 'current' WHERE generation = 99`);
      return hold();
    };
    await openPostgresView(postgres, { ledger: ending(headAt(9)) });
    expect((await sql('SELECT state FROM views WHERE generation = 99'))?.rows).toEqual([{ state: 'current' }]);
  });

  it('that knows more than the ledger is made anew, and whoever reads the old one follows', async () => {
    const reading = await open();
    await commit(reading, undefined, 30, ['r1']);
    const heard: unknown[] = [];
    const fresh = await openPostgresView(connect(), {
      ledger: ending(headAt(29)),
      doubtMs: 10,
      onUnusable: (error) => heard.push(error),
    });
    expect(heard).toEqual([expect.objectContaining({ why: 'PAST_HEAD' })]);
    expect(await fresh.position()).toBeUndefined();
    await expect(reading.read(['r1'])).rejects.toBeInstanceOf(ViewWentBack);
    await expect(commit(reading, 30, 31)).rejects.toBeInstanceOf(ViewMoved);
    expect(await reading.position()).toBeUndefined();
    await commit(reading, undefined, 29);
    expect((await fresh.read(['r1'])).position).toBe('ledger.29');
    await expect(reading.read(['r1'])).rejects.toBeInstanceOf(ViewWentBack);
    await commit(reading, 29, 31, ['r2']);
    expect(await reading.read(['r1', 'r2'])).toStrictEqual({ position: 'ledger.31', rows: [undefined, row] });
    expect(await fresh.read(['r1', 'r2'])).toStrictEqual({ position: 'ledger.31', rows: [undefined, row] });
  });

  it('is not asked about the ledger’s end before it was asked itself: others move it on meanwhile', async () => {
    const mover = await open();
    await commit(mover, undefined, 5);
    const head = async () => {
      await commit(mover, 5, 6);
      return 'ledger.6';
    };
    const view = await openPostgresView(connect(), { ledger: ending(head), doubtMs: 0 });
    expect(await view.position()).toBe('ledger.6');
  });

  it('is left as it is where the ledger’s end seems to be before it for a while, as from a leader cut off', async () => {
    await commit(await open(), undefined, 30, ['r1']);
    const heads = ['ledger.28', 'ledger.29', 'ledger.31'];
    const view = await openPostgresView(connect(), { ledger: ending(async () => heads.shift() ?? 'ledger.31') });
    expect(heads).toEqual([]);
    expect(await view.read(['r1'])).toStrictEqual({ position: 'ledger.30', rows: [row] });
  });

  it('made anew by all replicas at once is made anew once', async () => {
    const views = await Promise.all([1, 2, 3, 4].map(() => open()));
    await commit(views[0] as PostgresView, undefined, 5, ['r1']);
    await Promise.all(views.map((view) => view.makeAnew()));
    await commit(views[3] as PostgresView, undefined, 7, ['r2']);
    for (const view of views) expect((await view.forProjector.read(['r1', 'r2'])).rows).toStrictEqual([undefined, row]);
  });

  it('with more rows that nobody can read than may be read from the ledger says so', async () => {
    const ledger = { ...ending(headAt(9)), readStream: async () => [] };
    const view = await openPostgresView(connect(), { ledger });
    const ids = Array.from({ length: 102 }, (_, n) => `r${n}`);
    await commit(view, undefined, 1, ids);
    await sql(`UPDATE recipients_1 SET state = '[]' WHERE recipient_id <> 'r101'`);
    await view.read(ids.slice(0, 100));
    await view.read(['r0', 'r101']);
    await expect(view.read(['r100'])).rejects.toMatchObject({ why: 'DAMAGED' });
    await view.makeAnew();
    await commit(view, undefined, 2, ['r1']);
    expect((await view.read(['r1'])).rows).toStrictEqual([row]);
  });

  it('takes somebody for new who is not, and replaces what is there', async () => {
    const view = await open();
    await commit(view, undefined, 1, ['r1', 'r2']);
    const newcomers = new Set(['r1', 'r3']);
    const other = { ...row, businessId: 'other' };
    const recipients = new Map(['r1', 'r2', 'r3'].map((id) => [id, other]));
    const changes = { recipients, newcomers, businesses: new Map(), from: 'ledger.1', to: 'ledger.2' };
    await view.commit(changes);
    expect(await view.read(['r1', 'r2', 'r3'])).toStrictEqual({ position: 'ledger.2', rows: [other, other, other] });
    await expect(view.commit(changes)).rejects.toBeInstanceOf(ViewMoved);
  });

  it('takes no rows that were made of the copy before it, though it stands at the same place', async () => {
    const [view, projector] = [await open(), await open()];
    await commit(view, undefined, 2, ['r1']);
    const { rows, generation } = await projector.forProjector.read(['r1']);
    await view.makeAnew();
    await commit(view, undefined, 2);
    // Whatever asks takes the new copy up.
    expect(await projector.position()).toBe('ledger.2');
    const recipients = new Map([['r1', rows[0] as typeof row]]);
    const changes = { recipients, businesses: new Map(), from: 'ledger.2', to: 'ledger.3', generation };
    await expect(projector.commit(changes)).rejects.toBeInstanceOf(ViewMoved);
    expect(await view.read(['r1'])).toStrictEqual({ position: 'ledger.2', rows: [undefined] });
  });

  it('that stands before where it stood answers nothing until it has caught up, but can be moved on', async () => {
    const view = await open();
    const projector = await open();
    await commit(projector, undefined, 20, ['r1']);
    await view.read(['r1']);
    await sql(`UPDATE views SET position = 'ledger.10'`);
    await expect(view.read(['r1'])).rejects.toMatchObject({
      code: 'VIEW_WENT_BACK',
      seen: 'ledger.20',
      found: 'ledger.10',
    });
    await commit(projector, 10, 19);
    await expect(view.read(['r1'])).rejects.toBeInstanceOf(ViewWentBack);
    expect(await projector.forProjector.read(['r1'])).toMatchObject({ position: 'ledger.19', rows: [row] });
    await commit(projector, 19, 20);
    expect(await view.read(['r1'])).toStrictEqual({ position: 'ledger.20', rows: [row] });
  });

  it('is not taken for one that went back by questions that overtake each other', async () => {
    const [view, projector] = [await open(), await open()];
    await commit(projector, undefined, 1, ['r1']);
    let done = false;
    const moving = (async () => {
      for (let n = 1; n < 150; n += 1) await commit(projector, n, n + 1, ['r1']);
      done = true;
    })();
    const asking = Array.from({ length: 8 }, async (_, n) => {
      while (!done) await view.read(Array.from({ length: n % 2 === 0 ? 1 : 900 }, (__, m) => `r${m}`));
    });
    await Promise.all([moving, ...asking]);
    expect((await view.read(['r1'])).position).toBe('ledger.150');
  });

  it('asks for what many want at once in few statements', async () => {
    const postgres = openPostgres({ url: server.url, schema, limits: { poolMax: 1 } });
    opened.push(postgres);
    const view = await openPostgresView(postgres, { ledger: ending(headAt(9)) });
    const ids = Array.from({ length: 3_000 }, (_, n) => `r${n}`);
    await commit(view, undefined, 1, ids);
    const answers = await Promise.all(ids.map((id) => view.read([id])));
    expect(answers.every(({ position, rows }) => position === 'ledger.1' && rows[0]?.businessId === 'acme')).toBe(true);
    const calls = { name: 'calls', text: `SELECT generic_plans FROM pg_prepared_statements WHERE name ~ '_read$'` };
    expect(await postgres.query(calls)).toEqual([['3']]);
  });
});
