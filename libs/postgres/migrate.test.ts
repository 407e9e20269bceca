import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { removePostgresServers, startPostgres, type PostgresServer } from '../../test/postgres/server.js';
import { until } from '../../test/faults/until.js';
import { lockInTransaction, migrate, openPostgres, type Postgres } from './index.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => removePostgresServers());

const FIRST = 'CREATE TABLE notes (text text PRIMARY KEY)';
const SECOND = 'ALTER TABLE notes ADD COLUMN author text';
const ROWS = { name: 'rows', text: 'SELECT * FROM notes' };

let count = 0;
let schema = '';
const opened: Postgres[] = [];
const open = (url = server.url): Postgres => {
  const postgres = openPostgres({ url, schema });
  opened.push(postgres);
  return postgres;
};
const toVersion = (postgres: Postgres, ...versions: string[]) => migrate(postgres, { part: 'notes', versions });

beforeEach(() => {
  count += 1;
  schema = `migrated_${count}`;
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((postgres) => postgres.close()));
});

describe('migrations', () => {
  it('make the schema and its tables, and later what is new', async () => {
    const postgres = open();
    expect(await toVersion(postgres, FIRST)).toBe(0);
    await postgres.run(`INSERT INTO notes VALUES ('kept')`);
    expect(await toVersion(postgres, FIRST, SECOND)).toBe(1);
    expect(await toVersion(postgres, FIRST, SECOND)).toBe(2);
    expect(await postgres.query(ROWS)).toEqual([['kept', null]]);
  });

  it('are run once by many replicas at once', async () => {
    const replicas = Array.from({ length: 8 }, () => open());
    const found = await Promise.all(replicas.map((postgres) => toVersion(postgres, FIRST, SECOND)));
    expect(found.sort()).toEqual([0, 2, 2, 2, 2, 2, 2, 2]);
  });

  it('say that they wait for another replica', async () => {
    const told: string[] = [];
    const [one, other] = [
      open(),
      openPostgres({ url: server.url, schema, waits: { tell: (what) => told.push(what), afterMs: 20 } }),
    ];
    opened.push(other);
    await toVersion(other, FIRST);
    expect(told).toEqual([]);
    await one.transaction(async (session) => {
      await lockInTransaction(session, schema, 'migrations');
      const waiting = toVersion(other, FIRST);
      await until('it says so', () => (told.length > 0 ? true : undefined));
      await session.run('COMMIT; BEGIN');
      await waiting;
    });
    expect(told).toEqual(['another replica that changes the tables']);
  });

  it('leave nothing of a version that fails', async () => {
    const postgres = open();
    await toVersion(postgres, FIRST);
    await expect(toVersion(postgres, FIRST, `${SECOND}; SELECT 1 FROM nowhere`)).rejects.toThrow(/nowhere/);
    expect(await toVersion(postgres, FIRST, SECOND)).toBe(1);
  });

  it('refuse tables of a newer program, and of another one', async () => {
    const postgres = open();
    await toVersion(postgres, FIRST, SECOND);
    await expect(toVersion(postgres, FIRST)).rejects.toMatchObject({
      problem: 'REFUSED',
      message: 'the tables of the notes have version 2, and this program knows 1',
    });
    const edited = SECOND.replace('author', 'writer');
    await expect(toVersion(postgres, FIRST, edited)).rejects.toMatchObject({ problem: 'REFUSED' });
    expect(await toVersion(postgres, `\n  ${FIRST.replace(' (', '\n(')}`, SECOND)).toBe(2);
  });

  it('are each part’s own', async () => {
    const postgres = open();
    await toVersion(postgres, FIRST);
    expect(await migrate(postgres, { part: 'others', versions: ['CREATE TABLE others ()'] })).toBe(0);
  });

  it('use a schema that was made for a user who may make none, and say so where there is none', async () => {
    await server.asRoot('consent', [
      `CREATE ROLE narrow_${count} LOGIN`,
      `CREATE SCHEMA ${schema} AUTHORIZATION narrow_${count}`,
    ]);
    const url = server.urlOf(`narrow_${count}`, 'consent');
    expect(await toVersion(open(url), FIRST)).toBe(0);
    schema = `nowhere_${count}`;
    await expect(toVersion(open(url), FIRST)).rejects.toMatchObject({ problem: 'REFUSED', sqlState: '42501' });
  });

  it('refuse a database of another encoding', async () => {
    const name = `latin_${count}`;
    await server.asRoot('postgres', [`CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`]);
    await expect(toVersion(open(server.urlOf('root_of_the_tests', name)), FIRST)).rejects.toThrow(/LATIN1/);
  });

  it.each(['fsync', 'synchronous_commit'])('refuse a server with %s off', async (name) => {
    const careless = await startPostgres({ settings: { [name]: 'off' } });
    await expect(toVersion(open(careless.url), FIRST)).rejects.toThrow(/may be lost/);
  });
});
