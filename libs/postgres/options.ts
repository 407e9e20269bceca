import pg, { type PoolConfig } from 'pg';
import { PostgresError } from './postgres-error.js';

/** Bounds of a connection to a database; each has a name in the configuration. Milliseconds. */
export interface PostgresLimits {
  /** Sessions at once. */
  readonly poolMax: number;
  /** Statements and transactions that may wait for a session before further ones are turned away. */
  readonly waitingMax: number;
  /** For making a session, and for waiting for one. */
  readonly connectTimeoutMs: number;
  /** The server ends a statement that takes longer; a second later it is given up here too. */
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  /** A session that nobody used so long is closed. */
  readonly idleTimeoutMs: number;
}

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database?sslmode=verify-full`. */
  readonly url: string;
  /** Where the tables are; made where it is missing. Small letters, digits and underscores. */
  readonly schema?: string;
  readonly limits?: Partial<PostgresLimits>;
  /** What became of sessions that nobody used at that moment. */
  readonly onError?: (error: PostgresError) => void;
  /** Told once of each thing that a start waits for longer than so many milliseconds, 5,000 by default, in plain words. */
  readonly waits?: { readonly tell: (what: string) => void; readonly afterMs?: number };
}

export const DEFAULT_SCHEMA = 'consent_ledger';

export const DEFAULT_POSTGRES_LIMITS: PostgresLimits = {
  poolMax: 10,
  waitingMax: 1_000,
  connectTimeoutMs: 3_000,
  statementTimeoutMs: 5_000,
  lockTimeoutMs: 2_000,
  idleInTransactionTimeoutMs: 10_000,
  idleTimeoutMs: 60_000,
};

/** How much longer than the server the client waits for a statement: only a server that hangs makes it come to that. */
export const CLIENT_GRACE_MS = 1_000;
export const TELL_AFTER_MS = 5_000;
const KEEP_ALIVE_AFTER_MS = 10_000;

/**
 * Every statement of ours finds its rows by their key. What a plan should be is known beforehand, and planning each time
 * costs more than the look-up; and a plan made while a table was empty must not read through it when it has grown.
 */
const PLANNER = ['plan_cache_mode=force_generic_plan', 'enable_seqscan=off', 'jit=off'];

const SCHEMA_NAME = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/;

/** Throws a `PostgresError` where a part of the options is not what it has to be. */
export function checkedSchema(name: string): string {
  if (SCHEMA_NAME.test(name)) return name;
  throw new PostgresError('REFUSED', 'the name of the schema must be small letters, digits and underscores');
}

/** What `pg` is to be told. What the URL says of it, the certificates for one, is the URL's own affair. */
export function poolConfigOf({ url }: PostgresOptions, schema: string, limits: PostgresLimits): PoolConfig {
  const { connectionString, options } = withoutOptions(url);
  const ours = [`search_path=${schema}`, ...PLANNER].map((setting) => `-c ${setting}`);
  return {
    connectionString,
    options: [...ours, ...options].join(' '),
    application_name: 'consent-ledger',
    max: limits.poolMax,
    connectionTimeoutMillis: limits.connectTimeoutMs,
    idleTimeoutMillis: limits.idleTimeoutMs,
    statement_timeout: limits.statementTimeoutMs,
    query_timeout: limits.statementTimeoutMs + CLIENT_GRACE_MS,
    lock_timeout: limits.lockTimeoutMs,
    idle_in_transaction_session_timeout: limits.idleInTransactionTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
  };
}

/**
 * `pg` reads the files that the URL names (`sslrootcert`) with each session that it makes, and would call the server out of
 * reach where it cannot. Throws a `PostgresError` that says what is wrong.
 */
export function requireFilesOf(config: PoolConfig): void {
  try {
    new pg.Client(config);
  } catch (error) {
    const { code = 'unknown cause' } = error as NodeJS.ErrnoException;
    throw new PostgresError('REFUSED', `a file that the URL of the database names cannot be read: ${code}`);
  }
}

/** `pg` would take the URL's `options` instead of ours, not beside them. */
function withoutOptions(url: string): { connectionString: string; options: readonly string[] } {
  const parsed = parse(url);
  const options = parsed.searchParams.getAll('options');
  if (options.length === 0) return { connectionString: url, options };
  parsed.searchParams.delete('options');
  return { connectionString: parsed.href, options };
}

function parse(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^postgres(ql)?:$/.test(parsed.protocol)) return parsed;
  throw new PostgresError('REFUSED', 'the URL of the database must begin with postgres:// and name a host');
}
