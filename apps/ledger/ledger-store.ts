import { setTimeout as pause } from 'node:timers/promises';
import {
  StoreUnavailable,
  openEventStoreDb,
  orAborted,
  openSqliteStore,
  type EventStoreDbOptions,
  type EventStoreDbReport,
  type Ledger,
} from '#event-store';
import type { Config, Log } from '#platform';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3_000;

/** The embedded ledger of the data directory. Rejects where another process writes there. */
export function openEmbeddedLedger({ dataDir, limits }: Config): Promise<Ledger> {
  return openSqliteStore({
    dataDir,
    diskReserveMb: limits.diskReserveMb,
    lanes: { queuedJobs: limits.appendQueueMax },
    maxAppendBytes: limits.appendBytes,
  });
}

export type RemoteLimits = Omit<EventStoreDbOptions, 'onReport'>;

export interface RemoteWait {
  /** Aborts the waiting, which then rejects. */
  readonly signal: AbortSignal;
  /** Told each time the server was not there, in plain words without its address. */
  readonly onProblem: (problem: string) => void;
}

/** The ledger on EventStoreDB, waited for until it can be reached. */
export async function openRemoteLedger(
  { url, ...limits }: RemoteLimits,
  log: Log,
  { signal, onProblem }: RemoteWait,
): Promise<Ledger> {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await openedInTime(openEventStoreDb({ url, ...limits, onReport: (report) => tell(log, report) }), signal);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      log.warn({ problem: error.message }, 'the ledger cannot be opened yet');
      onProblem(error.message);
    }
    const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
    await pause(ceiling / 2 + (Math.random() * ceiling) / 2, undefined, { signal });
  }
}

/** Nobody waits for a server that does not answer once the process was told to stop. */
async function openedInTime(opening: Promise<Ledger>, signal: AbortSignal): Promise<Ledger> {
  try {
    return await orAborted(opening, signal);
  } catch (error) {
    if (signal.aborted) void opening.then((late) => late.close()).catch(() => undefined);
    throw error;
  }
}

export function remoteLimitsOf({ eventStore, database, limits }: Config): RemoteLimits | undefined {
  if (eventStore === undefined) return undefined;
  const { url, appendTimeoutMs, revocationTimeoutMs, inFlightMax } = eventStore;
  return {
    url,
    // A vault that is a file is noted in the ledger, and the lock of its directory keeps a second process out.
    alone: database === undefined,
    maxAppendBytes: limits.appendBytes,
    maxInFlight: inFlightMax,
    maxQueued: limits.appendQueueMax,
    // A read behind a command or a question may take no longer than the command itself.
    timeouts: { appendMs: appendTimeoutMs, readMs: appendTimeoutMs, revocationMs: revocationTimeoutMs },
  };
}

function tell(log: Log, report: EventStoreDbReport): void {
  switch (report.kind) {
    case 'connection lost':
      return log.warn({ problem: report.problem }, 'the connection to the ledger is lost');
    case 'connected':
      return log.info({}, 'connected to the ledger');
    case 'clocks differ':
      return log.warn({ differenceMs: report.differenceMs }, 'the clock of the ledger differs from ours');
    case 'clocks agree':
      return log.info({}, 'the clock of the ledger agrees with ours again');
  }
}
