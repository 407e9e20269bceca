import {
  StorageError,
  WriterOverloaded,
  openGroupWriter,
  storageErrorOf,
  workerUrl,
  type ExclusiveLock,
  type GroupWriter,
  type LaneLimits,
  type Outcomes,
} from '#sqlite';
import { deliveriesOf } from '../deliveries.js';
import {
  RevisionConflict,
  StoreOverloaded,
  StoreUnavailable,
  type AllPage,
  type AppendOptions,
  type Appended,
  type Delivery,
  type ExpectedRevision,
  type NewEvent,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type StoredEvent,
  type SubscribeOptions,
} from '../port.js';
import type { Ledger, LedgerStatus } from '../status.js';
import { Wake } from '../wake.js';
import { APPEND_CODEC, packAppend, type AppendJob, type AppendResult } from './append-job.js';
import { keepCommitted } from './committed.js';
import { lockDataDirectory } from './data-directory.js';
import { LedgerReader } from './reader.js';
import { openLedger } from './schema.js';
import { Tail, type TailLimits } from './tail.js';
import type { LedgerWriterData, LedgerWriterDetails } from './writer.js';

export interface SqliteStoreOptions {
  /** Made with mode 0700 where there is none. */
  readonly dataDir: string;
  /** Room on the disk that only revocations may use, in mebibytes. */
  readonly diskReserveMb?: number;
  /** Data bytes, and likewise metadata bytes, of one append. */
  readonly maxAppendBytes?: number;
  /** Of the writer's queue and of one commit. */
  readonly lanes?: Partial<LaneLimits>;
  /** How much of the ledger's end is kept in memory for those who follow it. */
  readonly tail?: TailLimits;
  /** Takes no lock, makes no file, refuses appends, and works beside a running service. */
  readonly readOnly?: boolean;
}

const SQLITE_STORE_DEFAULTS = { diskReserveMb: 64, maxAppendBytes: 1024 * 1024 } as const;

/** How often a store opened beside a running service looks for what that has appended, in milliseconds. */
const LOOK_MS = 200;

export type SqliteStoreStatus = LedgerStatus;
export type SqliteStore = Ledger;

/**
 * Opens the embedded ledger: one SQLite file, one thread that writes it. Rejects with `DataDirectoryInUse` where another
 * process writes there, and with `StoreUnavailable` where the file cannot be used.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { dataDir } = options;
  if (options.readOnly) return plainly(() => new ReadOnlyStore(openReader(dataDir)));
  const lock = await plainly(() => lockDataDirectory(dataDir));
  try {
    return await plainly(() => openWriting(options, lock));
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The writer first, because it makes the file that the reader opens. */
async function openWriting(options: SqliteStoreOptions, lock: ExclusiveLock): Promise<SqliteStore> {
  const wake = new Wake();
  let store: WritingStore | undefined;
  const writer = await startWriter(options, (jobs, outcomes) => store?.hear(jobs, outcomes));
  try {
    const maxAppendBytes = options.maxAppendBytes ?? SQLITE_STORE_DEFAULTS.maxAppendBytes;
    const releaseLock = () => lock.release();
    const own = { writer, tail: new Tail(options.tail), maxAppendBytes, releaseLock };
    return (store = new WritingStore(openReader(options.dataDir), wake, own));
  } catch (error) {
    await writer.close();
    throw error;
  }
}

function openReader(dataDir: string): LedgerReader {
  return new LedgerReader(openLedger(dataDir, { readOnly: true }));
}

function startWriter(options: SqliteStoreOptions, onBatch: CommitListener): Promise<LedgerWriter> {
  const reserveMb = options.diskReserveMb ?? SQLITE_STORE_DEFAULTS.diskReserveMb;
  return openGroupWriter<AppendJob, AppendResult, LedgerWriterData>({
    program: workerUrl(import.meta.url, './writer.js'),
    workerData: { dataDir: options.dataDir, reserveBytes: reserveMb * 1024 * 1024 },
    limits: options.lanes ?? {},
    sizeOf: ({ bytes }) => bytes.length,
    codec: APPEND_CODEC,
    onBatch,
  });
}

type LedgerWriter = GroupWriter<AppendJob, AppendResult>;
type CommitListener = (jobs: readonly AppendJob[], outcomes: Outcomes<AppendResult>) => void;

/** Turns what the disk did into the port's own error. */
async function plainly<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const storage = storageErrorOf(error);
    throw storage ? new StoreUnavailable(storage.message, { cause: error }) : error;
  }
}

/** What both kinds have in common: the reads. */
abstract class ReadingStore {
  abstract readonly isOurs: boolean;
  readonly tellsRepeats = true;
  readonly ledgerId: string;
  protected readonly closing = new AbortController();

  constructor(
    protected readonly reader: LedgerReader,
    protected readonly wake: Wake,
  ) {
    this.ledgerId = reader.ledgerId;
  }

  readStream(stream: string, options: ReadStreamOptions): Promise<readonly StoredEvent[]> {
    return this.read(() => this.reader.readStream(stream, options));
  }

