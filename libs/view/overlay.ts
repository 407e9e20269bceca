import { join, type ConsentEvent, type Origin, type RecipientState } from '#consent';
import { hasReached, type Position } from '#event-store';
import type { RecipientRow } from './port.js';
import { addEvent, stateFor } from './recipient-row.js';

interface Remembered {
  /** All that was remembered of the recipient, joined. */
  readonly row: RecipientRow;
  /** Of the newest event in the row: once the copy has passed it, the copy knows all of this itself. */
  readonly position: Position;
  readonly newest: { readonly event: ConsentEvent; readonly origin: Origin };
}

/** By the recipients asked about; undefined where nothing is remembered of anybody. */
export type AllRemembered = readonly (Remembered | undefined)[] | undefined;

/**
 * What this process has acknowledged and its copy of the view may not show yet. A reader takes the entries before it
 * reads the copy: the copy may pass an event, and the entry go, while the reader waits for its rows.
 */
export class Overlay {
  readonly #entries = new Map<string, Remembered>();

  get size(): number {
    return this.#entries.size;
  }

  remember(recipientId: string, businessId: string, event: ConsentEvent, origin: Origin, position: Position): void {
    const known = this.#entries.get(recipientId);
    const row = addEvent(known?.row, businessId, event, origin);
    const reached = known !== undefined && hasReached(known.position, position) ? known.position : position;
    // Taken out first, so that the entries stand nearly in the order of their positions.
    this.#entries.delete(recipientId);
    this.#entries.set(recipientId, { row, position: reached, newest: { event, origin } });
  }

  of(recipientId: string): Remembered | undefined {
    return this.#entries.get(recipientId);
  }

  all(recipientIds: readonly string[]): AllRemembered {
    return this.size === 0 ? undefined : recipientIds.map((recipientId) => this.of(recipientId));
  }

  /**
   * Forgets what the copy has passed. It stops at the first entry that still counts: one acknowledged out of order waits
   * for its predecessor, which costs nothing, because joining it again changes nothing.
   */
  prune(copyAt: Position): void {
    for (const [recipientId, { position }] of this.#entries) {
      if (!hasReached(copyAt, position)) return;
      this.#entries.delete(recipientId);
    }
  }
}

/** The row of the copy together with what is remembered beyond it. */
export function joinRemembered(
  row: RecipientRow | undefined,
  remembered: Remembered | undefined,
): RecipientRow | undefined {
  if (remembered === undefined || row === undefined) return remembered?.row ?? row;
  const { row: own, newest } = remembered;
  const joined = { businessId: row.businessId, state: join(row.state, own.state) };
  return addEvent(joined, own.businessId, newest.event, newest.origin);
}

/** What the rows and what is remembered beyond them say to a business. */
export function statesIn(
  rows: readonly (RecipientRow | undefined)[],
  remembered: AllRemembered,
  businessId: string,
): readonly (RecipientState | undefined)[] {
  return rows.map((row, index) => stateFor(joinRemembered(row, remembered?.[index]), businessId));
}
