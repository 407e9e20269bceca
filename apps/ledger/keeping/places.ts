import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LEDGER_FILE, openEventStoreDb, openSqliteStore, type EventStore } from '#event-store';
import { Refused } from './tool.js';

const ADDRESS = /^esdb(\+discover)?:\/\//i;
const MIB = 1024 * 1024;
/** As much as any ledger may hold in one event: what its service was once configured to take must be taken here. */
const EMBEDDED_APPEND_BYTES = 16 * MIB;
/** The largest that the protocol carries in any case; each server has a limit of its own. */
const EVENTSTOREDB_APPEND_BYTES = 7 * MIB;

/** A ledger to read, by its directory (also beside a running service) or its address. */
export async function openSource(place: string): Promise<EventStore> {
  if (ADDRESS.test(place)) return openAddress(place, true);
  requireLedgerIn(place);
  return openSqliteStore({ dataDir: place, readOnly: true });
}

/** A ledger to write, made where the directory has none. Rejects with `DataDirectoryInUse` beside a running service. */
export async function openTarget(place: string): Promise<EventStore> {
  if (ADDRESS.test(place)) return openAddress(place);
  return openSqliteStore({ dataDir: place, diskReserveMb: 0, maxAppendBytes: EMBEDDED_APPEND_BYTES });
}

function openAddress(url: string, readOnly = false): Promise<EventStore> {
  return openEventStoreDb({ url, maxAppendBytes: EVENTSTOREDB_APPEND_BYTES, readOnly });
}

/** Throws `Refused`. */
export function requireLedgerIn(dataDir: string): void {
  if (!existsSync(join(dataDir, LEDGER_FILE))) throw new Refused(`there is no embedded ledger in ${dataDir}`);
}
