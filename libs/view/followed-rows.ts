import { EMPTY_STATE, type ConsentEvent, type Origin } from '#consent';
import type { Position } from '#event-store';
import { isPast } from './advance.js';
import { joinRemembered, Overlay } from './overlay.js';
import type { RecipientRow } from './port.js';
import { PackedRows } from './packed-rows.js';
import { addEvent, NOBODY } from './recipient-row.js';
import { RowCache } from './row-cache.js';

/** Stands in the cache for a recipient of whom nothing is recorded. A row of nobody is unreadable otherwise. */
const NOTHING: RecipientRow = { businessId: NOBODY, state: EMPTY_STATE };

/** By what it says: a row that was packed comes back as another object. */
function known(row: RecipientRow): RecipientRow | undefined {
  return row.businessId === NOBODY && row.state.unreadable === undefined ? undefined : row;
}

/**
 * Rows as of where this process's own follower is: those asked about last, moved on event by event, and what the rows
 * stored elsewhere may lack. A stored row joined with what is recent is complete, if what it may lack was not forgotten.
 */
export class FollowedRows {
  readonly #cached: RowCache;
  readonly #recent = new Overlay();
  #forgottenUpTo: Position | undefined;

  /** So many rows as objects, and so many bytes of rows packed. */
  constructor(entries: number, bytes = 0) {
    this.#cached = new RowCache(entries, bytes > 0 ? new PackedRows(bytes) : undefined);
  }

  /** Recipients of whom something recent is kept. */
  get recent(): number {
    return this.#recent.size;
  }

  /** Takes an event that the follower has come to, of the business that it names. */
  add(recipientId: string, named: string, event: ConsentEvent, origin: Origin, position: Position): void {
    this.#recent.remember(recipientId, named, event, origin, position);
    const cached = this.#cached.get(recipientId);
    if (cached === undefined) return;
    this.#cached.replace(recipientId, addEvent(known(cached), named, event, origin));
  }

  has(recipientId: string): boolean {
    return this.#cached.has(recipientId);
  }

  /** The rows in the order asked for; undefined where one of them has to be read. */
  all(recipientIds: readonly string[]): (RecipientRow | undefined)[] | undefined {
    const rows: (RecipientRow | undefined)[] = [];
    for (const recipientId of recipientIds) {
      const row = this.#cached.get(recipientId);
      if (row === undefined) return undefined;
      rows.push(known(row));
    }
    return rows;
  }

  get forgottenUpTo(): Position | undefined {
    return this.#forgottenUpTo;
  }

  /** Whether rows stored at `position` lack nothing that was forgotten here. */
  complete(position: Position | undefined): boolean {
    return isPast(position, this.#forgottenUpTo);
  }

  /**
   * The rows in the order asked for, out of those cached and those stored, for which `complete` holds now; what was
   * stored is kept. Undefined where one is among neither.
   */
  join(
    recipientIds: readonly string[],
    storedIds: readonly string[],
    stored: readonly (RecipientRow | undefined)[],
  ): (RecipientRow | undefined)[] | undefined {
    const read = new Map(storedIds.map((id, at) => [id, joinRemembered(stored[at], this.#recent.of(id)) ?? NOTHING]));
    const rows = recipientIds.map((id) => read.get(id) ?? this.#cached.get(id));
    for (const [recipientId, row] of read) this.#cached.put(recipientId, row);
    return rows.includes(undefined) ? undefined : rows.map((row) => row && known(row));
  }

  /** Of what was read nothing is kept; what is recent is. */
  readAgain(): void {
    this.#cached.clear();
  }

  /** The stored rows are at or past `position`: nothing up to there need be kept. */
  forget(position: Position): void {
    if (!isPast(position, this.#forgottenUpTo)) return;
    this.#recent.prune(position);
    this.#forgottenUpTo = position;
  }
}
