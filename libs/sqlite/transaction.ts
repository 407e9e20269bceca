import { closeSync, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
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

const FRAME_HEADER_BYTES = 24;

/**
 * Gives the log its blocks beforehand, filled with zeros, which SQLite reads as its end. A sync then writes data alone
 * and not the file system's journal as well (a third faster here), and a full disk meets the log later. A page at a
 * time, since the kernel keeps what is written at once in pieces as large, and looks through a whole piece for each page
 * that is written there later.
 */
export function extendLog(db: SqliteDatabase, pages: number): void {
  const handle = openSync(`${db.name}-wal`, 'r+');
  try {
    const pageBytes = Number(db.pragma('page_size', { simple: true })) + FRAME_HEADER_BYTES;
    const page = Buffer.alloc(pageBytes);
    for (let at = fstatSync(handle).size; at < pages * pageBytes;) at += writeSync(handle, page, 0, pageBytes, at);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
