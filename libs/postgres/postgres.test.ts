import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { removePostgresServers, startPostgres, type PostgresServer } from '../../test/postgres/server.js';
import { until } from '../../test/faults/until.js';
import {
  openPostgres,
  PostgresError,
  textArray,
  tryAdvisoryLock,
  type Postgres,
  type PostgresOptions,
} from './index.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => removePostgresServers());

const ONE = { name: 'one', text: 'SELECT 1' };
const SLEEP = { name: 'sleep', text: 'SELECT pg_sleep($1)' };
const PID = { name: 'pid', text: 'SELECT pg_backend_pid()' };

const opened: Postgres[] = [];
function open(options: Partial<PostgresOptions> = {}): Postgres {
  const postgres = openPostgres({ url: server.url, ...options });
  opened.push(postgres);
  return postgres;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((postgres) => postgres.close()));
});

async function failureOf(work: Promise<unknown>): Promise<PostgresError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PostgresError) return error;
  throw new Error('it did not fail with a PostgresError', { cause: error });
}

async function pidOf(postgres: Postgres): Promise<number> {
  const [[pid] = [0]] = await postgres.query<[number]>(PID);
  return pid;
}

describe('statements', () => {
  it('answer rows as lists, and are prepared once in a session', async () => {
    const postgres = open({ limits: { poolMax: 1 } });
    const twice = { name: 'twice', text: 'SELECT $1::text, $2::integer * 2' };
    expect(await postgres.query(twice, ['a', 21])).toEqual([['a', 42]]);
    expect(await postgres.query(twice, ['b', 4])).toEqual([['b', 8]]);
    const prepared = {
      name: 'prepared',
      text: 'SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = $1',
    };
    expect(await postgres.query(prepared, ['twice'])).toEqual([['2', '0']]);
  });

  it('take lists of texts as they are', async () => {
    const texts = ['plain', '', '"quoted" \\ {and, braces}', 'Ärger \u{1f64f}', 'NULL', "'", 'x'.repeat(70_000)];
    const back = {
      name: 'back',
      text: 'SELECT text FROM unnest($1::text[]) WITH ORDINALITY AS t (text, n) ORDER BY n',
    };
    const postgres = open();
    expect(await postgres.query(back, [textArray(texts)])).toEqual(texts.map((text) => [text]));
    expect(await postgres.query(back, [textArray([])])).toEqual([]);
  });

  it('that take too long are ended, and the session is used again', async () => {
    const postgres = open({ limits: { poolMax: 1, statementTimeoutMs: 50 } });
    const before = await pidOf(postgres);
    const failure = await failureOf(postgres.query(SLEEP, [10]));
    expect(failure).toMatchObject({ problem: 'UNAVAILABLE', sqlState: '57014' });
    expect(await pidOf(postgres)).toBe(before);
  });

  it('that a server does not end are given up, with their session', async () => {
    const postgres = open({ limits: { poolMax: 1, statementTimeoutMs: 50 } });
    await postgres.query(ONE);
    server.pause();
    try {
      expect(await failureOf(postgres.query(ONE))).toMatchObject({ problem: 'UNAVAILABLE' });
      expect(postgres.status().sessions).toBe(0);
    } finally {
      server.resume();
    }
    const again = await until('it answers again', () => postgres.query(ONE).catch(() => undefined));
    expect(again).toEqual([[1]]);
  });

  it('that are wrong are a defect, told without what they were about', async () => {
    const postgres = open({ limits: { poolMax: 1 } });
    const before = await pidOf(postgres);
    const missing = await failureOf(postgres.query({ name: 'missing', text: 'SELECT * FROM nowhere' }));
    expect(missing).toMatchObject({ problem: 'DEFECT', sqlState: '42P01' });
    expect(missing.message).toMatch(/nowhere/);
    const value = await failureOf(
      postgres.query({ name: 'cast', text: 'SELECT $1::text::integer' }, ['ada@example.org']),
    );
    expect(value).toMatchObject({ problem: 'DEFECT', sqlState: '22P02' });
    expect(JSON.stringify([value.message, value.stack, value])).not.toMatch(/example\.org/);
    expect(await pidOf(postgres)).toBe(before);
  });
});

