import pg from 'pg';
import { BackOff } from './back-off.js';
import { HeldSession } from './held-session.js';
import { checkedSchema, CLIENT_GRACE_MS, DEFAULT_POSTGRES_LIMITS, DEFAULT_SCHEMA } from './options.js';
import { poolConfigOf, requireFilesOf, TELL_AFTER_MS, type PostgresLimits, type PostgresOptions } from './options.js';
import { PostgresError, postgresErrorOf } from './postgres-error.js';
import { ClientSession, type Session, type Statement } from './session.js';

export interface PostgresStatus {
  /** Sessions that are open, and of these, how many nobody uses. */
  readonly sessions: number;
  readonly idle: number;
  /** Who waits for a session. */
  readonly waiting: number;
  /** Why the last session could not be had; undefined once one could. */
  readonly problem?: string;
}

/** Other time-outs than those of every statement, in milliseconds. */
export interface Patience {
  readonly statementMs?: number;
  readonly lockMs?: number;
  /** For a transaction that waits for work elsewhere between two of its statements. */
  readonly idleMs?: number;
}

const CLOSED = 'the connection is closed';

/**
 * The database that the URL names. Connects when something is first asked of it. Throws a `PostgresError` where the URL
 * or the name of the schema is not what it has to be, or a file that the URL names cannot be read.
 */
export function openPostgres(options: PostgresOptions): Postgres {
  return new Postgres(options, checkedSchema(options.schema ?? DEFAULT_SCHEMA));
}

/**
 * A database through a bounded number of sessions, made when they are needed and made again when they were lost. Every
 * statement has its end: the server stops it after its time, and a server that does not even do that is given up.
 */
export class Postgres implements Session {
  readonly #pool: pg.Pool;
  readonly #limits: PostgresLimits;
  readonly #backOff = new BackOff();
  readonly #held = new Set<HeldSession>();
  #problem: string | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly options: PostgresOptions,
    /** Where the tables are. */
    readonly schema: string,
  ) {
    this.#limits = { ...DEFAULT_POSTGRES_LIMITS, ...options.limits };
    const config = poolConfigOf(options, schema, this.#limits);
    requireFilesOf(config);
    this.#pool = new pg.Pool(config);
    this.#pool.on('error', (error) => options.onError?.(postgresErrorOf(error)));
    // One that is lost between two statements of a transaction says so here, and the next statement fails.
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  status(): PostgresStatus {
    const { totalCount: sessions, idleCount: idle, waitingCount: waiting } = this.#pool;
    return { sessions, idle, waiting, ...(this.#problem === undefined ? {} : { problem: this.#problem }) };
  }

  query<Row extends readonly unknown[]>(statement: Statement, values?: readonly unknown[]): Promise<readonly Row[]> {
    return this.#withSession((session) => session.query<Row>(statement, values));
  }

  change(statement: Statement, values?: readonly unknown[]): Promise<number> {
    return this.#withSession((session) => session.change(statement, values));
  }

  run(sql: string): Promise<void> {
    return this.#withSession((session) => session.run(sql));
  }

  /**
   * All of it or nothing. Where the session is lost while it commits, it is not known which: the caller must find out, or
   * do what may be done twice.
   */
  transaction<T>(work: (session: Session) => Promise<T>, patience: Patience = {}): Promise<T> {
    return this.#withSession((session) => inTransaction(session, work, patience), clientPatienceOf(patience));
  }

  /** A session of the caller's own, for what lives and dies with it, such as an advisory lock. */
  async hold(patience: Patience = {}): Promise<HeldSession> {
    const session = new HeldSession(await this.#connect(), clientPatienceOf(patience));
    this.#held.add(session);
    void session.over.then(() => this.#held.delete(session));
    try {
      // What was closed while this one was made does not know of it, and would wait for it without end.
      if (this.#closed) throw new PostgresError('UNAVAILABLE', CLOSED);
      await session.run(settingsOf(patience, 'SESSION'));
      return session;
    } catch (error) {
      session.release();
      throw error;
    }
  }

  /** Waits as it is told to, and says what for where that takes long. */
  async waitFor<T>(what: string, work: Promise<T>): Promise<T> {
    const { tell, afterMs = TELL_AFTER_MS } = this.options.waits ?? {};
    const telling = setTimeout(() => tell?.(what), afterMs);
    try {
      return await work;
    } finally {
      clearTimeout(telling);
    }
  }

  /** Waits for what is under way, and ends the sessions that are held; from then on everything is refused. */
  async close(): Promise<void> {
    this.#closed ??= this.#pool.end();
    for (const session of this.#held) session.release();
    await this.#closed;
  }

  async #withSession<T>(work: (session: Session) => Promise<T>, patienceMs?: number): Promise<T> {
    const client = await this.#connect();
    let over = false;
    try {
      return await work(new ClientSession(client, patienceMs));
    } catch (error) {
      over = endsSession(error);
      throw error;
    } finally {
      client.release(over);
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    this.#refuse();
    try {
      const client = await this.#pool.connect();
      this.#backOff.succeeded();
      this.#problem = undefined;
      return client;
    } catch (error) {
      const failure = postgresErrorOf(error);
      this.#problem = failure.message;
      // Sessions that are all in use say nothing about the server.
      if (this.#pool.totalCount < this.#limits.poolMax) this.#backOff.failed();
      throw failure;
    }
  }

  /** What is known to fail is not tried. */
  #refuse(): void {
    if (this.#closed) throw new PostgresError('UNAVAILABLE', CLOSED);
    if (this.#pool.waitingCount >= this.#limits.waitingMax) {
      throw new PostgresError('UNAVAILABLE', 'too many wait for a session already');
    }
    if (this.#backOff.waitMs > 0 && this.#pool.idleCount === 0) {
      throw new PostgresError('UNAVAILABLE', this.#problem ?? 'the server cannot be reached');
    }
  }
}

async function inTransaction<T>(
  session: Session,
  work: (session: Session) => Promise<T>,
  patience: Patience,
): Promise<T> {
  try {
    await session.run(`BEGIN;${settingsOf(patience, 'LOCAL')}`);
    const result = await work(session);
    await session.run('COMMIT');
    return result;
  } catch (error) {
    if (!endsSession(error)) await session.run('ROLLBACK');
    throw error;
  }
}

function settingsOf({ statementMs, lockMs, idleMs }: Patience, scope: 'LOCAL' | 'SESSION'): string {
  const limits = { statement_timeout: statementMs, lock_timeout: lockMs, idle_in_transaction_session_timeout: idleMs };
  const set = Object.entries(limits).filter(([, ms]) => ms !== undefined);
  return set.map(([name, ms]) => `SET ${scope} ${name} = ${ms};`).join('');
}

function clientPatienceOf({ statementMs }: Patience): number | undefined {
  return statementMs === undefined ? undefined : statementMs + CLIENT_GRACE_MS;
}

/** An error of the caller's own work leaves the session as good as it was. */
function endsSession(error: unknown): boolean {
  return error instanceof PostgresError && error.endsSession;
}
