import { isInstant, type BusinessEvent, type ConsentEvent, type Instant } from '#consent';
import { readEvent, type StoredEvent } from '#event-store';
import { businessOf, readRecipientEvent, readRegisterEvent, recipientOf } from '#view';

/** A stored event with what the rules of consent read in it. */
export interface ShownEvent {
  readonly stored: StoredEvent;
  readonly content: Content;
  /** When the ledger heard, and when the person acted as it counts: absent where the event does not say so readably. */
  readonly recordedAt?: Instant;
  readonly occurredAt?: Instant;
  readonly actor?: string;
  readonly business?: string;
  readonly isSealed: boolean;
  /** As read from its JSON; undefined where it is none. */
  readonly data: unknown;
}

/**
 * What an event says: about a recipient, about a business's register, or something that no rule of consent reads.
 * `unreadable`: this version does not understand it, and doubt about it means no.
 */
export type Content =
  | { readonly kind: 'recipient'; readonly event: Exclude<ConsentEvent, { type: 'Unreadable' }> }
  | { readonly kind: 'register'; readonly event: BusinessEvent }
  | { readonly kind: 'other' }
  | { readonly kind: 'unreadable' };

/** Never throws, whatever bytes the ledger holds. */
export function showEvent(stored: StoredEvent): ShownEvent {
  const { data, metadata } = readEvent(stored);
  const content = contentOf(stored, data);
  const fields = (typeof data === 'object' && data !== null ? data : {}) as Readonly<Record<string, unknown>>;
  const counted = content.kind === 'recipient' ? content.event.data.occurredAt : fields.occurredAt;
  return {
    stored,
    content,
    data,
    ...ifSaid('recordedAt', [metadata.recordedAt].find(isInstant)),
    ...ifSaid('occurredAt', [counted, metadata.occurredAt].find(isInstant)),
    ...ifSaid('actor', [metadata.actor].find(isText)),
    ...ifSaid('business', [fields.businessId].find(isText)),
    isSealed: fields.sealed !== undefined,
  };
}

function contentOf(stored: StoredEvent, data: unknown): Content {
  if (recipientOf(stored.stream) !== undefined) {
    const { event } = readRecipientEvent(stored);
    return event.type === 'Unreadable' ? { kind: 'unreadable' } : { kind: 'recipient', event };
  }
  const businessId = businessOf(stored.stream);
  if (businessId === undefined) return { kind: data === undefined ? 'unreadable' : 'other' };
  const event = readRegisterEvent(businessId, stored);
  return event ? { kind: 'register', event } : { kind: 'unreadable' };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function ifSaid<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V });
}
