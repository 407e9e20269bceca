import type { Instant } from '#consent';
import type { RelayDatabase } from './relay-database.js';

/** An event, or a state, that could not be published as it is. Where it stands, and nothing of what it says. */
export interface Parked {
  readonly recipientId: string;
  readonly eventId: string;
  readonly stream: string;
  readonly revision: string;
  readonly why: 'mapping' | 'refused';
  readonly parkedAt: Instant;
}

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

  park(epoch: number, { recipientId, eventId, stream, revision, why, parkedAt }: Parked): void {
    const insert = this.database.connection.prepare('INSERT OR IGNORE INTO parked VALUES (?, ?, ?, ?, ?, ?)');
    const row = [recipientId, eventId, stream, revision, why, parkedAt];
    this.#count += this.database.whileHolding(epoch, () => insert.run(...row)).changes;
  }

  /** Of one recipient, the first parked; undefined where nothing is. */
  of(recipientId: string): Parked | undefined {
    if (this.#count === 0) return undefined;
    const columns = 'recipient_id AS recipientId, event_id AS eventId, stream, revision, why, parked_at AS parkedAt';
    const select = `SELECT ${columns} FROM parked WHERE recipient_id = ? ORDER BY parked_at, event_id LIMIT 1`;
    return this.database.connection.prepare(select).get(recipientId) as Parked | undefined;
  }

  /** It has been published after all. */
  release(epoch: number, recipientId: string, eventId: string): void {
    if (this.#count === 0) return;
    const remove = this.database.connection.prepare('DELETE FROM parked WHERE recipient_id = ? AND event_id = ?');
    this.#count -= this.database.whileHolding(epoch, () => remove.run(recipientId, eventId)).changes;
  }
}