  readAll(options: ReadAllOptions): Promise<AllPage> {
    return this.read(() => this.reader.readAll(options));
  }

  head(): Promise<Position> {
    return this.read(() => this.reader.head());
  }

  subscribe(options: SubscribeOptions): AsyncIterable<Delivery> {
    const readAll = (page: ReadAllOptions) => this.readAll(page);
    const source = { start: `${this.ledgerId}.0`, wake: this.wake, closing: this.closing.signal, readAll };
    return deliveriesOf(source, options);
  }

  protected read<T>(work: () => T): Promise<T> {
    return plainly(() => {
      if (this.closing.signal.aborted) throw new StorageError('CLOSED', 'the ledger is closed');
      return work();
    });
  }
}

class WritingStore extends ReadingStore implements SqliteStore {
  readonly isOurs = true;
  private closed: Promise<void> | undefined;

  constructor(
    reader: LedgerReader,
    wake: Wake,
    private readonly own: {
      readonly writer: LedgerWriter;
      readonly tail: Tail;
      readonly maxAppendBytes: number;
      readonly releaseLock: () => void;
    },
  ) {
    super(reader, wake);
  }

  override readAll(options: ReadAllOptions): Promise<AllPage> {
    return this.read(() => this.tailPage(options) ?? this.reader.readAll(options, this.own.tail.end));
  }

  /** Of the same end as the tail's, as whoever reads up to it must find it. */
  override head(): Promise<Position> {
    return this.read(() => {
      const { end } = this.own.tail;
      return end === undefined ? this.reader.head() : this.reader.position(end);
    });
  }

  /** Told of a batch before those who wait for it, so that whoever wakes, or was acknowledged, finds it at the end. */
  hear(jobs: readonly AppendJob[], outcomes: Outcomes<AppendResult>): void {
    keepCommitted(this.own.tail, this.ledgerId, jobs, outcomes);
    this.wake.ring();
  }

  async append(
    stream: string,
    events: readonly NewEvent[],
    expected: ExpectedRevision,
    { lane = 'normal', repeats }: AppendOptions = {},
  ): Promise<Appended> {
    const job = packAppend(stream, events, expected, this.own.maxAppendBytes);
    const result = await this.submit(repeats === 'kept' ? { ...job, keepsRepeats: true } : job, lane);
    if ('conflictAt' in result) throw new RevisionConflict(stream, expected, String(result.conflictAt ?? 'none'));
    const { revision, n, replayed } = result;
    return { revision: String(revision), position: `${this.ledgerId}.${n}`, replayed };
  }

  status(): SqliteStoreStatus {
    const { broken, problem, details, queued } = this.own.writer.status();
    const { reserve } = details as LedgerWriterDetails;
    const full = reserve === 'released' ? 'the reserve of disk is in use: only revocations are taken' : undefined;
    const said = problem ?? full;
    const writable = !broken && problem === undefined && reserve === 'kept' && !this.closing.signal.aborted;
    return { writable, reserve, queued, ...(said === undefined ? {} : { problem: said }) };
  }

  close(): Promise<void> {
    this.closed ??= this.closeOnce();
    return this.closed;
  }

  /**
   * The last connection to close moves the log into the database, where that is the writer's. The reader, which cannot,
   * stays until the end where the database would grow into the room that was given up for revocations.
   */
  private async closeOnce(): Promise<void> {
    this.closing.abort();
    const roomIsScarce = this.status().reserve === 'released';
    if (!roomIsScarce) this.reader.close();
    await this.own.writer.close();
    if (roomIsScarce) this.reader.close();
    this.own.releaseLock();
  }

  private tailPage({ from, prefixes = [], types = [], limit }: ReadAllOptions): AllPage | undefined {
    const page = this.own.tail.page({ after: this.reader.placeOf(from), prefixes, types, limit });
    return page && { events: page.events, position: this.reader.position(page.reached), atEnd: page.atEnd };
  }

  private async submit(job: AppendJob, lane: 'revocation' | 'normal'): Promise<AppendResult> {
    try {
      return await plainly(() => this.own.writer.submit(job, lane));
    } catch (error) {
      throw error instanceof WriterOverloaded ? new StoreOverloaded(error.retryAfterMs) : error;
    }
  }
}

class ReadOnlyStore extends ReadingStore implements SqliteStore {
  readonly isOurs = false;
  private readonly looking: NodeJS.Timeout;

  constructor(reader: LedgerReader) {
    const wake = new Wake();
    super(reader, wake);
    this.looking = setInterval(() => wake.ring(), LOOK_MS).unref();
  }

  append(): Promise<Appended> {
    return Promise.reject(new StoreUnavailable('the ledger is open for reading only'));
  }

  status(): SqliteStoreStatus {
    const problem = 'the ledger is open for reading only';
    return { writable: false, problem, reserve: 'kept', queued: { normal: 0, revocation: 0 } };
  }

  async close(): Promise<void> {
    clearInterval(this.looking);
    this.closing.abort();
    this.reader.close();
  }
}
