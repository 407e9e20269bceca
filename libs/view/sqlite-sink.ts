import { closeSync, fsyncSync, openSync } from 'node:fs';
import type { Position } from '#event-store';
import type { SqliteDatabase } from '#sqlite';
import type { BusinessRow } from './port.js';
import type { RowSink } from './view-builder.js';
import { openViewDatabase, positionMover, SAVE_RECIPIENT, saveBusiness } from './view-database.js';

/** A new view file. There is no journal: a file that was not finished is thrown away. */
export class SqliteSink implements RowSink {
  readonly #db: SqliteDatabase;

  constructor(
    private readonly file: string,
    ledgerId: string,
  ) {
    this.#db = openViewDatabase(file, ledgerId);
    for (const setting of ['journal_mode = OFF', 'synchronous = OFF', 'locking_mode = EXCLUSIVE']) {
      this.#db.pragma(setting);
    }
  }

  async write(rows: readonly string[]): Promise<void> {
    const save = this.#db.prepare<[string, string, string]>(SAVE_RECIPIENT);
    this.#db.transaction(() => {
      for (let at = 0; at < rows.length; at += 3) {
        save.run(rows[at] as string, rows[at + 1] as string, rows[at + 2] as string);
      }
    })();
  }

  async finish(businesses: ReadonlyMap<string, BusinessRow>, position: Position): Promise<void> {
    for (const row of businesses.values()) saveBusiness(this.#db, row);
    positionMover(this.#db)(undefined, position);
    this.#db.pragma('journal_mode = WAL');
    this.close();
    sync(this.file);
  }

  /** Idempotent. */
  close(): void {
    this.#db.close();
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
