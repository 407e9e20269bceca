import type { EventStore, Position } from '#event-store';
import { rowFromLedger } from '../ledger-state.js';
import type { RecipientRow } from '../port.js';
import { ViewUnusable } from '../view-database.js';

/** With more than these it is no longer some rows that are damaged but the table. */
const MOST_ROWS = 100;

/**
 * The rows of a generation that cannot be read. Their recipients are read from the ledger instead, so that nobody else is
 * answered worse for it; with the next event of theirs the row is written anew.
 */
export class DamagedRows {
  readonly #met = new Set<string>();

  constructor(
    private readonly ledger: Pick<EventStore, 'readStream'>,
    /** Told once of each. */
    private readonly onDamaged: () => void,
  ) {}

  /**
   * The rows as they have to be at a position. Rejects where the ledger cannot be read, and with `ViewUnusable` where there
   * are too many by now.
   */
  async read(
    recipientIds: Iterable<string>,
    position: Position | undefined,
  ): Promise<ReadonlyMap<string, RecipientRow>> {
    const rows = new Map<string, RecipientRow>();
    for (const recipientId of recipientIds) {
      this.#meet(recipientId);
      const row = await rowFromLedger(this.ledger, recipientId, position);
      if (row !== undefined) rows.set(recipientId, row);
    }
    return rows;
  }

  #meet(recipientId: string): void {
    if (this.#met.has(recipientId)) return;
    if (this.#met.size >= MOST_ROWS) throw new ViewUnusable('DAMAGED');
    this.#met.add(recipientId);
    this.onDamaged();
  }
}
