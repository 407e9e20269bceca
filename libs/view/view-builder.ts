import { closeSync, fsyncSync, openSync } from 'node:fs';
import type { Position, StoredEvent } from '#event-store';
import type { SqliteDatabase } from '#sqlite';
import { EventParts } from './event-parts.js';
import { foldAll } from './fold-all.js';
import type { BusinessRow } from './port.js';
import { businessOf, projectBusiness, recipientOf } from './project.js';
import { movePosition, openViewDatabase, SAVE_RECIPIENT, saveBusiness } from './view-database.js';

const unheard = (): void => undefined;

/**
 * Fills a new view file from the ledger's first event on, in two passes: `sort` takes the events as they come, `fold`
 * makes the rows of one range of recipients after the other, each folded and packed once, on threads of their own, and
 * written about in the order of its key. There is no journal: a file that was not finished is thrown away.
 */
export class ViewBuilder {
  readonly #file: string;
  readonly #db: SqliteDatabase;
  readonly #parts: EventParts;
  readonly #businesses = new Map<string, BusinessRow>();
  #sorted = 0;

  constructor(file: string, ledgerId: string, parts: number) {
    this.#file = file;
    this.#db = openViewDatabase(file, ledgerId);
    for (const setting of ['journal_mode = OFF', 'synchronous = OFF', 'locking_mode = EXCLUSIVE']) {
      this.#db.pragma(setting);
    }
    this.#parts = new EventParts(`${file}.parts`, parts);
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
      this.#write(rows);
      yield (folded += events);
    }
  }

  /** Makes the file durable, at the position that the rows lead to. Nothing can be added any more. */
  finish(position: Position): void {
    for (const row of this.#businesses.values()) saveBusiness(this.#db, row);
    movePosition(this.#db, undefined, position);
    this.#db.pragma('journal_mode = WAL');
    this.close();
    sync(this.#file);
  }

  /** Releases what the building needed; idempotent. */
  close(): void {
    this.#db.close();
    this.#parts.remove();
  }

  #addToBusiness(event: StoredEvent): void {
    const businessId = businessOf(event.stream);
    if (businessId === undefined) return;
    const row = projectBusiness(this.#businesses.get(businessId), businessId, event, unheard);
    this.#businesses.set(businessId, row);
  }

  #write(rows: readonly string[]): void {
    const save = this.#db.prepare<[string, string, string]>(SAVE_RECIPIENT);
    this.#db.transaction(() => {
      for (let at = 0; at < rows.length; at += 3) {
        save.run(rows[at] as string, rows[at + 1] as string, rows[at + 2] as string);
      }
    })();
  }
}

function sync(file: string): void {
  const handle = openSync(file, 'r+');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
