import { setTimeout as pause } from 'node:timers/promises';
import { openPostgres, PostgresError, type Postgres } from '#postgres';
import type { DatabaseConfig, Log } from '#platform';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3_000;

export interface Start {
  readonly log: Log;
  /** Breaks off the waiting, which then rejects. */
  readonly signal: AbortSignal;
}

/**
 * The database of vault and view, waited for until it answers. Rejects where it needs a person, such as one that does not
 * let this user in. `onProblem` is told each time that it was not there, in plain words without its address.
 */
export async function openDatabase(
  { url, schema, limits }: DatabaseConfig,
  { log, signal }: Start,
  onProblem: (problem: string) => void,
): Promise<Postgres> {
  const onError = (error: PostgresError) => log.warn({ problem: error.message }, 'a session of the database is lost');
  const tell = (what: string) => log.warn({ waitsFor: what }, 'the start waits');
  const postgres = openPostgres({ url, schema, limits, onError, waits: { tell } });
  try {
    for (let attempt = 0; !(await answers(postgres, log, onProblem)); attempt++) {
      const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
      await pause(ceiling / 2 + (Math.random() * ceiling) / 2, undefined, { signal });
    }
    return postgres;
  } catch (error) {
    await postgres.close();
    throw error;
  }
}

async function answers(postgres: Postgres, log: Start['log'], onProblem: (problem: string) => void) {
  try {
    await postgres.run('SELECT 1');
    return true;
  } catch (error) {
    if (!isAway(error)) throw error;
    log.warn({ problem: error.message }, 'the database cannot be opened yet');
    onProblem(error.message);
    return false;
  }
}

/** Whether waiting may help. */
export function isAway(error: unknown): error is PostgresError {
  return error instanceof PostgresError && error.problem === 'UNAVAILABLE';
}
