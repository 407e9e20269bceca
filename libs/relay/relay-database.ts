import type { Position } from '#event-store';
import { extendLog, openDatabase, type SqliteDatabase } from '#sqlite';
import type { RelayMemory } from './memory.js';
import type { Written } from './publisher.js';

const SCHEMA_VERSION = 1;

/** A process that is stopped in the middle of a write must not stop the event loop of another for seconds. */
const BUSY_TIMEOUT_MS = 100;

/** SQLite begins its log anew at 1,000 pages; what is written beforehand is there when the disk is full. */
const LOG_PAGES = 1_100;

const TABLES = `
  CREATE TABLE lease (
    one INTEGER PRIMARY KEY CHECK (one = 1), holder TEXT, epoch INTEGER NOT NULL, beat INTEGER NOT NULL
  ) STRICT;
  INSERT INTO lease VALUES (1, NULL, 0, 0);
  CREATE TABLE checkpoints (lane TEXT PRIMARY KEY, position TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE offsets (
    lane TEXT NOT NULL, topic TEXT NOT NULL, "partition" INTEGER NOT NULL, next_offset TEXT NOT NULL,
    PRIMARY KEY (lane, topic, "partition")
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE parked (
    key TEXT NOT NULL, event_id TEXT NOT NULL, stream TEXT NOT NULL, revision TEXT NOT NULL,
    why TEXT NOT NULL, parked_at TEXT NOT NULL, PRIMARY KEY (key, event_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE wishes (
    id INTEGER PRIMARY KEY, start TEXT, since TEXT, recipient_id TEXT,
    reached TEXT, until TEXT, events INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting'
  ) STRICT;
`;

/** Who publishes: `holder` is null where nobody does. A holder that lives counts `beat` up. */
export interface LeaseRow {
  readonly holder: string | null;
  readonly epoch: number;
  readonly beat: number;
}

/** What is written together at the end of a batch. */
export interface Progress {
  /** Undefined: no position is known yet, only offsets. */
  readonly position?: Position | undefined;
  readonly offsets: readonly Written[];
}

/** The lease is somebody else's: nothing was written. */
export class LeaseLost extends Error {
  readonly code = 'LEASE_LOST';
}

/**
 * What the relay remembers: its lease, how far each lane is, and the offset after each lane's last record. The newest
 * commits may be lost with the power, which only repeats records. Every write that follows from a record names the
 * epoch of the lease and is refused with `LeaseLost` where that is over. Throws SQLite's errors where the disk fails.
 */
export class RelayDatabase {
  readonly #db: SqliteDatabase;
  readonly #lease;
  readonly #move;
  readonly #note;

  /** Opens or makes the file; throws a `StorageError` where it cannot be used, or a newer program wrote it. */
  constructor(file: string) {
    this.#db = openRelayDatabase(file);
    // Inside a transaction, so that no other process writes to the log meanwhile.
    this.#db.transaction(() => extendLog(this.#db, LOG_PAGES)).immediate();
    this.#lease = this.#db.prepare<[], LeaseRow>('SELECT holder, epoch, beat FROM lease');
    this.#move = this.#db.prepare('INSERT OR REPLACE INTO checkpoints VALUES (?, ?)');
    this.#note = this.#db.prepare('INSERT OR REPLACE INTO offsets VALUES (?, ?, ?, ?)');
  }

  /** The connection, for what keeps tables of its own here. */
  get connection(): SqliteDatabase {
    return this.#db;
  }

  lease(): LeaseRow {
    return this.#lease.get() as LeaseRow;
  }

  /**
   * Takes the lease where it still is as it was seen, and gives the new epoch; undefined where it is not.
   * `notBelow` keeps the epochs of a database that was lost from being used again.
   */
  takeLease(holder: string, { epoch, beat }: LeaseRow, notBelow: number): number | undefined {
    const next = Math.max(epoch + 1, notBelow);
    const taken = this.#db
      .prepare('UPDATE lease SET holder = ?, epoch = ?, beat = 0 WHERE epoch = ? AND beat = ?')
      .run(holder, next, epoch, beat);
    return taken.changes === 1 ? next : undefined;
  }

  /** False where the lease is somebody else's by now. */
  renewLease(epoch: number): boolean {
    return this.#db.prepare('UPDATE lease SET beat = beat + 1 WHERE epoch = ?').run(epoch).changes === 1;
  }

  /** The next need not wait. */
  releaseLease(epoch: number): void {
    this.#db.prepare('UPDATE lease SET holder = NULL WHERE epoch = ?').run(epoch);
  }

  checkpoint(lane: string): Position | undefined {
    const row = this.#db.prepare('SELECT position FROM checkpoints WHERE lane = ?').raw().get(lane);
    return (row as [Position] | undefined)?.[0];
  }

  offsets(lane: string): readonly Written[] {
    const columns = 'SELECT topic, "partition", next_offset AS nextOffset FROM offsets WHERE lane = ?';
    return this.#db.prepare(columns).all(lane) as Written[];
  }

  save(epoch: number, lane: string, { position, offsets }: Progress): void {
    this.whileHolding(epoch, () => {
      if (position !== undefined) this.#move.run(lane, position);
      for (const { topic, partition, nextOffset } of offsets) this.#note.run(lane, topic, partition, nextOffset);
    });
  }

  /** The lane begins again at the start of the ledger. */
  forget(epoch: number, lane: string): void {
    this.whileHolding(epoch, () => {
      this.#db.prepare('DELETE FROM checkpoints WHERE lane = ?').run(lane);
      this.#db.prepare('DELETE FROM offsets WHERE lane = ?').run(lane);
    });
  }

  /** All that is remembered but the wishes, which are of this file alone. */
  memory(): RelayMemory {
    const rows = (table: string) => this.#db.prepare(`SELECT * FROM ${table}`).raw().all() as unknown[][];
    return this.#db.transaction(() => ({
      epoch: this.lease().epoch,
      checkpoints: rows('checkpoints'),
      offsets: rows('offsets'),
      parked: rows('parked'),
    }))();
  }

  /** Takes over what another relay remembered, in the place of all that is known here. */
  adopt({ epoch, checkpoints, offsets, parked }: RelayMemory): void {
    const replace = (table: string, rows: RelayMemory['parked']) => {
      this.#db.prepare(`DELETE FROM ${table}`).run();
      for (const row of rows) {
        this.#db.prepare(`INSERT INTO ${table} VALUES (${row.map(() => '?').join(', ')})`).run(...row);
      }
    };
    this.#db
      .transaction(() => {
        replace('checkpoints', checkpoints);
        replace('offsets', offsets);
        replace('parked', parked);
        this.#db.prepare('UPDATE lease SET epoch = max(epoch, ?)').run(epoch);
      })
      .immediate();
  }

  /** Does the work in one transaction, if the lease is still that of `epoch`. */
  whileHolding<T>(epoch: number, work: () => T): T {
    return this.#db
      .transaction(() => {
        if (this.lease().epoch !== epoch) throw new LeaseLost('another relay has the lease');
        return work();
      })
      .immediate();
  }

  close(): void {
    this.#db.close();
  }
}

function openRelayDatabase(file: string): SqliteDatabase {
  const migrate = (db: SqliteDatabase) => void db.exec(TABLES);
  const db = openDatabase(file, { synchronous: 'NORMAL', schemaVersion: SCHEMA_VERSION, migrate });
  db.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  return db;
}
