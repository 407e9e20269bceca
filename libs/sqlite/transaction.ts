import type { SqliteDatabase } from './database.js';

/** One transaction at a time, and inside it one mark to which a failed job can be undone. */
export interface TransactionControl {
  begin(): void;
  mark(): void;
  keep(): void;
  undo(): void;
  commit(): void;
  /** Harmless where SQLite has rolled back by itself, as it does after some disk errors. */
  rollback(): void;
}

export function transactionOf(db: SqliteDatabase): TransactionControl {
  const [begin, commit, rollback] = [db.prepare('BEGIN IMMEDIATE'), db.prepare('COMMIT'), db.prepare('ROLLBACK')];
  const [mark, keep, undo] = [db.prepare('SAVEPOINT job'), db.prepare('RELEASE job'), db.prepare('ROLLBACK TO job')];
  return {
    begin: () => void begin.run(),
    mark: () => void mark.run(),
    keep: () => void keep.run(),
    undo: () => {
      undo.run();
      keep.run();
    },
    commit: () => void commit.run(),
    rollback: () => {
      if (db.inTransaction) rollback.run();
    },
  };
}

/** Moves the log into the database; throws where that fails. */
export interface Checkpointer {
  /** Where the log has grown past its limit. */
  ifDue(): void;
  now(): void;
}

/**
 * SQLite's own automatic checkpoint hides its errors, and a failed sync of the database file must not be hidden: it
 * means that pages thought safe may be lost. So it is switched off and done here, by the one thread that writes.
 */
export function checkpointerOf(db: SqliteDatabase, limitPages: number): Checkpointer {
  db.pragma('wal_autocheckpoint = 0');
  const measure = db.prepare<[], LogState>('PRAGMA wal_checkpoint(NOOP)');
  const move = db.prepare<[], LogState>('PRAGMA wal_checkpoint(PASSIVE)');
  const waiting = () => {
    const state = measure.get();
    return state ? state.log - state.checkpointed : 0;
  };
  return {
    ifDue: () => {
      if (waiting() >= limitPages) move.get();
    },
    now: () => void move.get(),
  };
}

/** Pages in the log, and how many of them are in the database already. */
interface LogState {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}
