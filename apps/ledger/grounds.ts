import { keepOut, type Ledger } from '#event-store';
import type { Postgres } from '#postgres';
import type { Config } from '#platform';
import { openDatabase, type Start } from './database.js';
import { openEmbeddedLedger, openRemoteLedger, remoteLimitsOf } from './ledger-store.js';
import type { Opened } from './opened.js';
import { openWaitingRoom, type WaitingRoom } from './waiting-room.js';

/** What the service stands on. */
export interface Grounds {
  readonly store: Ledger;
  /** Undefined where vault and view are files. */
  readonly postgres: Postgres | undefined;
  /** The port that HTTP is to listen on: the one on which the process has said so far that it waits. */
  readonly httpPort: number;
  /** Frees that port. */
  readonly leaveRoom: () => Promise<void>;
}

/** Opens ledger and database. Where one of them is a server it is waited for, and the port says so meanwhile. */
export async function openGrounds(config: Config, start: Start, opened: Opened): Promise<Grounds> {
  const { eventStore, database, dataDir } = config;
  if (eventStore === undefined && database === undefined) {
    const store = opened.add(await openEmbeddedLedger(config), (one) => one.close());
    return { store, postgres: undefined, httpPort: config.http.port, leaveRoom: async () => undefined };
  }
  // The vault in this directory is for one process alone, which the lock of the embedded ledger sees to otherwise.
  if (database === undefined) opened.add(keepOut(dataDir), async (lock) => lock.release());
  const room = opened.add(await openWaitingRoom(config), (one) => one.close());
  const store = opened.add(await openLedger(config, start, room), (one) => one.close());
  const postgres = database && (await openDatabase(database, start, (problem) => room.say('database', problem)));
  if (postgres) opened.add(postgres, (one) => one.close());
  room.say('ledger', 'the service is reading what it needs of the ledger');
  return { store, postgres, httpPort: room.port, leaveRoom: () => room.close() };
}

function openLedger(config: Config, { log, signal }: Start, room: WaitingRoom): Promise<Ledger> {
  const remote = remoteLimitsOf(config);
  if (!remote) return openEmbeddedLedger(config);
  return openRemoteLedger(remote, log, { signal, onProblem: (problem) => room.say('ledger', problem) });
}
