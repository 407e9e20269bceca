import { holdsLedger, openEventStoreDb, openSqliteStore, type EventStore } from '#event-store';
import { readValues } from '#platform';
import { Trouble, UsageError } from './failures.js';
import type { Given } from './options.js';

/** Where the ledger is. */
export type Place = { readonly dataDir: string } | { readonly url: string };

export interface Settings {
  readonly place: Place;
  /** Where the secrets are that are not configured. */
  readonly dataDir: string;
  /** 32 bytes in base64. */
  readonly pepper?: string;
}

export const PLACE_OPTIONS = {
  data: {
    value: 'DIR',
    help: 'the embedded ledger in this directory, also beside a running service\n(default: DATA_DIR)',
  },
  from: { value: 'esdb://HOST:PORT', help: 'the ledger in EventStoreDB at this address (default: EVENTSTORE_URL)' },
} as const;

const ADDRESS = /^esdb(\+discover)?:\/\/./i;
const LIKE_AN_ADDRESS = /^[a-z][\w+.-]+:\//i;
const FORM = 'it is written esdb://user:password@host:2113?tls=true&tlsCAFile=FILE';

/** Options count before the environment. Throws `ConfigError` where that is wrong. */
export function readSettings(given: Given<keyof typeof PLACE_OPTIONS>, env: NodeJS.ProcessEnv): Settings {
  const [data, from] = [given.one('data'), given.one('from')];
  if (data !== undefined && from !== undefined) {
    throw new UsageError('--data and --from name two ledgers: give one of them');
  }
  if (from !== undefined && !ADDRESS.test(from)) {
    throw new UsageError('--from needs an address that begins with esdb://; a position to begin behind is --after');
  }
  const isNamed = data !== undefined || from !== undefined;
  const { DATA_DIR, PEPPER: pepper } = readValues(env, ['DATA_DIR', 'PEPPER']);
  const url = isNamed ? from : readValues(env, ['EVENTSTORE_URL']).EVENTSTORE_URL;
  const dataDir = data ?? DATA_DIR;
  return { place: url === undefined ? { dataDir } : { url }, dataDir, ...(pepper === undefined ? {} : { pepper }) };
}

/**
 * Opens the ledger for reading. Rejects with `UsageError` where the address is none, with `Trouble` where there is no
 * ledger, and with `StoreUnavailable` where it cannot be read.
 */
export async function openLedger(place: Place): Promise<EventStore> {
  if ('url' in place) return openServer(place.url);
  const { dataDir } = place;
  if (LIKE_AN_ADDRESS.test(dataDir)) {
    throw new UsageError('--data (or DATA_DIR) names a directory: give an address as --from esdb://HOST:PORT');
  }
  if (!holdsLedger(dataDir)) {
    throw new Trouble(`there is no embedded ledger in ${dataDir}: name its directory with --data or DATA_DIR`);
  }
  return openSqliteStore({ dataDir, readOnly: true });
}

/** The address is not said again: it may hold a password. */
async function openServer(url: string): Promise<EventStore> {
  try {
    return await openEventStoreDb({ url, readOnly: true });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`--from (or EVENTSTORE_URL): ${error.message}; ${FORM}`);
  }
}
