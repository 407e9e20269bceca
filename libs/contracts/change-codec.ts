import {
  EMPTY_STATE,
  EVENT_SCHEMA,
  fold,
  readConsentEvent,
  type ConsentEvent,
  type Instant,
  type Origin,
  type RecipientState,
} from '#consent';
import {
  flagIn,
  instantIn,
  listIn,
  optionalIn,
  readValue,
  textIn,
  type Members,
  type NotUnderstood,
} from './reading.js';
import type { ChangeRecord } from './records.js';

/** What an event tells others; nothing of its sealed part, its evidence, or where it stands. */
export function changeRecordOf(event: ConsentEvent, origin: Origin, recipientId: string): ChangeRecord {
  const { eventId, recordedAt } = origin;
  const { occurredAt, businessId = '' } = event.data;
  const said = whatItSays(event);
  return {
    businessId,
    recipientId,
    eventId,
    type: said.type ?? event.type,
    ...(said.unreadable ? { unreadable: true } : {}),
    channels: said.channels ?? [],
    purposes: said.purposes ?? [],
    categories: said.categories ?? [],
    method: said.method ?? null,
    occurredAt,
    recordedAt,
    ...said.rest,
  };
}

/** Says that there is something, and nothing of what it says: whoever reads it must take its recipient as unreadable. */
export function doubtRecordOf(event: ConsentEvent, { eventId, recordedAt }: Origin, recipientId: string): ChangeRecord {
  return {
    businessId: event.data.businessId ?? '',
    recipientId,
    eventId,
    type: event.type,
    unreadable: true,
    channels: [],
    purposes: [],
    categories: [],
    method: null,
    occurredAt: recordedAt,
    recordedAt,
  };
}

type Rest = Pick<ChangeRecord, 'expiresAt' | 'sender' | 'kind' | 'confirmUntil' | 'link'>;
type Said = Partial<
  Pick<ChangeRecord, 'type' | 'unreadable' | 'channels' | 'purposes' | 'categories' | 'method'> & {
    readonly rest: Rest;
  }
>;

function whatItSays({ type, data }: ConsentEvent): Said {
  switch (type) {
    case 'ConsentGranted': {
      const { channels, purposes, method, expiresAt } = data;
      return { channels, purposes, method, rest: expiresAt === undefined ? {} : { expiresAt } };
    }
    case 'ConsentRevoked': {
      const { channels, purposes, categories, method, sender, confirmUntil } = data;
      const from = sender === undefined ? {} : { sender };
      const until = confirmUntil === undefined ? {} : { confirmUntil };
      return { channels, purposes, categories, method, rest: { ...from, ...until } };
    }
    case 'PreferenceResumed':
      return { channels: [data.channel], rest: { sender: data.sender } };
    case 'UserMessaged':
      return { channels: [data.channel], rest: { sender: data.sender, kind: data.kind } };
    case 'RecipientLinked': {
      const role = data.role === undefined ? {} : { role: data.role };
      return { rest: { link: { recipientId: data.other, kind: data.kind, ...role } } };
    }
    case 'RecipientUnlinked':
      return { rest: { link: { recipientId: data.other } } };
    case 'RecipientErased':
      return {};
    case 'Unreadable':
      return { type: data.storedType, unreadable: true };
  }
}

/** The same opt-out as it is told under the key of a recipient who is linked to the one it stands under. */
export function toldUnder(record: ChangeRecord, linkedId: string): ChangeRecord {
  return { ...record, recipientId: linkedId, linkedFrom: record.recipientId };
}

/** A change as a consumer has it. `event` is `Unreadable` where its name or what it says is not understood. */
export interface ReadChange {
  readonly businessId: string;
  readonly recipientId: string;
  readonly eventId: string;
  readonly recordedAt: Instant;
  /** Of an opt-out told under a linked key: whose stream the event stands in. */
  readonly linkedFrom?: string;
  readonly event: ConsentEvent;
}

/** Not understood only where it cannot be told whom the record is about: then its key says who is to be denied. */
export function readChangeRecord(bytes: Uint8Array | null): ReadChange | NotUnderstood {
  return readValue(bytes, readChange);
}

function readChange(members: Members): ReadChange {
  const linkedFrom = optionalIn(members, 'linkedFrom', textIn);
  const recordedAt = instantIn(members, 'recordedAt');
  return {
    businessId: textIn(members, 'businessId'),
    recipientId: textIn(members, 'recipientId'),
    eventId: textIn(members, 'eventId'),
    recordedAt,
    ...(linkedFrom === undefined ? {} : { linkedFrom }),
    event: readEvent(members, recordedAt),
  };
}

/** By the very reader of the ledger's own events, so that a consumer doubts what the ledger would doubt. */
function readEvent(members: Members, recordedAt: Instant): ConsentEvent {
  const type = textIn(members, 'type');
  const isUnreadable = optionalIn(members, 'unreadable', flagIn) === true;
  const schema = isUnreadable ? undefined : EVENT_SCHEMA;
  return readConsentEvent(type, dataOf(members), schema, recordedAt);
}

/** An event spells some members otherwise than a record, and has no method where it has none. */
function dataOf({ method, ...members }: Members): Members {
  const [channel] = listIn(members, 'channels');
  const link = members.link as { recipientId?: unknown; kind?: unknown; role?: unknown } | null | undefined;
  const own = { channel, kind: members.kind ?? link?.kind, other: link?.recipientId, role: link?.role };
  return { ...members, ...own, ...(method === null ? {} : { method }) };
}

/**
 * The state that the no of a change adds, undefined where it is none: what a consumer joins to a recipient's state at
 * once, before the state record that has it. It never allows: an opt-out's confirmation is a yes and comes with the
 * state record alone.
 *
 * A link and the end of one both deny and allow: a link lets the other's noes in, and its grants; an unlinking takes
 * both away. Until the state records have them they may only deny, so decide with them and without them (`withoutLinks`)
 * and take the no.
 */
export function noOf({ recipientId, eventId, recordedAt, event }: ReadChange): RecipientState | undefined {
  switch (event.type) {
    case 'ConsentGranted':
    case 'PreferenceResumed':
    case 'UserMessaged':
      return undefined;
    case 'ConsentRevoked':
    case 'RecipientErased':
    case 'RecipientLinked':
    case 'RecipientUnlinked':
    case 'Unreadable': {
      const origin = { eventId, stream: `consent-${recipientId}`, revision: '', recordedAt };
      return { ...fold(EMPTY_STATE, event, origin), confirmations: [] };
    }
  }
}

/** The rest of what `noOf` gave: what denies the recipient itself, whoever it is linked to. */
export function withoutLinks(no: RecipientState): RecipientState {
  return { ...no, links: [] };
}
