/**
 * The ledger as the rest of the service sees it. Two stores stand behind this port (embedded SQLite, EventStoreDB) and
 * `contract.ts` is the suite that both must pass. Positions and revisions are opaque strings: only `comparePositions`
 * knows that a position is `<ledger id>.<n>`.
 */

/** A place in the whole ledger. */
export type Position = string;
/** A place in one stream, counted from `0`. */
export type Revision = string;
/** `none`: the stream must not exist yet. `any`: append whatever is there. Otherwise the exact last revision. */
export type ExpectedRevision = Revision;

export interface NewEvent {
  /**
   * A UUID. Appending the same id to the same stream again changes nothing and answers as the first time did. One
   * exception: a real EventStoreDB writes a single event again where the expected revision is exactly the current one,
   * so whoever repeats keeps the revision of the first time or reads the stream before.
   */
  readonly id: string;
  readonly type: string;
  /** JSON bytes, kept exactly as written. */
  readonly data: Uint8Array;
  /** JSON bytes, kept exactly as written. */
  readonly metadata: Uint8Array;
}

export interface StoredEvent extends NewEvent {
  readonly stream: string;
  readonly revision: Revision;
  readonly position: Position;
}

export interface Appended {
  /** Of the last event of the append. */
  readonly revision: Revision;
  readonly position: Position;
  /** True where every event was in the stream already, so nothing was written. */
  readonly replayed: boolean;
}

export interface AppendOptions {
  /** A revocation's queue is committed first, knows no limit of length, and may use the reserve of disk. */
  readonly lane?: 'revocation' | 'normal';
  /**
   * `kept`: where the revision is exactly the expected one, ids that are in the stream already are written once more
   * and not told as a repeat. For copies, which keep what EventStoreDB has come to hold twice.
   */
  readonly repeats?: 'kept';
}

export interface ReadStreamOptions {
  /** Inclusive. Absent: the first (forwards) or the last (backwards) event. */
  readonly from?: Revision;
  readonly direction?: 'forwards' | 'backwards';
  readonly limit: number;
}

export interface ReadAllOptions {
  /** Exclusive: events after this position. Absent: from the start. */
  readonly from?: Position;
  /** Streams whose name begins with one of these; absent: every stream. */
  readonly prefixes?: readonly string[];
  /** Events of one of these types; absent: of every type. */
  readonly types?: readonly string[];
  readonly limit: number;
}

export interface AllPage {
  readonly events: readonly StoredEvent[];
  /** How far the reading has looked, also past events of other prefixes and types: the next page's `from`. */
  readonly position: Position;
  /** True where the page reached what was the end of the ledger when it was read. */
  readonly atEnd: boolean;
}

export interface SubscribeOptions {
  readonly from?: Position;
  readonly prefixes?: readonly string[];
  /** Events handed over at once. */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

/** What a subscription yields: events in ledger order, and a mark with no events each time the end is reached. */
export interface Delivery {
  readonly events: readonly StoredEvent[];
  /** Everything up to here (of the prefixes) has been handed over once the events above are processed. */
  readonly position: Position;
  readonly caughtUp: boolean;
}

export interface EventStore {
  /** The ledger's own id; positions of another ledger never compare as reached. */
  readonly ledgerId: string;
  /**
   * Resolves once all events are durable (fsync or committed by the cluster), all of them or none. Rejects with
   * `RevisionConflict`, `StoreOverloaded`, `StoreUnavailable` or `EventTooLarge`; after `StoreUnavailable` the outcome
   * may be unknown, and appending the same ids again is safe.
   */
  append(
    stream: string,
    events: readonly NewEvent[],
    expected: ExpectedRevision,
    options?: AppendOptions,
  ): Promise<Appended>;
  /** A missing stream reads as empty. */
  readStream(stream: string, options: ReadStreamOptions): Promise<readonly StoredEvent[]>;
  readAll(options: ReadAllOptions): Promise<AllPage>;
  subscribe(options: SubscribeOptions): AsyncIterable<Delivery>;
  /** The position of the last durable event, one under way left out where only its commit has come through so far. */
  head(): Promise<Position>;
  /**
   * Finishes the appends under way, ends the subscriptions, releases the lock. Idempotent. An append that a server does
   * not answer is given up after a moment, and rejects.
   */
  close(): Promise<void>;
}

/** Base of what a store may refuse; `code` is stable. */
export abstract class StoreError extends Error {
  abstract readonly code:
    'REVISION_CONFLICT' | 'OVERLOADED' | 'LEDGER_UNAVAILABLE' | 'EVENT_TOO_LARGE' | 'FOREIGN_POSITION';
}

export class RevisionConflict extends StoreError {
  readonly code = 'REVISION_CONFLICT';
  constructor(
    readonly stream: string,
    readonly expected: ExpectedRevision,
    /** `none` where the stream does not exist. */
    readonly actual: Revision,
  ) {
    super(`the stream is at revision ${actual}, not ${expected}`);
  }
}

export class StoreOverloaded extends StoreError {
  readonly code = 'OVERLOADED';
  constructor(readonly retryAfterMs: number) {
    super('the queue of appends is full');
  }
}

/** The store cannot write or read now: `cause` in plain words (disk full, read-only, closed, unreachable). */
export class StoreUnavailable extends StoreError {
  readonly code = 'LEDGER_UNAVAILABLE';
}

export class EventTooLarge extends StoreError {
  readonly code = 'EVENT_TOO_LARGE';
  constructor(readonly limitBytes: number) {
    super(`an append may hold at most ${limitBytes} bytes`);
  }
}

/** A place to read from that belongs to another ledger: whoever kept it must begin again. */
export class ForeignPosition extends StoreError {
  readonly code = 'FOREIGN_POSITION';
  constructor() {
    super('the position belongs to another ledger');
  }
}

/** Negative, zero or positive; undefined where the two are positions of different ledgers. */
export function comparePositions(one: Position, other: Position): number | undefined {
  const [a, b] = [splitPosition(one), splitPosition(other)];
  return a.ledgerId === b.ledgerId ? Math.sign(a.n - b.n) : undefined;
}

/** Whether `reached` is at or past `wanted` in the same ledger. */
export function hasReached(reached: Position, wanted: Position): boolean {
  const order = comparePositions(reached, wanted);
  return order !== undefined && order >= 0;
}

export function ledgerIdOf(position: Position): string {
  return splitPosition(position).ledgerId;
}

/** How far into its ledger a position lies: for stores, which alone count, and for showing progress. */
export function depthOf(position: Position): number {
  return splitPosition(position).n;
}

/** Whether a caller's text has the shape of a position at all. */
export function isPosition(value: unknown): value is Position {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{1,64}\.\d{1,15}$/.test(value);
}

function splitPosition(position: Position): { ledgerId: string; n: number } {
  const dot = position.lastIndexOf('.');
  return { ledgerId: position.slice(0, dot), n: Number(position.slice(dot + 1)) };
}
