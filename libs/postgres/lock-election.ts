import { setTimeout as pause } from 'node:timers/promises';
import { takesLock } from './advisory-lock.js';
import type { HeldSession } from './held-session.js';
import { LockWatch } from './lock-watch.js';
import type { Postgres } from './postgres.js';
import type { Statement } from './session.js';

/** How soon a lock that came free is noticed, about, in milliseconds. */
const TRY_EVERY_MS = 500;
/** Where nothing else is said; milliseconds. */
const LEASE_MS = 5_000;
/** So many times within a lease who was chosen shows that it lives. */
const BEATS = 5;
const BEAT: Statement = { name: 'lock_beat', text: 'SELECT 1' };

export interface ElectionOptions {
  /** How long who was chosen and is not heard of keeps others away, in milliseconds. The same for all who stand. */
  readonly leaseMs?: number;
}

/** The time in which this process is the one chosen. */
export interface LockTerm {
  /** Aborts when the lock is no longer held. A server that cannot be reached may have given it to another before. */
  readonly over: AbortSignal;
  /** Lets another be chosen. Idempotent, never rejects. */
  resign(): Promise<void>;
}

/**
 * Chooses one of many processes: the one whose session holds a lock, until that session ends, however it ends. Who stands
 * ends the session of one that was chosen and is stopped; that one learns of it when it goes on, and not before. Who
 * stands for it, or has been chosen, keeps one session of the pool.
 */
export class LockElection {
  readonly #leaseMs: number;

  /** The name counts within the schema. All who stand must be the same user of the database. */
  constructor(
    private readonly postgres: Postgres,
    private readonly name: string,
    { leaseMs = LEASE_MS }: ElectionOptions = {},
  ) {
    this.#leaseMs = leaseMs;
  }

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
    const session = await this.postgres.hold({ statementMs: this.#leaseMs });
    let isOver = false;
    void session.over.then(() => (isOver = true));
    try {
      const watch = new LockWatch(session, this.postgres.schema, this.name, this.#leaseMs);
      while (!isOver && !signal.aborted) {
        if (await takesLock(session, this.postgres.schema, this.name)) return termOf(session, this.#leaseMs);
        await watch.look();
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

function termOf(session: HeldSession, leaseMs: number): LockTerm {
  const over = new AbortController();
  void session.over.then(() => over.abort());
  const resign = async () => {
    over.abort();
    session.release();
  };
  void showLife(session, leaseMs / BEATS, over.signal).catch(resign);
  return { over: over.signal, resign };
}

/** Rejects where the server does not answer: it may then have given the lock to another. */
async function showLife(session: HeldSession, everyMs: number, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await pause(everyMs, undefined, { signal: over }).catch(() => undefined);
    if (!over.aborted) await session.query(BEAT);
  }
}

/** Not all at the same moment. */
async function restFor(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms * (0.75 + Math.random() / 2), undefined, { signal });
}
