import { randomUUID } from 'node:crypto';
import { readEvent, writeEvent } from './envelope.js';
import { RevisionConflict, StoreUnavailable, type EventStore, type Revision, type StoredEvent } from './port.js';

/** The first event of a ledger: which ledger it is, and which secrets and vault belong to it. */
export interface LedgerStarted {
  readonly ledgerId: string;
  /** By name (`pepper`, `key-encryption-key`, `vault`), a keyed hash that tells two values apart and gives none away. */
  readonly fingerprints: Readonly<Record<string, string>>;
  /** ISO-8601 UTC. */
  readonly startedAt: string;
}

/** The secrets or the vault at hand are not those that the ledger was begun with. Names only, never values. */
export class LedgerMismatch extends Error {
  readonly code = 'LEDGER_MISMATCH';
  constructor(readonly names: readonly string[]) {
    super(`not what this ledger was started with: ${names.join(', ')}`);
  }
}

export const SYSTEM_STREAM = 'system-ledger';

const FIRST: Revision = '0';
/** A stream that was deleted in EventStoreDB reads as if it had never been, and goes on behind the revisions it had. */
const DELETED = `the beginning of ${SYSTEM_STREAM} was deleted in EventStoreDB: take $tb out of the metadata of that stream`;

/**
 * Begins the ledger, or checks that it is ours: resolves to its first event, rejects with `LedgerMismatch` where a
 * fingerprint differs or one of the two sides lacks it. Of two processes that begin at once, the second checks.
 */
export async function startLedger(
  store: EventStore,
  { fingerprints, now }: { readonly fingerprints: Readonly<Record<string, string>>; readonly now: Date },
): Promise<LedgerStarted> {
  const known = await readStarted(store);
  if (known) return checked(known, fingerprints);
  const started: LedgerStarted = { ledgerId: store.ledgerId, fingerprints, startedAt: now.toISOString() };
  if (await append(store, started)) return started;
  return startLedger(store, { fingerprints, now });
}

async function readStarted(store: EventStore): Promise<LedgerStarted | undefined> {
  const [first] = await store.readStream(SYSTEM_STREAM, { limit: 1 });
  return first && parse(first);
}

/** False where another process was first, now or before the stream was deleted. */
async function append(store: EventStore, started: LedgerStarted): Promise<boolean> {
  const id = randomUUID();
  const metadata = {
    $correlationId: id,
    $causationId: id,
    commandId: id,
    actor: 'system',
    occurredAt: started.startedAt,
    recordedAt: started.startedAt,
    schema: 1,
  };
  try {
    const event = writeEvent(id, 'LedgerStarted', started, metadata);
    const { revision } = await store.append(SYSTEM_STREAM, [event], 'none');
    return revision === FIRST;
  } catch (error) {
    if (error instanceof RevisionConflict) return false;
    throw error;
  }
}

/** An unreadable first event is a broken invariant: starting over it could fork the ledger. */
function parse(event: StoredEvent): LedgerStarted {
  const { data } = readEvent(event);
  if (event.revision !== FIRST) throw new StoreUnavailable(DELETED);
  if (event.type !== 'LedgerStarted' || !isStarted(data)) {
    throw new Error(`the first event of ${SYSTEM_STREAM} is not a readable LedgerStarted`);
  }
  return data;
}

function isStarted(data: unknown): data is LedgerStarted {
  if (typeof data !== 'object' || data === null || !('fingerprints' in data)) return false;
  const { fingerprints } = data;
  return typeof fingerprints === 'object' && fingerprints !== null && !Array.isArray(fingerprints);
}

function checked(known: LedgerStarted, ours: Readonly<Record<string, string>>): LedgerStarted {
  const names = [...new Set([...Object.keys(known.fingerprints), ...Object.keys(ours)])];
  const different = names.filter((name) => known.fingerprints[name] !== ours[name]).sort();
  if (different.length > 0) throw new LedgerMismatch(different);
  return known;
}
