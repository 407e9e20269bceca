/** The program of the thread that writes the embedded ledger. */
import {
  StorageError,
  checkpointerOf,
  extendLog,
  serveGroupWriter,
  storageErrorOf,
  transactionOf,
  whereRoomAllows,
  type SqliteDatabase,
  type WriterProgram,
} from '#sqlite';
import { APPEND_CODEC, type AppendJob, type AppendResult } from './append-job.js';
import { appenderOf } from './appender.js';
import { Reserve } from './reserve.js';
import { openLedger } from './schema.js';

export interface LedgerWriterData {
  readonly dataDir: string;
  readonly reserveBytes: number;
}

export interface LedgerWriterDetails {
  readonly reserve: 'kept' | 'released';
}

/** Sixteen mebibytes: large enough that checkpoints are rare, small enough that one is short. */
const LOG_PAGES = 4_096;
/** The log may pass its limit by one batch before it is moved. */
const LOG_PAGES_WITH_ROOM = LOG_PAGES + 1_024;

const RESERVE_IN_USE = 'no space left on the disk: its reserve is kept for revocations until there is room again';

function open({ dataDir, reserveBytes }: LedgerWriterData): WriterProgram<AppendJob, AppendResult> {
  const reserve = new Reserve(dataDir, reserveBytes);
  reserve.releaseIfScarce();
  const db = openWithRoom(dataDir, reserve);
  const checkpointer = checkpointerOf(db, {
    dueAtPages: LOG_PAGES,
    restartAtPages: LOG_PAGES,
    // The database may not grow into the room that was given up for revocations.
    mayMove: () => reserve.isKept,
  });
  reserve.fill();
  if (reserve.isKept) {
    // What an earlier process left in the log is written and synced again, so that a replay rests on what is on disk.
    whereRoomAllows(() => checkpointer.empty());
    extendLog(db, LOG_PAGES_WITH_ROOM, reserve.wantedFree);
  }
  const [mark, unmark] = [
    db.prepare("INSERT INTO meta VALUES ('probe', '')"),
    db.prepare("DELETE FROM meta WHERE key = 'probe'"),
  ];
  return {
    transaction: transactionOf(db),
    run: appenderOf(db),
    refusal: () => {
      if (!reserve.isKept) reserve.refill();
      return reserve.isKept ? undefined : new StorageError('NO_SPACE', RESERVE_IN_USE);
    },
    makeRoom: () => {
      checkpointer.settle();
      return reserve.release();
    },
    committed: () => checkpointer.ifDue(),
    throwIfFailed: () => checkpointer.throwIfFailed(),
    idle: () => void reserve.refill(),
    probe: () => {
      mark.run();
      unmark.run();
    },
    status: (): LedgerWriterDetails => ({ reserve: reserve.isKept ? 'kept' : 'released' }),
    close: async () => {
      await checkpointer.close();
      db.close();
    },
  };
}

/** A full disk may even lack the room for SQLite's own index of the log, and opt-outs must be taken all the same. */
function openWithRoom(dataDir: string, reserve: Reserve): SqliteDatabase {
  try {
    return openLedger(dataDir, { readOnly: false });
  } catch (error) {
    if (storageErrorOf(error)?.problem === 'NO_SPACE' && reserve.release()) return openWithRoom(dataDir, reserve);
    throw error;
  }
}

serveGroupWriter({ open, codec: APPEND_CODEC });
