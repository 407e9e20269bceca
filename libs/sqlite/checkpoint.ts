import { Worker } from 'node:worker_threads';
import { errorOf, type Failure } from './batch.js';
import type { SqliteDatabase } from './database.js';
import { workerUrl } from './worker-url.js';

/** Moves the log into the database. */
export interface Checkpointer {
  /**
   * Has the log moved by another thread where it has grown past its limit, so that nobody waits for it. Throws what went
   * wrong since it was last called.
   */
  ifDue(): void;
  /** Moves it at once; throws where that fails. */
  now(): void;
  /** Ends the other thread; to be called before the database is closed. */
  close(): void;
}

export interface CheckpointLimits {
  /** Pages in the log, not yet in the database, at which they are moved. */
  readonly dueAtPages: number;
  /**
   * Pages at which the log is to begin anew. It can only where all of it is in the database, so the thread that writes
   * then moves the rest itself: what has come in while the other thread was moving.
   */
  readonly restartAtPages: number;
}

/** Pages in the log, and how many of them are in the database already. */
interface LogState {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/** What the other thread says of one move: the failure it met, if any. */
export interface Moved {
  readonly failure?: Failure;
}

/**
 * SQLite's own automatic checkpoint hides its errors, and a failed sync of the database file must not be hidden: it
 * means that pages thought safe may be lost. It also makes a commit wait for tens of milliseconds now and then. So it is
 * switched off and done here.
 */
export function checkpointerOf(db: SqliteDatabase, limits: CheckpointLimits): Checkpointer {
  return new BackgroundCheckpointer(db, limits);
}

class BackgroundCheckpointer implements Checkpointer {
  private readonly measure;
  private readonly move;
  private thread: Worker | undefined;
  private moving = false;
  private failure: Error | undefined;

  constructor(
    private readonly db: SqliteDatabase,
    private readonly limits: CheckpointLimits,
  ) {
    db.pragma('wal_autocheckpoint = 0');
    this.measure = db.prepare<[], LogState>('PRAGMA wal_checkpoint(NOOP)');
    this.move = db.prepare<[], LogState>('PRAGMA wal_checkpoint(PASSIVE)');
  }

  ifDue(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure) throw failure;
    if (this.moving) return;
    const { log, checkpointed } = this.measure.get() ?? { log: 0, checkpointed: 0 };
    if (log - checkpointed < this.limits.dueAtPages) return;
    this.moving = true;
    this.thread ??= this.startThread();
    this.thread.postMessage('move');
  }

  now(): void {
    this.move.get();
  }

  close(): void {
    void this.thread?.terminate();
    this.thread = undefined;
  }

  private startThread(): Worker {
    const program = workerUrl(import.meta.url, './checkpoint-thread.js');
    const thread = new Worker(program, { workerData: this.db.name });
    thread.unref();
    thread.on('message', ({ failure }: Moved) => this.attempt(() => this.finish(failure)));
    thread.on('error', (error) => {
      this.thread = undefined;
      this.attempt(() => {
        throw error;
      });
    });
    return thread;
  }

  private finish(failure: Failure | undefined): void {
    if (failure) throw errorOf(failure);
    if (this.db.open && (this.measure.get()?.log ?? 0) >= this.limits.restartAtPages) this.move.get();
  }

  /** What goes wrong here nobody waits for: it is kept for the next call. */
  private attempt(work: () => void): void {
    this.moving = false;
    try {
      work();
    } catch (error) {
      this.failure = error as Error;
    }
  }
}
