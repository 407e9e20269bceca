import type { Instant } from '#consent';
import type { RelayDatabase } from './relay-database.js';

/** An event, or a state, that could not be published as it is. Where it stands, and nothing of what it says. */
export interface Parked {
  /** The record's key: a recipient id, of a register a business id. */
  readonly key: string;
  readonly eventId: string;
  readonly stream: string;
  readonly revision: string;
  readonly why: 'mapping' | 'refused';
  readonly parkedAt: Instant;
}

/** Stands for the event where a whole state or register was refused; it is tried in full again with the next change. */
export const WHOLE = 'whole';

/**
 * What is parked. Whoever it concerns is published as unreadable, which is a no, until it has been published again
 * from the ledger without being refused.
 */
export class ParkedEvents {
  #count: number;

  constructor(private readonly database: RelayDatabase) {
    const row = database.connection.prepare('SELECT count(*) FROM parked').raw().get() as [number];
    this.#count = row[0];
  }

  get count(): number {
    return this.#count;
  }

  park(epoch: number, { key, eventId, stream, revision, why, parkedAt }: Parked): void {
    const insert = this.database.connection.prepare('INSERT OR IGNORE INTO parked VALUES (?, ?, ?, ?, ?, ?)');
    const row = [key, eventId, stream, revision, why, parkedAt];
    this.#count += this.database.whileHolding(epoch, () => insert.run(...row)).changes;
  }

  /** Of one key, the first event that is parked; undefined where none is. */
  of(key: string): Parked | undefined {
    if (this.#count === 0) return undefined;
    const columns = 'key, event_id AS eventId, stream, revision, why, parked_at AS parkedAt';
    const select = `SELECT ${columns} FROM parked WHERE key = ? AND event_id <> '${WHOLE}' ORDER BY parked_at, event_id LIMIT 1`;
    return this.database.connection.prepare(select).get(key) as Parked | undefined;
  }

  /** It has been published after all. */
  release(epoch: number, key: string, eventId: string): void {
    if (this.#count === 0) return;
    const remove = this.database.connection.prepare('DELETE FROM parked WHERE key = ? AND event_id = ?');
    this.#count -= this.database.whileHolding(epoch, () => remove.run(key, eventId)).changes;
  }
}
