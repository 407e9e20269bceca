/** The program of the thread that writes the embedded ledger. */
import { StorageError, checkpointerOf, extendLog, serveGroupWriter, transactionOf, type WriterProgram } from '#sqlite';
import type { AppendJob, AppendResult } from './append-job.js';
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

/** Eight mebibytes: large enough that checkpoints are rare, small enough that one is short. */
const LOG_PAGES = 2_048;
/** The log may pass its limit by one batch before it is moved. */
const LOG_PAGES_WITH_ROOM = LOG_PAGES + 1_024;

const RESERVE_IN_USE = 'no space left on the disk: its reserve is kept for revocations until there is room again';

function open({ dataDir, reserveBytes }: LedgerWriterData): WriterProgram<AppendJob, AppendResult> {
  const db = openLedger(dataDir, { readOnly: false });
  const checkpointer = checkpointerOf(db, LOG_PAGES);
  // What an earlier process left in the log is written and synced again, so that a replay rests on what is on disk.
  checkpointer.now();
  extendLog(db, LOG_PAGES_WITH_ROOM);
  const reserve = new Reserve(dataDir, reserveBytes);
  reserve.fill();
  return {
    transaction: transactionOf(db),
    run: appenderOf(db),
    refusal: () => {
      if (!reserve.isKept) reserve.refill();
      return reserve.isKept ? undefined : new StorageError('NO_SPACE', RESERVE_IN_USE);
    },
    makeRoom: () => reserve.release(),
    committed: () => checkpointer.ifDue(),
    idle: () => void reserve.refill(),
    status: (): LedgerWriterDetails => ({ reserve: reserve.isKept ? 'kept' : 'released' }),
    close: () => db.close(),
  };
}

serveGroupWriter({ open });
