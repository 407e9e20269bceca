import type { EventStore } from '#event-store';
import { openSqliteStore } from '#event-store';
import { openPostgres, type Postgres } from '#postgres';
import { removePostgresServers, startPostgres } from '../../test/postgres/server.js';
import { openPool, rowsOf, type StoredRow } from '../floors/postgres.js';
import type { Bench } from '../harness/bench.js';
import type { LargeLedger } from './large-ledger.js';

/** A large ledger, and a PostgreSQL with room for its view, tuned as far as a small server of one's own would be. */
export interface PostgresRig {
  readonly store: EventStore;
  readonly postgres: Postgres;
  /** The floor's own sessions, on the same schema. */
  readonly pool: ReturnType<typeof openPool>;
  readonly events: number;
  /** The table in use, and its rows. */
  current(): Promise<{ readonly table: string; readonly rows: readonly StoredRow[] }>;
}

export const SESSIONS = 8;
const SCHEMA = 'bench';
const SETTINGS = { shared_buffers: '512MB', max_wal_size: '4GB' };

export async function openPostgresRig(bench: Bench, { dataDir, events }: LargeLedger): Promise<PostgresRig> {
  bench.progress.say('starting PostgreSQL');
  bench.own(removePostgresServers);
  const server = await startPostgres({ settings: SETTINGS });
  const store = await openSqliteStore({ dataDir, readOnly: true });
  bench.own(() => store.close());
  const postgres = openPostgres({ url: server.url, schema: SCHEMA, limits: { poolMax: SESSIONS } });
  bench.own(() => postgres.close());
  const pool = openPool(`${server.url}?options=-c%20search_path%3D${SCHEMA}`, SESSIONS);
  bench.own(() => pool.end());
  const current = async () => {
    const { rows } = await pool.query<{ generation: number }>(`SELECT generation FROM views WHERE state = 'current'`);
    const table = `recipients_${rows[0]?.generation}`;
    return { table, rows: await rowsOf(pool, table) };
  };
  return { store, postgres, pool, events, current };
}
