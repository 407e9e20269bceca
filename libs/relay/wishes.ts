import type { Instant } from '#consent';
import type { Position } from '#event-store';
import type { RelayDatabase } from './relay-database.js';

/** What is to be published again: all of the ledger, or what comes after a place or an instant, or one recipient. */
export interface Wish {
  /** Exclusive. */
  readonly from?: Position;
  /** Events that the ledger heard of at this instant or later. */
  readonly since?: Instant;
  readonly recipientId?: string;
}

export interface WishProgress extends Wish {
  readonly id: number;
  /** `refused`: it begins, or was interrupted, at a place in another ledger. */
  readonly state: 'waiting' | 'running' | 'done' | 'refused';
  /** Everything up to here has been published again. */
  readonly reached?: Position;
  /** Where it ends: what was the ledger's end when it began. */
  readonly until?: Position;
  /** Looked at so far. */
  readonly events: number;
}

/** Leaves a wish for the relay that holds the lease, in this process or another, and gives its number. */
export function wishRepublish(database: RelayDatabase, { from, since, recipientId }: Wish): number {
  const insert = database.connection.prepare('INSERT INTO wishes (start, since, recipient_id) VALUES (?, ?, ?)');
  return Number(insert.run(from ?? null, since ?? null, recipientId ?? null).lastInsertRowid);
}

/** Undefined where there is no such wish. */
export function progressOf(database: RelayDatabase, id: number): WishProgress | undefined {
  return select(database, 'WHERE id = ?', id);
}

/** The oldest that is not done. */
export function nextWish(database: RelayDatabase): WishProgress | undefined {
  return select(database, "WHERE state IN ('waiting', 'running') ORDER BY id LIMIT 1");
}

type Advance = Pick<WishProgress, 'id' | 'state' | 'events'> & {
  readonly reached?: Position | undefined;
  readonly until?: Position | undefined;
};

export function advanceWish(database: RelayDatabase, epoch: number, advance: Advance): void {
  const { id, state, events, reached, until } = advance;
  const update = database.connection.prepare(
    'UPDATE wishes SET state = ?, events = ?, reached = ?, until = ? WHERE id = ?',
  );
  database.whileHolding(epoch, () => update.run(state, events, reached ?? null, until ?? null, id));
}

function select(database: RelayDatabase, where: string, ...parameters: number[]): WishProgress | undefined {
  const columns = 'id, start AS "from", since, recipient_id AS recipientId, reached, until, events, state';
  const row = database.connection.prepare(`SELECT ${columns} FROM wishes ${where}`).get(...parameters);
  return row ? (withoutNulls(row) as WishProgress) : undefined;
}

function withoutNulls(row: object): object {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}
