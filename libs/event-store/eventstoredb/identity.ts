import { randomBytes, randomUUID } from 'node:crypto';
import { SYSTEM_STREAM } from '../ledger-started.js';
import { StoreUnavailable } from '../port.js';
import type { Connections } from './connections.js';
import { CallFailure } from './failure.js';
import { checkPlace } from './horizon.js';
import { persist } from './persist.js';
import { eventOf, streamRead, type WireEvent } from './read-messages.js';
import type { Terms } from './terms.js';

/** The server's own stream of metadata about the stream that begins the ledger. */
const METADATA_STREAM = `$$${SYSTEM_STREAM}`;
const METADATA_TYPE = '$metadata';
const KEY = 'consentLedgerId';
const LEDGER_ID = /^[A-Za-z0-9_-]{1,64}$/;

interface StreamMetadata {
  /** `none` where nothing was ever written. */
  readonly revision: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Which ledger this is: a name of its own in the metadata of the first stream, kept apart from the events because a
 * copied or restored ledger has the same events and must have another name. Written once where there is none; of two
 * processes that do, the second takes the first one's.
 */
export function openIdentity(connections: Connections, { timeouts, readOnly }: Terms): Promise<string> {
  return persist(async ({ signal }) => {
    const known = await readMetadata(connections, signal);
    const ledgerId = idIn(known);
    if (ledgerId === undefined && readOnly) throw new StoreUnavailable('no ledger was begun on this EventStoreDB yet');
    return ledgerId ?? write(connections, known);
  }, connections.persistence(timeouts.openMs));
}

function idIn({ values }: StreamMetadata): string | undefined {
  const id = values[KEY];
  return typeof id === 'string' && LEDGER_ID.test(id) ? id : undefined;
}

async function readMetadata(connections: Connections, signal: AbortSignal): Promise<StreamMetadata> {
  const last: WireEvent[] = [];
  const request = streamRead({ stream: METADATA_STREAM, from: 'end', backwards: true, count: 1 });
  await connections.read(request, {
    signal,
    take: (message) => {
      const event = eventOf(message);
      if (event) last.push(event);
      // The first event of a stream that is read at all, so a server that is too old is refused before it is written to.
      checkPlace(event?.n ?? 0);
      return false;
    },
  });
  const [event] = last;
  return event ? { revision: String(event.revision), values: parse(event.data) } : { revision: 'none', values: {} };
}

/** Metadata that cannot be read is not written over: it may hold the name, and an access list. */
function parse(data: Uint8Array): Record<string, unknown> {
  const values = parsed(data);
  if (typeof values === 'object' && values !== null) return values as Record<string, unknown>;
  throw new StoreUnavailable(`the metadata of ${SYSTEM_STREAM} in EventStoreDB is not readable`);
}

function parsed(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString());
  } catch {
    return undefined;
  }
}

/** Whatever else stands there is kept. A lost race is tried again, and then finds the winner's. */
async function write(connections: Connections, { revision, values }: StreamMetadata): Promise<string> {
  const ledgerId = randomBytes(12).toString('base64url');
  const data = Buffer.from(JSON.stringify({ ...values, [KEY]: ledgerId }));
  const event = { id: randomUUID(), type: METADATA_TYPE, data, metadata: Buffer.alloc(0) };
  const answer = await connections.append({ stream: METADATA_STREAM, expected: revision, events: [event] });
  if (answer.kind === 'appended') return ledgerId;
  if (answer.kind === 'failed') throw answer.failure;
  throw new CallFailure('busy', 'another process is beginning the ledger');
}
