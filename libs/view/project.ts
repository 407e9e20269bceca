import {
  EMPTY_BUSINESS,
  evolveBusiness,
  isInstant,
  readBusinessEvent,
  readConsentEvent,
  type BusinessEvent,
  type BusinessState,
  type ConsentEvent,
  type Instant,
  type Origin,
} from '#consent';
import { readEvent, type ReadEvent, type Revision, type StoredEvent } from '#event-store';
import type { BusinessRow, RecipientRow } from './port.js';
import { addEvent, NOBODY } from './recipient-row.js';

/** The streams that the view is made of. */
export const VIEW_PREFIXES = ['consent-', 'conversation-', 'business-'] as const;

/** An event that this version cannot read: where it stands, and nothing of what it says. */
export interface UnreadableEvent {
  readonly stream: string;
  readonly revision: Revision;
  readonly eventId: string;
  readonly storedType: string;
}

/** The rows of a batch: read before it, and replaced by what its events make of them. */
export interface Rows {
  readonly recipients: Map<string, RecipientRow>;
  readonly businesses: Map<string, BusinessRow>;
}

/** Stands in where an event's metadata does not say when it was recorded: the same for every reader. */
const UNRECORDED: Instant = '1970-01-01T00:00:00.000Z';

export function recipientOf(stream: string): string | undefined {
  return after('consent-', stream) ?? after('conversation-', stream);
}

export function businessOf(stream: string): string | undefined {
  return after('business-', stream);
}

function after(prefix: string, stream: string): string | undefined {
  return stream.startsWith(prefix) ? stream.slice(prefix.length) : undefined;
}

/** Adds one stored event to the rows it belongs to; events of other streams are passed over. */
export function project(rows: Rows, event: StoredEvent, onUnreadable: (event: UnreadableEvent) => void): void {
  const recipientId = recipientOf(event.stream);
  if (recipientId !== undefined) {
    const row = projectRecipient(rows.recipients.get(recipientId), event, onUnreadable);
    rows.recipients.set(recipientId, row);
    return;
  }
  const businessId = businessOf(event.stream);
  if (businessId === undefined) return;
  const row = projectBusiness(rows.businesses.get(businessId), businessId, event, onUnreadable);
  rows.businesses.set(businessId, row);
}

/** A recipient's row with one more stored event in it. */
export function projectRecipient(
  row: RecipientRow | undefined,
  stored: StoredEvent,
  onUnreadable: (event: UnreadableEvent) => void,
): RecipientRow {
  const { event, origin } = readRecipientEvent(stored);
  if (event.type === 'Unreadable') onUnreadable(whereabouts(stored));
  return addEvent(row, event.data.businessId ?? NOBODY, event, origin);
}

/** A stored event as the rules read it, where it stands, and what stands beside it. */
export interface ReadRecipientEvent {
  readonly event: ConsentEvent;
  readonly origin: Origin;
  readonly metadata: ReadEvent['metadata'];
}

/** Never throws. */
export function readRecipientEvent(stored: StoredEvent): ReadRecipientEvent {
  const { data, metadata } = readEvent(stored);
  const recordedAt = isInstant(metadata.recordedAt) ? metadata.recordedAt : UNRECORDED;
  const { id: eventId, stream, revision } = stored;
  const event = readConsentEvent(stored.type, data, metadata.schema, recordedAt);
  return { event, origin: { eventId, stream, revision, recordedAt }, metadata };
}

/** A business's row with one more event of its stream. One that is in it already changes nothing. */
export function projectBusiness(
  row: BusinessRow | undefined,
  businessId: string,
  stored: StoredEvent,
  onUnreadable: (event: UnreadableEvent) => void,
): BusinessRow {
  if (row !== undefined && Number(row.revision) >= Number(stored.revision)) return row;
  const before = row?.state ?? EMPTY_BUSINESS;
  const state = evolved(before, businessId, stored);
  if (state === undefined) onUnreadable(whereabouts(stored));
  return { businessId, revision: stored.revision, state: state ?? { ...before, unreadable: true } };
}

function evolved(state: BusinessState, businessId: string, stored: StoredEvent): BusinessState | undefined {
  const event = readRegisterEvent(businessId, stored);
  return event && evolveBusiness(state, event);
}

/** A stored event of a register as the rules read it; undefined where it is unreadable or another business's. */
export function readRegisterEvent(businessId: string, stored: StoredEvent): BusinessEvent | undefined {
  const { data, metadata } = readEvent(stored);
  const event = readBusinessEvent(stored.type, data, metadata.schema);
  return event?.data.businessId === businessId ? event : undefined;
}

export function whereabouts({ stream, revision, id, type }: StoredEvent): UnreadableEvent {
  return { stream, revision, eventId: id, storedType: type };
}
