import type { NewEvent, StoredEvent } from './port.js';

/** What every event carries beside its data. No personal data. */
export interface EventMetadata {
  readonly $correlationId: string;
  readonly $causationId: string;
  readonly commandId: string;
  /** A keyed hash of the request, by which a reused idempotency key is told from a retry. */
  readonly fingerprint?: string;
  /** Key id, `webhook:<provider>` or `system`. */
  readonly actor: string;
  readonly occurredAt: string;
  /** When the ledger heard: the clock of the process that decided, kept here so that a copied ledger keeps it too. */
  readonly recordedAt: string;
  readonly schema: number;
}

/** An event with its JSON read. `metadata` may lack anything: bytes in a ledger are not to be trusted. */
export interface ReadEvent {
  readonly event: StoredEvent;
  readonly data: unknown;
  readonly metadata: Partial<EventMetadata>;
}

const decoder = new TextDecoder();

export function writeEvent(id: string, type: string, data: unknown, metadata: EventMetadata): NewEvent {
  return { id, type, data: Buffer.from(JSON.stringify(data)), metadata: Buffer.from(JSON.stringify(metadata)) };
}

/** Never throws: bytes that are no JSON read as undefined data, and the event's reader then treats it as unreadable. */
export function readEvent(event: StoredEvent): ReadEvent {
  const metadata = parse(event.metadata);
  const isObject = typeof metadata === 'object' && metadata !== null;
  return { event, data: parse(event.data), metadata: isObject ? metadata : {} };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}
