import type { EventStore, Position } from '#event-store';
import { businessFromLedger, rowFromLedger } from './ledger-state.js';
import type { BusinessRow, RecipientRow } from './port.js';
import { ViewUnusable } from './view-database.js';

/** With more than these it is no longer some rows that are damaged but the table. */
const MOST_ROWS = 100;

/**
 * The rows of a view that cannot be read. What they are about is read from the ledger instead, so that nobody else is
 * answered worse for it, until the row is written anew.
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
      this.#meet(`consent-${recipientId}`);
      const row = await rowFromLedger(this.ledger, recipientId, position);
      if (row !== undefined) rows.set(recipientId, row);
    }
    return rows;
  }

  /**
   * A register with all that the ledger has of it: one that is ahead of the view passes over what it holds already. Each is
   * read whatever their number, since without registers nothing can start. Undefined where there are no events.
   */
  async readBusiness(businessId: string): Promise<BusinessRow | undefined> {
    this.#tell(`business-${businessId}`);
    return businessFromLedger(this.ledger, businessId);
  }

  #meet(stream: string): void {
    if (!this.#met.has(stream) && this.#met.size >= MOST_ROWS) throw new ViewUnusable('DAMAGED');
    this.#tell(stream);
  }

  #tell(stream: string): void {
    if (this.#met.has(stream)) return;
    this.#met.add(stream);
    this.onDamaged();
  }
}
