import { holdsLedger, openEventStoreDb, openSqliteStore, type EventStore } from '#event-store';
import { Refused } from './tool.js';

const ADDRESS = /^esdb(\+discover)?:\/\//i;
/** What nobody calls a directory: a scheme, or a port behind the name of a host. */
const LIKE_AN_ADDRESS = /^[a-z][\w+.-]+:(\/|\d+$)/i;
const IS_A_PLACE = 'a ledger is named by its directory, or by an address that begins with esdb:// or esdb+discover://';
const MIB = 1024 * 1024;
/** As much as any ledger may hold in one event: what its service was once configured to take must be taken here. */
const EMBEDDED_APPEND_BYTES = 16 * MIB;
/** The largest that the protocol carries in any case; each server has a limit of its own. */
const EVENTSTOREDB_APPEND_BYTES = 7 * MIB;

/** A ledger to read, by its directory (also beside a running service) or its address. */
export async function openSource(place: string): Promise<EventStore> {
  if (ADDRESS.test(place)) return openAddress(place, true);
  requireDirectory(place, IS_A_PLACE);
  requireLedgerIn(place);
  return openSqliteStore({ dataDir: place, readOnly: true });
}

/** A ledger to write, made where the directory has none. Rejects with `DataDirectoryInUse` beside a running service. */
export async function openTarget(place: string): Promise<EventStore> {
  if (ADDRESS.test(place)) return openAddress(place);
  requireDirectory(place, IS_A_PLACE);
  return openSqliteStore({ dataDir: place, diskReserveMb: 0, maxAppendBytes: EMBEDDED_APPEND_BYTES });
}

function openAddress(url: string, readOnly = false): Promise<EventStore> {
  return openEventStoreDb({ url, maxAppendBytes: EVENTSTOREDB_APPEND_BYTES, readOnly });
}

/** Throws `Refused`, and `StoreUnavailable` where it cannot be seen. */
export function requireLedgerIn(dataDir: string): void {
  if (!holdsLedger(dataDir)) throw new Refused(`there is no embedded ledger in ${dataDir}`);
}

/**
 * Throws `Refused` where a place is an address: a directory would be made under that very name, and whoever meant a server
 * would look there in vain. It is not said again, because it may hold a password.
 */
export function requireDirectory(
  place: string,
  remedy = 'a backup is kept in a directory, and this is an address',
): void {
  if (LIKE_AN_ADDRESS.test(place)) throw new Refused(remedy);
}
