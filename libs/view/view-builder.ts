import type { Position, StoredEvent } from '#event-store';
import { EventParts } from './event-parts.js';
import { foldAll } from './fold-all.js';
import type { BusinessRow } from './port.js';
import { businessOf, projectBusiness, recipientOf } from './project.js';

/** Where the rows of a rebuild go: new and empty. */
export interface RowSink {
  /** Recipient id, business id, packed state, and so on: each recipient once, about in the order of the ids. */
  write(rows: readonly string[]): Promise<void>;
  /** Makes it durable, at the position that all rows lead to. Nothing is written any more. */
  finish(businesses: ReadonlyMap<string, BusinessRow>, position: Position): Promise<void>;
}

const unheard = (): void => undefined;

/**
 * Fills a new view from the ledger's first event on, in two passes: `sort` takes the events as they come, `fold` makes the
 * rows of one range of recipients after the other, each folded and packed once, on threads of their own, and written
 * about in the order of its key.
 */
export class ViewBuilder {
  readonly #parts: EventParts;
  readonly #businesses = new Map<string, BusinessRow>();
  #sorted = 0;

  /** The directory is made, and holds the events of the ledger until `close`. */
  constructor(
    private readonly sink: RowSink,
    directory: string,
    parts: number,
  ) {
    this.#parts = new EventParts(directory, parts);
  }

  /** Events of recipients taken so far. */
  get sorted(): number {
    return this.#sorted;
  }

  /** Takes the next events of the ledger. */
  sort(events: readonly StoredEvent[]): void {
    for (const event of events) {
      const recipientId = recipientOf(event.stream);
      if (recipientId === undefined) {
        this.#addToBusiness(event);
        continue;
      }
      this.#parts.add(recipientId, event);
      this.#sorted += 1;
    }
  }

  /** Writes all rows, yielding how many events have been folded each time a part is done. */
  async *fold(): AsyncGenerator<number> {
    this.#parts.complete();
    const { directory, count: parts } = this.#parts;
    const sorted = { directory, parts, events: this.#sorted };
    let folded = 0;
    for await (const { rows, events } of foldAll(sorted)) {
      await this.sink.write(rows);
      yield (folded += events);
    }
  }

  async finish(position: Position): Promise<void> {
    await this.sink.finish(this.#businesses, position);
  }

  /** Releases what the building needed; idempotent. */
  close(): void {
    this.#parts.remove();
  }

  #addToBusiness(event: StoredEvent): void {
    const businessId = businessOf(event.stream);
    if (businessId === undefined) return;
    const row = projectBusiness(this.#businesses.get(businessId), businessId, event, unheard);
    this.#businesses.set(businessId, row);
  }
}
