import { lockNumberOf } from './advisory-lock.js';
import type { Session, Statement } from './session.js';

/** What the holder's session did last; null where the server does not let this user see it, or where nobody holds it. */
const HOLDER = `SELECT pid, backend_start::text || ' ' || state_change::text AS sign
  FROM pg_locks JOIN pg_stat_activity USING (pid)
  WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid::bigint << 32 | objid::bigint = $1::bigint
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

const LOOK: Statement = { name: 'lock_look', text: `SELECT sign FROM (${HOLDER}) AS holder` };
/** Only the session that was seen: its holder may have moved, or another may hold the lock by now. */
const END: Statement = {
  name: 'lock_end',
  text: `SELECT pg_terminate_backend(pid) FROM (${HOLDER}) AS holder WHERE sign = $2`,
};

/**
 * Looks at whoever holds a lock, and ends the session of one that has not moved for as long as a lease lasts: a process
 * that is stopped keeps its connection, and with it the lock, for ever. By this process's own clock, so that no two
 * clocks are ever compared.
 */
export class LockWatch {
  readonly #number: string;
  #sign: string | null | undefined;
  #unchangedSinceMs = 0;

  constructor(
    private readonly session: Session,
    schema: string,
    name: string,
    private readonly leaseMs: number,
  ) {
    this.#number = lockNumberOf(schema, name);
  }

  /** To be called again and again. The lock may be free a moment after it ended a session, no sooner. */
  async look(): Promise<void> {
    const [row] = await this.session.query<[string | null]>(LOOK, [this.#number]);
    const nowMs = performance.now();
    if (row?.[0] !== this.#sign) [this.#sign, this.#unchangedSinceMs] = [row?.[0], nowMs];
    if (typeof this.#sign !== 'string' || nowMs - this.#unchangedSinceMs < this.leaseMs) return;
    await this.session.query(END, [this.#number, this.#sign]);
  }
}
