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
