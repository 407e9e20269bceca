import { setTimeout as pause } from 'node:timers/promises';
import { takesLock } from './advisory-lock.js';
import type { HeldSession } from './held-session.js';
import type { Postgres } from './postgres.js';

/** How soon a lock that came free is noticed, about, in milliseconds. */
const TRY_EVERY_MS = 500;

/** The time in which this process is the one chosen. */
export interface LockTerm {
  /** Aborts when the lock is no longer held. A server that cannot be reached may have given it to another before. */
  readonly over: AbortSignal;
  /** Lets another be chosen. Idempotent, never rejects. */
  resign(): Promise<void>;
}

/**
 * Chooses one of many processes: the one whose session holds a lock, until that session ends, however it ends. Who stands
 * for it, or has been chosen, keeps one session of the pool.
 */
export class LockElection {
  /** The name counts within the schema. */
  constructor(
    private readonly postgres: Postgres,
    private readonly name: string,
  ) {}

  /** Resolves once this process is chosen; rejects where the signal aborts first. A server that is away is waited for. */
  async stand(signal: AbortSignal): Promise<LockTerm> {
    for (;;) {
      signal.throwIfAborted();
      const term = await this.#try(signal).catch(() => undefined);
      if (term) return term;
      await restFor(TRY_EVERY_MS, signal);
    }
  }

  /** Undefined where the session was lost. */
  async #try(signal: AbortSignal): Promise<LockTerm | undefined> {
    const session = await this.postgres.hold();
    let isOver = false;
    void session.over.then(() => (isOver = true));
    try {
      while (!isOver && !signal.aborted) {
        if (await takesLock(session, this.postgres.schema, this.name)) return termOf(session);
        await restFor(TRY_EVERY_MS, signal);
      }
    } catch (error) {
      session.release();
      throw error;
    }
    session.release();
    return undefined;
  }
}

function termOf(session: HeldSession): LockTerm {
  const over = new AbortController();
  void session.over.then(() => over.abort());
  const resign = async () => {
    over.abort();
    session.release();
  };
  return { over: over.signal, resign };
}

/** Not all at the same moment. */
async function restFor(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms * (0.75 + Math.random() / 2), undefined, { signal });
}