describe('transactions', () => {
  let postgres: Postgres;
  let impatient: Postgres;
  const read = { name: 'notes', text: 'SELECT text FROM notes ORDER BY text' };
  const write = { name: 'note', text: 'INSERT INTO notes VALUES ($1)' };
  beforeEach(async () => {
    const schema = `notes_${process.hrtime.bigint()}`;
    postgres = open({ schema, limits: { poolMax: 2 } });
    impatient = open({ schema, limits: { poolMax: 2, idleInTransactionTimeoutMs: 100, lockTimeoutMs: 100 } });
    await postgres.run(`CREATE SCHEMA ${schema}; CREATE TABLE notes (text text PRIMARY KEY)`);
  });

  it('are kept whole', async () => {
    const answer = await postgres.transaction(async (session) => {
      await session.change(write, ['a']);
      expect(await postgres.query(read)).toEqual([]);
      return session.change(write, ['b']);
    });
    expect(answer).toBe(1);
    expect(await postgres.query(read)).toEqual([['a'], ['b']]);
  });

  it.each([
    ['the caller fails', () => Promise.reject(new Error('no'))],
    ['a statement fails', () => postgres.run('SELECT 1 FROM nowhere')],
  ])('leave nothing where %s', async (_what, fail) => {
    const work = postgres.transaction(async (session) => {
      await session.change(write, ['a']);
      await fail();
    });
    await expect(work).rejects.toThrow(/no/);
    expect(await postgres.query(read)).toEqual([]);
    expect(postgres.status()).toMatchObject({ waiting: 0 });
  });

  it('leave nothing where their session is killed between two statements', async () => {
    const work = postgres.transaction(async (session) => {
      await session.change(write, ['a']);
      const [[pid] = [0]] = await session.query<[number]>(PID);
      await server.asRoot('postgres', [`SELECT pg_terminate_backend(${pid}, 5000)`]);
      await session.change(write, ['b']);
    });
    expect(await failureOf(work)).toMatchObject({ problem: 'UNAVAILABLE' });
    expect(await postgres.query(read)).toEqual([]);
  });

  it('that stand idle are ended, and others get what they had locked', async () => {
    let lock: () => void = () => undefined;
    let wake: () => void = () => undefined;
    const locked = new Promise<void>((resolve) => (lock = resolve));
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    const idle = impatient.transaction(async (session) => {
      await session.change(write, ['a']);
      lock();
      await asleep;
      await session.change(write, ['b']);
    });
    const failure = failureOf(idle);
    await locked;
    await postgres.change(write, ['a']);
    wake();
    expect(await failure).toMatchObject({ problem: 'UNAVAILABLE' });
    expect(await postgres.query(read)).toEqual([['a']]);
  });

  it('wait for a lock only so long', async () => {
    const failure = await postgres.transaction(async (session) => {
      await session.run('LOCK TABLE notes');
      return failureOf(impatient.change(write, ['a']));
    });
    expect(failure).toMatchObject({ problem: 'UNAVAILABLE', sqlState: '55P03' });
  });

  it('in each other’s way are told apart from a server that is away', async () => {
    await postgres.run(`INSERT INTO notes VALUES ('a'), ('b')`);
    const lock = { name: 'lock', text: 'SELECT 1 FROM notes WHERE text = $1 FOR UPDATE' };
    let both = 0;
    const meet = () => until('both have one', () => (both === 2 ? true : undefined));
    const take = (first: string, second: string) =>
      postgres.transaction(
        async (session) => {
          await session.query(lock, [first]);
          both += 1;
          await meet();
          await session.query(lock, [second]);
        },
        { lockMs: 10_000 },
      );
    const outcomes = await Promise.allSettled([take('a', 'b'), take('b', 'a')]);
    const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    expect(failed).toEqual([expect.objectContaining({ problem: 'MOVED', sqlState: '40P01' })]);
  });
});

