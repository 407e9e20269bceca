import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LEDGER_FILE, openEventStoreDb, openSqliteStore, type EventStore } from '#event-store';
import { Refused } from './tool.js';

const ADDRESS = /^esdb(\+discover)?:\/\//i;
/** As much as any ledger may hold in one event; the servers of a cluster have a limit of their own. */
const MAX_APPEND_BYTES = 16 * 1024 * 1024;

/** A ledger to read, by its directory (also beside a running service) or its address. */
export async function openSource(place: string): Promise<EventStore> {
  if (ADDRESS.test(place)) return openAddress(place);
  requireLedgerIn(place);
  return openSqliteStore({ dataDir: place, readOnly: true });
}

/** A ledger to write, made where the directory has none. Rejects with `DataDirectoryInUse` beside a running service. */
export async function openTarget(place: string): Promise<EventStore> {
  if (ADDRESS.test(place)) return openAddress(place);
  return openSqliteStore({ dataDir: place, diskReserveMb: 0, maxAppendBytes: MAX_APPEND_BYTES });
}

function openAddress(url: string): Promise<EventStore> {
  return openEventStoreDb({ url, maxAppendBytes: MAX_APPEND_BYTES });
}

/** Throws `Refused`. */
export function requireLedgerIn(dataDir: string): void {
  if (!existsSync(join(dataDir, LEDGER_FILE))) throw new Refused(`there is no embedded ledger in ${dataDir}`);
}
