import type { SqliteDatabase } from '#sqlite';
import {
  ForeignPosition,
  ledgerIdOf,
  depthOf,
  type AllPage,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type StoredEvent,
} from '../port.js';
import { readLedgerId, uuidOfHex } from './schema.js';

type EventRow = [n: number, revision: number, id: string, type: string, data: string, metadata: string, stream: string];

/** All as text: a block of bytes of its own costs V8 several times what the row costs, when made and when collected. */
const COLUMNS = 'e.n, e.revision, lower(hex(e.event_id)), e.type, CAST(e.data AS TEXT), CAST(e.metadata AS TEXT)';
/** What V8 puts where bytes are no UTF-8. */
const REPLACED = '\uFFFD';
/** Rows that one page passes by, so that a rare prefix or type does not hold up the caller's thread: about 2 ms. */
const SCANNED_ROWS = 2_000;
/** A page ends early where its events hold more: a thousand events of one mebibyte are not to be held at once. */
const PAGE_BYTES = 8 * 1024 * 1024;
const END = Number.MAX_SAFE_INTEGER;

interface PageWanted {
  /** Exclusive. */
  readonly after: number;
  /** Inclusive. */
  readonly until: number;
  readonly prefixes: readonly string[];
  readonly types: readonly string[];
  readonly limit: number;
}

/** Reads of the embedded ledger, on a connection of its own and on the caller's thread: each is a short index look-up. */
export class LedgerReader {
  readonly ledgerId: string;
  private readonly last;
  private readonly streamId;
  private readonly forwards;
  private readonly backwards;
  private readonly data;
  private readonly metadata;
  private readonly scans = new Map<string, ReturnType<typeof prepareScan>>();

  constructor(private readonly db: SqliteDatabase) {
    this.ledgerId = readLedgerId(db);
    this.last = db.prepare<[], number | null>('SELECT max(n) FROM events').pluck();
    this.streamId = db.prepare<[string], number>('SELECT id FROM streams WHERE name = ?').pluck();
    this.data = db.prepare<[number], Buffer>('SELECT data FROM events WHERE n = ?').pluck();
    this.metadata = db.prepare<[number], Buffer>('SELECT metadata FROM events WHERE n = ?').pluck();
    this.forwards = prepareStreamRead(db, '>=', 'ASC');
    this.backwards = prepareStreamRead(db, '<=', 'DESC');
  }

  head(): Position {
    return this.position(this.last.get() ?? 0);
  }

  readStream(stream: string, { from, direction = 'forwards', limit }: ReadStreamOptions): StoredEvent[] {
    const id = this.streamId.get(stream);
    if (id === undefined) return [];
    const start = from === undefined ? undefined : Number(from);
    const [rows, first] = direction === 'forwards' ? [this.forwards, 0] : [this.backwards, END];
    const events: StoredEvent[] = [];
    // One after the other: the texts of a page of large events would not all have room on V8's heap.
    for (const row of rows.iterate(id, start ?? first, limit)) events.push(this.eventOf(row, stream));
    return events;
  }

  /**
   * The end is read before the rows: what is appended in between belongs to the next page. `last` is the number of the
   * last event that counts, where what stands behind it in the file does not count yet.
   */
  readAll({ from, prefixes = [], types = [], limit }: ReadAllOptions, last = this.last.get() ?? 0): AllPage {
    const after = this.placeOf(from);
    const end = Math.max(after, last);
    const takesAll = prefixes.length + types.length === 0;
    const until = takesAll ? end : Math.min(end, after + Math.max(limit, SCANNED_ROWS));
    const { events, reached } = this.page({ after, until, prefixes, types, limit });
    return { events, position: this.position(reached), atEnd: reached === end };
  }

  /** Throws `ForeignPosition`. */
  placeOf(position: Position | undefined): number {
    if (position === undefined) return 0;
    if (ledgerIdOf(position) !== this.ledgerId) throw new ForeignPosition();
    return depthOf(position);
  }

  position(n: number): Position {
    return `${this.ledgerId}.${n}`;
  }

  close(): void {
    this.db.close();
  }

  /** Events up to either limit, and how far they were looked for. */
  private page({ after, until, prefixes, types, limit }: PageWanted): { events: StoredEvent[]; reached: number } {
    const names = prefixes.flatMap((one) => [one, one]);
    const events: StoredEvent[] = [];
    let bytes = 0;
    for (const row of this.scanOf(prefixes.length, types.length).iterate(after, until, ...types, ...names, limit)) {
      const event = this.eventOf(row, row[6]);
      events.push(event);
      bytes += event.data.length + event.metadata.length;
      if (events.length === limit || bytes >= PAGE_BYTES) return { events, reached: row[0] };
    }
    return { events, reached: until };
  }

  private scanOf(prefixes: number, types: number) {
    const key = `${prefixes} ${types}`;
    let scan = this.scans.get(key);
    if (!scan) this.scans.set(key, (scan = prepareScan(this.db, prefixes, types)));
    return scan;
  }

  private eventOf([n, revision, id, type, data, metadata]: EventRow, stream: string): StoredEvent {
    return {
      id: uuidOfHex(id),
      type,
      data: data.includes(REPLACED) ? (this.data.get(n) as Buffer) : Buffer.from(data),
      metadata: metadata.includes(REPLACED) ? (this.metadata.get(n) as Buffer) : Buffer.from(metadata),
      stream,
      revision: String(revision),
      position: this.position(n),
    };
  }
}

function prepareStreamRead(db: SqliteDatabase, compare: '>=' | '<=', order: 'ASC' | 'DESC') {
  return db
    .prepare<[number, number, number], EventRow>(
      `SELECT ${COLUMNS}, '' FROM events e WHERE e.stream = ? AND e.revision ${compare} ? ORDER BY e.revision ${order} LIMIT ?`,
    )
    .raw();
}

/** CROSS JOIN keeps the order of the loops: along the ledger, not along the streams. */
function prepareScan(db: SqliteDatabase, prefixes: number, types: number) {
  const some = (count: number, one: string, between: string) => Array.from({ length: count }, () => one).join(between);
  const ofTypes = types === 0 ? '' : `AND e.type IN (${some(types, '?', ', ')})`;
  const ofPrefixes = prefixes === 0 ? '' : `AND (${some(prefixes, 'substr(s.name, 1, length(?)) = ?', ' OR ')})`;
  return db
    .prepare<unknown[], EventRow>(
      `SELECT ${COLUMNS}, s.name FROM events e CROSS JOIN streams s ON s.id = e.stream
       WHERE e.n > ? AND e.n <= ? ${ofTypes} ${ofPrefixes} ORDER BY e.n LIMIT ?`,
    )
    .raw();
}
