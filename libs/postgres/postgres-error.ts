/**
 * What can be wrong with a database server, told apart by what it means for the caller: `UNAVAILABLE` may pass, and what
 * was asked for may or may not have been done; `MOVED` another transaction was in the way and nothing was done; `REFUSED`
 * needs a person, who set rights, names or versions otherwise; `DEFECT` is ours.
 */
export type PostgresProblem = 'UNAVAILABLE' | 'MOVED' | 'REFUSED' | 'DEFECT';

/**
 * A statement that failed. The message holds nothing of what the statement was about: the server's own words may quote
 * a row.
 */
export class PostgresError extends Error {
  readonly code = 'POSTGRES';
  constructor(
    readonly problem: PostgresProblem,
    message: string,
    /** The server's five characters; absent where it did not get to say anything. */
    readonly sqlState?: string,
  ) {
    super(sqlState === undefined ? message : `${message} (${sqlState})`);
  }

  /** Whether the session is of no more use, whatever became of the statement. */
  get endsSession(): boolean {
    return this.sqlState === undefined || SESSION_OVER.test(this.sqlState);
  }
}

/** Sessions that were ended, servers that only read, and statements that the server no longer knows by their names. */
const SESSION_OVER = /^(08|57P|25006|25P03|26000|0A000)/;

type Reading = readonly [states: RegExp, problem: PostgresProblem, says: string];

/** By SQLSTATE, the first that fits. */
const READINGS: readonly Reading[] = [
  [/^(40001|40P01)$/, 'MOVED', 'another transaction was in the way'],
  [/^57014$/, 'UNAVAILABLE', 'the statement took too long'],
  [/^55P03$/, 'UNAVAILABLE', 'a lock was waited for too long'],
  [/^25P03$/, 'UNAVAILABLE', 'the transaction stood idle too long'],
  [/^25006$/, 'UNAVAILABLE', 'the server is read-only, as a standby is'],
  [/^53100$/, 'UNAVAILABLE', 'the disk of the server is full'],
  [/^53300$/, 'UNAVAILABLE', 'the server has too many connections'],
  [/^(08|53|57P|58)/, 'UNAVAILABLE', 'the server cannot be used'],
  [/^(26000|0A000)$/, 'UNAVAILABLE', 'the server forgot a prepared statement'],
  [/^28/, 'REFUSED', 'the server does not let this user in'],
  [/^3D000$/, 'REFUSED', 'there is no such database'],
  [/^42501$/, 'REFUSED', 'the user lacks a right'],
  [/^XX00[12]$/, 'REFUSED', 'the server found its data damaged'],
];

/** The same failure as a `PostgresError`; any error without a SQLSTATE comes from the socket. */
export function postgresErrorOf(error: unknown): PostgresError {
  if (error instanceof PostgresError) return error;
  const state = sqlStateOf(error);
  if (state === undefined)
    return new PostgresError('UNAVAILABLE', `the server cannot be reached${socketCodeOf(error)}`);
  const [, problem, says] = READINGS.find(([states]) => states.test(state)) ?? [];
  if (problem !== undefined && says !== undefined) return new PostgresError(problem, says, state);
  return new PostgresError('DEFECT', `the server refused a statement${namesIn(state, error)}`, state);
}

/** Class 42 quotes names of tables and columns, and never a value. */
function namesIn(state: string, error: unknown): string {
  return state.startsWith('42') ? `: ${(error as Error).message}` : '';
}

/** Node's own codes (`EPIPE`) may be as short, and begin with an E. */
function sqlStateOf(error: unknown): string | undefined {
  const code = codeOf(error);
  return /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined;
}

function socketCodeOf(error: unknown): string {
  const code = codeOf(error);
  if (code !== '') return `: ${code}`;
  return /time-?out/i.test(error instanceof Error ? error.message : '') ? ': it took too long' : '';
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^\w+$/.test(code) ? code : '';
}
