import { join } from 'node:path';
import { openDatabase, type SqliteDatabase } from '#sqlite';
import { SYSTEM_STREAM, type NewEvent } from '#event-store';
import type { Expectation } from './messages/shared.js';
import type { ServedEvent } from './messages/read-response.js';

/** An append to a metadata stream: where it ended, or the revision that it did not expect. */
export type MetadataAppended = { readonly revision: number } | { readonly conflictAt: number | undefined };

/**
 * What EventStoreDB keeps beside the events of users: the metadata of streams (each in a stream of its own, whose name
 * begins with `$$`), where they are truncated, and which are tombstoned. The ledger itself is never changed by it.
 */
export interface SystemStreams {
  isTombstoned(stream: string): boolean;
  /** Events before this revision are no longer read. */
  truncatedBefore(stream: string): number;
  /** Of a metadata stream, in order; empty where there is none. */
  read(metastream: string): readonly ServedEvent[];
  /** Durable when it returns. */
  append(metastream: string, events: readonly NewEvent[], expected: Expectation): MetadataAppended;
  /** Durable when it returns. */
  tombstone(stream: string): void;
  close(): void;
}

export const isMetastream = (name: string): boolean => name.startsWith('$$');
export const metastreamOf = (stream: string): string => `$$${stream}`;

/** Of every ledger: clients learn its id from the metadata of its first stream. */
function identityOf(ledgerId: string): ServedEvent {
  return {
    id: '00000000-0000-4000-8000-000000000000',
    type: '$metadata',
    data: Buffer.from(JSON.stringify({ consentLedgerId: ledgerId })),
    metadata: Buffer.alloc(0),
    stream: metastreamOf(SYSTEM_STREAM),
    revision: '0',
    position: undefined,
  };
}

/** Of a server that writes nothing: the ledger's id, and no more. */
export function fixedSystemStreams(ledgerId: string): SystemStreams {
  const identity = identityOf(ledgerId);
  const refuse = (): never => {
    throw new Error('a read-only server keeps nothing');
  };
  return {
    isTombstoned: () => false,
    truncatedBefore: () => 0,
    read: (metastream) => (metastream === identity.stream ? [identity] : []),
    append: refuse,
    tombstone: refuse,
    close: () => undefined,
  };
}

const SCHEMA = `
  CREATE TABLE metadata (
    stream TEXT NOT NULL, revision INTEGER NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, data BLOB NOT NULL,
    metadata BLOB NOT NULL, PRIMARY KEY (stream, revision)
  ) WITHOUT ROWID;
  CREATE TABLE tombstones (stream TEXT PRIMARY KEY) WITHOUT ROWID;
`;

type Row = Pick<ServedEvent, 'stream' | 'id' | 'type' | 'data' | 'metadata'> & { readonly revision: number };

/** Kept in `eventstore.db` of the data directory. */
export function openSystemStreams(dataDir: string, ledgerId: string): SystemStreams {
  const db = openDatabase(join(dataDir, 'eventstore.db'), {
    synchronous: 'FULL',
    schemaVersion: 1,
    migrate: (fresh) => void fresh.exec(SCHEMA),
  });
  return new StoredSystemStreams(db, identityOf(ledgerId));
}

/** Truncations and tombstones are asked for at every append and read, so they are held in memory too. */
class StoredSystemStreams implements SystemStreams {
  private readonly tombstones = new Set<string>();
  private readonly truncations = new Map<string, number>();
  private readonly select;
  private readonly insert;
  private readonly bury;

  constructor(
    private readonly db: SqliteDatabase,
    private readonly identity: ServedEvent,
  ) {
    this.select = db.prepare<[string], Row>('SELECT * FROM metadata WHERE stream = ? ORDER BY revision');
    this.insert = db.prepare<Row>('INSERT INTO metadata VALUES (@stream, @revision, @id, @type, @data, @metadata)');
    this.bury = db.prepare<[string]>('INSERT OR IGNORE INTO tombstones VALUES (?)');
    this.load();
  }

  isTombstoned(stream: string): boolean {
    return this.tombstones.has(stream);
  }

  truncatedBefore(stream: string): number {
    return this.truncations.get(stream) ?? 0;
  }

  read(metastream: string): readonly ServedEvent[] {
    const rows = this.select.all(metastream);
    const stored = rows.map((row) => ({ ...row, revision: String(row.revision), position: undefined }));
    return metastream === this.identity.stream ? [this.identity, ...stored] : stored;
  }

  /** The same ids again change nothing, as in the ledger. */
  append(metastream: string, events: readonly NewEvent[], expected: Expectation): MetadataAppended {
    const known = this.read(metastream);
    const last = known.length === 0 ? undefined : known.length - 1;
    const replayed = known.findIndex(({ id }) => id === events.at(-1)?.id);
    if (replayed >= 0) return { revision: replayed };
    if (!isMet(expected, last)) return { conflictAt: last };
    this.write(metastream, known.length, events);
    return { revision: known.length + events.length - 1 };
  }

  tombstone(stream: string): void {
    this.bury.run(stream);
    this.tombstones.add(stream);
  }

  close(): void {
    this.db.close();
  }

  private write(stream: string, first: number, events: readonly NewEvent[]): void {
    const insertAll = this.db.transaction(() => {
      events.forEach((event, index) => this.insert.run({ ...event, stream, revision: first + index }));
    });
    insertAll.immediate();
    for (const event of events) this.note(stream, event.data);
  }

  private load(): void {
    const tombstones = this.db.prepare<[], string>('SELECT stream FROM tombstones').pluck();
    for (const stream of tombstones.iterate()) this.tombstones.add(stream);
    const newest = this.db.prepare<[], Row>('SELECT *, max(revision) AS revision FROM metadata GROUP BY stream');
    for (const { stream, data } of newest.iterate()) this.note(stream, data);
  }

  private note(metastream: string, metadata: Uint8Array): void {
    this.truncations.set(metastream.slice(2), truncationIn(metadata));
  }
}

/** Whether a stream whose last revision is `last` is as expected; undefined: there is no stream. */
export function isMet(expected: Expectation, last: number | undefined): boolean {
  if (expected === 'any') return true;
  if (expected === 'none') return last === undefined;
  if (expected === 'exists') return last !== undefined;
  return expected === last;
}

/** Where a stream's metadata says that it is truncated; 0 where it does not. */
function truncationIn(data: Uint8Array): number {
  const { $tb: before } = metadataIn(data);
  return typeof before === 'number' && before > 0 ? before : 0;
}

/** Empty where it cannot be read: clients may write there whatever they like. */
export function metadataIn(data: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const read: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
    return typeof read === 'object' && read !== null ? { ...read } : {};
  } catch {
    return {};
  }
}
