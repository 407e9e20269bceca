import { Worker } from 'node:worker_threads';
import { errorOf, type Failure } from './batch.js';
import type { SqliteDatabase } from './database.js';
import { storageErrorOf } from './storage-error.js';
import { workerUrl } from './worker-url.js';

/** Moves the log into the database. */
export interface Checkpointer {
  /** Has the log moved by another thread where it has grown past its limit, so that nobody waits for it. */
  ifDue(): void;
  /** Throws what has gone wrong with a move since this was last called. */
  throwIfFailed(): void;
  /**
   * Moves it at once and, unless somebody reads there, empties its file; says whether it did, and throws where the disk
   * fails. What an earlier process left has been read by then, and the kernel keeps what it read ahead in large pieces:
   * to write one page there costs as much as a whole piece.
   */
  empty(): boolean;
  /** Waits, with the whole thread, until no move is under way: before room is given up that it must not take. */
  settle(): void;
  /** Resolves when the other thread has ended; the database is to be closed after that. */
  close(): Promise<void>;
}

export interface CheckpointOptions {
  /** Pages in the log, not yet in the database, at which they are moved. */
  readonly dueAtPages: number;
  /**
   * Pages at which the log is to begin anew. It can only where all of it is in the database, so the thread that writes
   * then moves the rest itself: what has come in while the other thread was moving.
   */
  readonly restartAtPages: number;
  /** Whether the database may grow now; absent: always. */
  readonly mayMove?: () => boolean;
}

/** Pages in the log, and how many of them are in the database already. */
interface LogState {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

const EMPTY_LOG = { log: 0, checkpointed: 0 } as const;

/** What the other thread says of one move: the failure it met, if any. */
export interface Moved {
  readonly failure?: Failure;
}

/**
 * SQLite's own automatic checkpoint hides its errors, and a failed sync of the database file must not be hidden: it
 * means that pages thought safe may be lost. It also makes a commit wait for tens of milliseconds now and then. So it is
 * switched off and done here.
 */
export function checkpointerOf(db: SqliteDatabase, options: CheckpointOptions): Checkpointer {
  return new BackgroundCheckpointer(db, options);
}

export type ToCheckpointThread = 'move' | 'end';

export interface CheckpointThreadData {
  readonly file: string;
  /** 1 while a move is under way; whoever waits for its end is notified. */
  readonly moving: Int32Array<SharedArrayBuffer>;
}

/** Longer than any move takes, so that a thread that died is not waited for for ever. */
const SETTLE_MS = 5_000;

class BackgroundCheckpointer implements Checkpointer {
  private readonly measure;
  private readonly move;
  private readonly underWay = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  private thread: Worker | undefined;
  private moving = false;
  private failure: Error | undefined;

  constructor(
    private readonly db: SqliteDatabase,
    private readonly options: CheckpointOptions,
  ) {
    db.pragma('wal_autocheckpoint = 0');
    this.measure = db.prepare<[], LogState>('PRAGMA wal_checkpoint(NOOP)');
    this.move = db.prepare<[], LogState>('PRAGMA wal_checkpoint(PASSIVE)');
  }

  ifDue(): void {
    if (this.moving || !this.mayMove()) return;
    const { log, checkpointed } = this.measured();
    if (log - checkpointed < this.options.dueAtPages) return;
    this.moving = true;
    if (!this.ask()) this.moveHere();
  }

  throwIfFailed(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
  }

  empty(): boolean {
    this.settle();
    const patience = Number(this.db.pragma('busy_timeout', { simple: true }));
    this.db.pragma('busy_timeout = 0');
    try {
      return this.db.pragma('wal_checkpoint(TRUNCATE)', { simple: true }) === 0;
    } finally {
      this.db.pragma(`busy_timeout = ${patience}`);
    }
  }

  settle(): void {
    Atomics.wait(this.underWay, 0, 1, SETTLE_MS);
  }

  /** It is asked to end and never terminated: a thread that is cut off inside SQLite takes the process with it. */
  async close(): Promise<void> {
    const { thread } = this;
    this.thread = undefined;
    if (!thread) return;
    thread.ref();
    const ended = new Promise((resolve) => thread.once('exit', resolve));
    thread.postMessage('end' satisfies ToCheckpointThread);
    await ended;
  }

  private mayMove(): boolean {
    return this.options.mayMove?.() ?? true;
  }

  /** False where no thread can be had. */
  private ask(): boolean {
    try {
      this.thread ??= this.startThread();
      Atomics.store(this.underWay, 0, 1);
      this.thread.postMessage('move' satisfies ToCheckpointThread);
      return true;
    } catch {
      return false;
    }
  }

  private startThread(): Worker {
    const workerData: CheckpointThreadData = { file: this.db.name, moving: this.underWay };
    const thread = new Worker(workerUrl(import.meta.url, './checkpoint-thread.js'), { workerData });
    thread.unref();
    thread.on('message', ({ failure }: Moved) => this.finish(failure));
    // What ended it says nothing of the log: that is moved here, and the next time by another thread.
    thread.on('error', () => undefined);
    thread.on('exit', () => {
      if (this.thread !== thread) return;
      this.thread = undefined;
      Atomics.store(this.underWay, 0, 0);
      if (this.moving) this.moveHere();
    });
    return thread;
  }

  /** A thread that failed for a reason of its own, say for want of memory, says as little of the log as a lost one. */
  private finish(failure: Failure | undefined): void {
    this.moving = false;
    if (failure?.problem !== undefined) this.failure = errorOf(failure);
    else if (this.db.open && this.mayMove() && (failure || this.restartIsDue())) this.moveHere();
  }

  private restartIsDue(): boolean {
    return this.measured().log >= this.options.restartAtPages;
  }

  /** Looked at behind commits that have succeeded: what goes wrong here is kept until somebody asks. */
  private measured(): Pick<LogState, 'log' | 'checkpointed'> {
    try {
      return this.measure.get() ?? EMPTY_LOG;
    } catch (error) {
      this.keep(error);
      return EMPTY_LOG;
    }
  }

  /** What goes wrong here nobody waits for: it is kept until somebody asks. */
  private moveHere(): void {
    this.moving = false;
    try {
      this.move.get();
    } catch (error) {
      this.keep(error);
    }
  }

  /** Only what is wrong with the disk concerns whoever asks; for any other reason it is tried again the next time. */
  private keep(error: unknown): void {
    this.failure = storageErrorOf(error) ?? this.failure;
  }
}