describe('sessions', () => {
  it('are no more than allowed; who waits too long, or too many, are told so', async () => {
    const postgres = open({ limits: { poolMax: 2, waitingMax: 1, connectTimeoutMs: 100 } });
    const busy = [1, 2].map(() => postgres.query(SLEEP, [1]));
    await until('both are busy', () => (postgres.status().sessions === 2 ? true : undefined));
    const [waiting, tooMany] = [failureOf(postgres.query(ONE)), failureOf(postgres.query(ONE))];
    expect(await tooMany).toMatchObject({ problem: 'UNAVAILABLE', message: 'too many wait for a session already' });
    expect(await waiting).toMatchObject({ problem: 'UNAVAILABLE' });
    await Promise.all(busy);
    expect(await postgres.query(ONE)).toEqual([[1]]);
  });

  it('are made again when the server was stopped and started, and when it was killed', async () => {
    const heard: PostgresError[] = [];
    const postgres = open({ limits: { poolMax: 3 }, onError: (error) => heard.push(error) });
    for (const end of ['stop', 'kill'] as const) {
      await Promise.all([1, 2, 3].map(() => postgres.query(ONE)));
      await server[end]();
      // The first may still be given a session whose end nobody has noticed yet.
      await until('a new session is refused', async () => {
        expect(await failureOf(postgres.query(ONE))).toMatchObject({ problem: 'UNAVAILABLE' });
        return postgres.status().problem?.includes('ECONNREFUSED') || undefined;
      });
      await server.start();
      await until('it answers again', () => postgres.query(ONE).catch(() => undefined));
      expect(postgres.status()).not.toHaveProperty('problem');
    }
    expect(heard.length).toBeGreaterThan(0);
  });

  it('are not asked for by everybody while the server is away', async () => {
    const postgres = openPostgres({ url: 'postgres://consent@127.0.0.1:1/consent' });
    const failures = await Promise.all(Array.from({ length: 100 }, () => failureOf(postgres.query(ONE))));
    expect(failures.every(({ problem }) => problem === 'UNAVAILABLE')).toBe(true);
    const began = performance.now();
    for (let n = 0; n < 100; n += 1) await failureOf(postgres.query(ONE));
    expect(performance.now() - began).toBeLessThan(1_000);
    await postgres.close();
  });

  it('are refused for good where a person must act', async () => {
    const nowhere = open({ url: server.urlOf('consent', 'nowhere') });
    expect(await failureOf(nowhere.query(ONE))).toMatchObject({ problem: 'REFUSED', sqlState: '3D000' });
    const nobody = open({ url: server.urlOf('nobody_knows', 'consent') });
    expect(await failureOf(nobody.query(ONE))).toMatchObject({ problem: 'REFUSED', sqlState: '28000' });
    expect(() => open({ url: 'http://127.0.0.1/' })).toThrow(/postgres:\/\//);
    expect(() => open({ schema: 'x; DROP' })).toThrow(/small letters/);
  });

  it('are not to be had once it is closed', async () => {
    const postgres = open();
    await postgres.query(ONE);
    await postgres.close();
    await postgres.close();
    expect(await failureOf(postgres.query(ONE))).toMatchObject({ problem: 'UNAVAILABLE' });
  });

  it('take further settings from the URL beside ours', async () => {
    const postgres = open({ url: `${server.url}?options=-c%20work_mem%3D5MB` });
    const shown = { name: 'shown', text: `SELECT current_setting('work_mem'), current_setting('search_path')` };
    expect(await postgres.query(shown)).toEqual([['5MB', 'consent_ledger']]);
  });
});

describe('an advisory lock', () => {
  it('is one session’s, and free when that gives it back or is lost', async () => {
    const [one, other] = [open(), open()];
    const held = await tryAdvisoryLock(one, 'projector');
    expect(await tryAdvisoryLock(other, 'projector')).toBeUndefined();
    expect(await tryAdvisoryLock(open({ schema: 'elsewhere' }), 'projector')).toBeDefined();
    held?.release();
    const mine = await until('it is free', () => tryAdvisoryLock(other, 'projector'));
    const client = new pg.Client({ connectionString: server.urlOf('root_of_the_tests', 'postgres') });
    await client.connect();
    await client.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'`);
    await client.end();
    await mine.lost;
    expect(await until('it is free', () => tryAdvisoryLock(one, 'projector'))).toBeDefined();
    await one.close();
    expect(await until('it is free', () => tryAdvisoryLock(other, 'projector'))).toBeDefined();
  });
});
