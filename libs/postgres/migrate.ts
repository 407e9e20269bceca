import { createHash } from 'node:crypto';
import { lockInTransaction } from './advisory-lock.js';
import type { Postgres } from './postgres.js';
import { PostgresError } from './postgres-error.js';
import type { Session, Statement } from './session.js';

/**
 * The tables of one part of the schema: statements of version 1, of version 2, and so on. One that was released is never
 * edited; what has to change is a further one.
 */
export interface Migrations {
  /** `view`, `vault`. */
  readonly part: string;
  readonly versions: readonly string[];
}

/** Of PostgreSQL, as `server_version_num` counts. */
const OLDEST_SERVER = 150_000;
/** A replica may wait while another one changes a large table. */
const PATIENCE = { statementMs: 600_000, lockMs: 60_000 };

const NOTES = `CREATE TABLE IF NOT EXISTS migrations (
  part text, version integer, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (part, version))`;

const SERVER: Statement = {
  name: 'migrate_server',
  text: `SELECT current_setting('server_version_num'), current_setting('server_encoding'),
         current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off'`,
};
const SCHEMA: Statement = { name: 'migrate_schema', text: 'SELECT 1 FROM pg_namespace WHERE nspname = $1' };
const TABLE: Statement = { name: 'migrate_table', text: `SELECT 1 WHERE to_regclass('migrations') IS NOT NULL` };
const APPLIED: Statement = {
  name: 'migrate_applied',
  text: 'SELECT version, checksum FROM migrations WHERE part = $1 ORDER BY version',
};
const NOTE: Statement = {
  name: 'migrate_note',
  text: 'INSERT INTO migrations (part, version, checksum) VALUES ($1, $2, $3)',
};

/**
 * Brings a part of the schema to its newest version, the schema itself included: all of it or nothing, and of several
 * replicas one after the other. Answers the version it found. Rejects with a `PostgresError` that is `REFUSED` where a
 * newer program has been here, where an applied version is not the one known here, or where the server is not fit.
 */
export async function migrate(postgres: Postgres, migrations: Migrations): Promise<number> {
  return postgres.transaction(async (session) => {
    const locked = lockInTransaction(session, postgres.schema, 'migrations');
    await postgres.waitFor('another replica that changes the tables', locked);
    await checkServer(session);
    await makeSchema(session, postgres.schema);
    const applied = await session.query<[number, string]>(APPLIED, [migrations.part]);
    checkApplied(migrations, applied);
    await applyRest(session, migrations, applied.length);
    return applied.length;
  }, PATIENCE);
}

/** A server that does not sync what it commits may lose the keys of what the ledger holds sealed. */
async function checkServer(session: Session): Promise<void> {
  const [[version, encoding, isDurable] = ['0', '', false]] = await session.query<[string, string, boolean]>(SERVER);
  if (Number(version) < OLDEST_SERVER) throw refused('the server is older than PostgreSQL 15');
  if (!isDurable) throw refused('fsync or synchronous_commit is off: what the server acknowledges may be lost');
  if (encoding !== 'UTF8') throw refused(`the database has the encoding ${encoding}: make one with UTF8`);
}

/** Looked for first: who may not make schemas may still use one that was made for them. */
async function makeSchema(session: Session, schema: string): Promise<void> {
  if ((await session.query(SCHEMA, [schema])).length === 0) await session.run(`CREATE SCHEMA "${schema}"`);
  if ((await session.query(TABLE)).length === 0) await session.run(NOTES);
}

function checkApplied({ part, versions }: Migrations, applied: readonly [number, string][]): void {
  if (applied.length > versions.length) {
    throw refused(
      `the tables of the ${part} have version ${applied.length}, and this program knows ${versions.length}`,
    );
  }
  applied.forEach(([version, checksum], index) => {
    if (version === index + 1 && checksum === checksumOf(versions[index] as string)) return;
    throw refused(`version ${version} of the tables of the ${part} was made by another program`);
  });
}

async function applyRest(session: Session, { part, versions }: Migrations, from: number): Promise<void> {
  for (let index = from; index < versions.length; index += 1) {
    const sql = versions[index] as string;
    await session.run(sql);
    await session.change(NOTE, [part, index + 1, checksumOf(sql)]);
  }
}

/** Blanks do not count. */
function checksumOf(sql: string): string {
  return createHash('sha256').update(sql.replace(/\s+/g, ' ').trim()).digest('hex');
}

function refused(problem: string): PostgresError {
  return new PostgresError('REFUSED', problem);
}
