import type { NewEvent, StoredEvent } from './port.js';
import { NEWEST_SCHEMA, upcast } from './upcast.js';

/** What every event carries beside its data. No personal data. */
export interface EventMetadata {
  readonly $correlationId: string;
  readonly $causationId: string;
  readonly commandId: string;
  /** A keyed hash of the request, by which a reused idempotency key is told from a retry. */
  readonly fingerprint?: string;
  /** Of the request, where it came with one: W3C Trace Context. */
  readonly traceparent?: string;
  /** Key id, `webhook:<provider>` or `system`. */
  readonly actor: string;
  readonly occurredAt: string;
  /** When the ledger heard: the clock of the process that decided, kept here so that a copied ledger keeps it too. */
  readonly recordedAt: string;
  readonly schema: number;
}

/**
 * An event with its JSON read, `data` and `metadata.schema` in the newest version. `metadata` may lack anything: bytes in
 * a ledger are not to be trusted.
 */
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
  const parsed = parse(event.metadata);
  const metadata: Partial<EventMetadata> = typeof parsed === 'object' && parsed !== null ? parsed : {};
  const written = { data: parse(event.data), schema: metadata.schema };
  const { data, schema } = upcast(event.type, written);
  return { event, data, metadata: schema === written.schema ? metadata : { ...metadata, schema: NEWEST_SCHEMA } };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}
