import type { Position } from '#event-store';
import { checkpointerOf, type Checkpointer, type SqliteDatabase } from '#sqlite';
import { businessesOf } from './business-codec.js';
import { decodeUnlessDamaged, encode } from './codec.js';
import type { DamagedRows } from './damaged-rows.js';
import { mendRows, RowsDamaged } from './mend-rows.js';
import { PackedRows } from './packed-rows.js';
import {
  ViewMoved,
  type BusinessRow,
  type RecipientRow,
  type Snapshot,
  type ViewChanges,
  type ViewStore,
} from './port.js';
import { RowCache } from './row-cache.js';
import {
  businessesIn,
  damageOf,
  openViewDatabase,
  positionIn,
  positionMover,
  SAVE_RECIPIENT,
  saveBusiness,
  type Checking,
} from './view-database.js';

export interface SqliteViewOptions {
  readonly file: string;
  readonly ledgerId: string;
  /** How many decoded rows are kept in memory at least, where none are packed. */
  readonly cacheEntries: number;
  /** Bytes for rows that stand packed; absent: none do. */
  readonly cacheBytes?: number;
  /** Where rows that cannot be read come from; absent: they make the file unusable. */
  readonly damagedRows?: DamagedRows;
  /** Absent: the whole file is read through first. */
  readonly checking?: Checking;
}

/** SQLite's own 2 MiB would fetch nearly every page of a large view from the kernel again. */
const PAGE_CACHE_KIB = 64 * 1024;

/** Rows are fetched so many at once: one statement for several rows costs a third of one for each. */
const ROWS_AT_ONCE = 64;

/** Small enough that a move is short. Where the log begins anew the commit waits, so that is let happen seldom. */
const LOG_LIMITS = { dueAtPages: 1_000, restartAtPages: 16_000 } as const;

function cacheOf({ cacheEntries, cacheBytes = 0 }: SqliteViewOptions): RowCache {
  return cacheBytes > 0 ? new RowCache(cacheEntries, new PackedRows(cacheBytes)) : new RowCache(cacheEntries);
}

/** Readings that another process may overtake by what it writes. */
const READINGS = 5;

type StoredRow = [recipientId: string, businessId: string, state: string];

/**
 * The view in one SQLite file. Reading and committing happen on one thread over one connection, and neither waits in
 * the middle: rows, cache and position are always of one and the same copy. A commit is not synced: after a loss of
 * power the file holds an older position with the rows of that position, and the follower goes on from there.
 */
export class SqliteView implements ViewStore {
  readonly #db: SqliteDatabase;
  readonly #cache: RowCache;
  readonly #checkpointer: Checkpointer;
  readonly #damagedRows: DamagedRows | undefined;
  #position: Position | undefined;
  readonly #selectOne;
  readonly #selectMany;
  readonly #save;
  readonly #move;

  /** Throws `ViewUnusable` where the file is to be made anew, and a `StorageError` where the disk is to blame. */
  constructor(options: SqliteViewOptions) {
    this.#db = openViewDatabase(options.file, options.ledgerId, options.checking);
    this.#db.pragma(`cache_size = -${PAGE_CACHE_KIB}`);
    this.#checkpointer = checkpointerOf(this.#db, LOG_LIMITS);
    this.#cache = cacheOf(options);
    this.#damagedRows = options.damagedRows;
    this.#position = positionIn(this.#db);
    const columns = 'SELECT recipient_id, business_id, state FROM recipients WHERE recipient_id';
    this.#selectOne = this.#db.prepare<[string], StoredRow>(`${columns} = ?`).raw();
    const marks = Array.from({ length: ROWS_AT_ONCE }, () => '?').join(', ');
    this.#selectMany = this.#db.prepare<string[], StoredRow>(`${columns} IN (${marks})`).raw();
    this.#save = this.#db.prepare<StoredRow>(SAVE_RECIPIENT);
    this.#move = positionMover(this.#db);
  }

  async position(): Promise<Position | undefined> {
    return this.#position;
  }

  /** Rows that cannot be read are first written anew; rejects with `ViewUnusable` where there are too many. */
  async read(recipientIds: readonly string[]): Promise<Snapshot> {
    for (let reading = 1; ; reading += 1) {
      try {
        return this.readNow(recipientIds);
      } catch (error) {
        if (!(error instanceof RowsDamaged) || this.#damagedRows === undefined || reading === READINGS) throw error;
        await mendRows(this.#db, error.recipientIds, this.#damagedRows);
      }
    }
  }

  /** Throws where a row cannot be read. */
  readNow(recipientIds: readonly string[]): Snapshot {
    const rows = recipientIds.map((recipientId) => this.#cache.get(recipientId));
    if (rows.includes(undefined)) this.#fill(rows, recipientIds);
    return { position: this.#position, rows };
  }

  async businesses(): Promise<readonly BusinessRow[]> {
    return businessesOf(
      this.#orDamage(() => businessesIn(this.#db)),
      this.#damagedRows,
    );
  }

  async commit(changes: ViewChanges): Promise<void> {
    // Said before anything is done, so that a commit that succeeded never looks as if it had not.
    this.#orDamage(() => this.#checkpointer.throwIfFailed());
    try {
      this.#orDamage(() => this.#db.transaction(() => this.#write(changes)).immediate());
    } catch (error) {
      // Whatever is in the file now, the cache may not know it.
      this.#cache.clear();
      if (error instanceof ViewMoved) this.#position = positionIn(this.#db);
      throw error;
    }
    this.#position = changes.to;
    this.#checkpointer.ifDue();
  }

  async close(): Promise<void> {
    await this.#checkpointer.close();
    this.#db.close();
  }

  #write({ recipients, businesses, from, to }: ViewChanges): void {
    if (!this.#move(from, to)) throw new ViewMoved('another projector moved the view');
    for (const [recipientId, { businessId, state }] of recipients) {
      this.#save.run(recipientId, businessId, encode(state, recipientId));
    }
    for (const row of businesses.values()) saveBusiness(this.#db, row);
    // Before the commit: where memory runs out over it, nothing is committed that the cache would not know.
    for (const [recipientId, row] of recipients) this.#cache.replace(recipientId, row);
  }

  #fill(rows: (RecipientRow | undefined)[], recipientIds: readonly string[]): void {
    const missing = recipientIds.filter((_, index) => rows[index] === undefined);
    const found = new Map<string, RecipientRow>();
    const damaged: string[] = [];
    for (const [recipientId, businessId, packed] of this.#select([...new Set(missing)])) {
      const state = decodeUnlessDamaged(packed, recipientId);
      if (state === undefined) {
        damaged.push(recipientId);
        continue;
      }
      const row = { businessId, state };
      this.#cache.put(recipientId, row);
      found.set(recipientId, row);
    }
    if (damaged.length > 0) throw new RowsDamaged(damaged);
    recipientIds.forEach((recipientId, index) => (rows[index] ??= found.get(recipientId)));
  }

  #select(recipientIds: readonly string[]): readonly StoredRow[] {
    return this.#orDamage(() => {
      const found: StoredRow[] = [];
      for (let start = 0; start < recipientIds.length; start += ROWS_AT_ONCE) {
        const ids = recipientIds.slice(start, start + ROWS_AT_ONCE);
        if (ids.length === ROWS_AT_ONCE) found.push(...this.#selectMany.all(...ids));
        else found.push(...ids.flatMap((recipientId) => this.#selectOne.all(recipientId)));
      }
      return found;
    });
  }

  #orDamage<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw damageOf(error) ?? error;
    }
  }
}
