import { isAutomaticStop } from './channel-policy.js';
import type { Instant } from './instant.js';
import {
  type Basis,
  type RecipientState,
  keepConfirmation,
  keepContact,
  keepBlock,
  keepGrant,
  keepLink,
  keepPreference,
  keepRevocation,
  latest,
} from './state.js';
import {
  ALL,
  type All,
  type Category,
  type Channel,
  type DisclosureRef,
  type GrantMethod,
  type LinkKind,
  type MessageKind,
  type RevocationMethod,
} from './vocabulary.js';

interface Facts {
  readonly businessId: string;
  /** When the person acted, as it counts in the join. */
  readonly occurredAt: Instant;
  /** What the source said, kept where it differs from `occurredAt`. */
  readonly claimedAt?: string;
  /** The personal parts, encrypted under the recipient's own key; opaque here. */
  readonly sealed?: unknown;
}

export interface ConsentGranted {
  readonly type: 'ConsentGranted';
  readonly data: Facts & {
    readonly channels: readonly Channel[];
    readonly purposes: readonly string[];
    readonly method: GrantMethod;
    readonly disclosure?: DisclosureRef;
    readonly evidenceSha256?: string;
    readonly expiresAt?: Instant;
    /** Set where the grant rests on no disclosure: an import, or a provider's own opt-in. */
    readonly flagged?: 'no_disclosure';
  };
}

export interface ConsentRevoked {
  readonly type: 'ConsentRevoked';
  readonly data: Facts & {
    readonly channels: readonly Channel[] | readonly [All];
    readonly purposes: readonly string[];
    readonly categories: readonly Category[] | readonly [All];
    readonly method: RevocationMethod;
    readonly sender?: string;
    readonly evidenceSha256?: string;
    readonly confirmUntil?: Instant;
  };
}

export interface PreferenceResumed {
  readonly type: 'PreferenceResumed';
  readonly data: Facts & { readonly channel: Channel; readonly sender: string };
}

export interface RecipientLinked {
  readonly type: 'RecipientLinked';
  readonly data: Facts & {
    readonly other: string;
    readonly kind: LinkKind;
    /** For `changed_number`: whether the stream's own recipient is the number left behind or the one taken up. */
    readonly role?: 'old' | 'new';
  };
}

export interface RecipientUnlinked {
  readonly type: 'RecipientUnlinked';
  readonly data: Facts & { readonly other: string };
}

export interface RecipientErased {
  readonly type: 'RecipientErased';
  readonly data: Facts & { readonly requestedBy?: string };
}

export interface UserMessaged {
  readonly type: 'UserMessaged';
  readonly data: Facts & { readonly channel: Channel; readonly sender: string; readonly kind: MessageKind };
}

/** Stands for a stored event that this version does not understand: it denies its recipient and nobody else. */
export interface Unreadable {
  readonly type: 'Unreadable';
  readonly data: { readonly businessId?: string; readonly occurredAt: Instant; readonly storedType: string };
}

export type ConsentEvent =
  | ConsentGranted
  | ConsentRevoked
  | PreferenceResumed
  | RecipientLinked
  | RecipientUnlinked
  | RecipientErased
  | UserMessaged
  | Unreadable;

/** Where in the ledger an event stands, and when the ledger heard of it. */
export interface Origin {
  readonly eventId: string;
  readonly stream: string;
  readonly revision: string;
  readonly recordedAt: Instant;
}

/** Adds one event to a state. Any order and any repetition of the same events give the same state. */
export function fold(state: RecipientState, event: ConsentEvent, origin: Origin): RecipientState {
  const basis = basisOf(event, origin);
  switch (event.type) {
    case 'ConsentGranted':
      return foldGrant(state, event, basis);
    case 'ConsentRevoked':
      return foldRevocation(state, event, basis);
    case 'PreferenceResumed':
      return keepPreference(state, { channel: event.data.channel, sender: event.data.sender, resume: basis });
    case 'RecipientLinked':
      return keepLink(state, { recipientId: event.data.other, link: { ...basis, ...kindAndRole(event) } });
    case 'RecipientUnlinked':
      return keepLink(state, { recipientId: event.data.other, unlink: basis });
    case 'RecipientErased':
      return { ...state, erased: latest(state.erased, basis) };
    case 'UserMessaged':
      return keepContact(state, { channel: event.data.channel, sender: event.data.sender, ...basis });
    case 'Unreadable':
      return { ...state, unreadable: latest(state.unreadable, basis) };
  }
}

function basisOf(event: ConsentEvent, origin: Origin): Basis {
  return {
    eventId: origin.eventId,
    type: event.type,
    stream: origin.stream,
    revision: origin.revision,
    occurredAt: event.data.occurredAt,
    recordedAt: origin.recordedAt,
    ...('method' in event.data ? { method: event.data.method } : {}),
    ...('disclosure' in event.data && event.data.disclosure ? { disclosure: event.data.disclosure } : {}),
  };
}

function kindAndRole({ data }: RecipientLinked): { kind: LinkKind; role?: 'old' | 'new' } {
  return data.role === undefined ? { kind: data.kind } : { kind: data.kind, role: data.role };
}

function foldGrant(state: RecipientState, { data }: ConsentGranted, basis: Basis): RecipientState {
  const expiry = data.expiresAt === undefined ? {} : { expiresAt: data.expiresAt };
  let next = state;
  for (const channel of data.channels) {
    for (const purpose of data.purposes) next = keepGrant(next, { channel, purpose, ...expiry, ...basis });
  }
  return next;
}

/** A provider's own stop has a cell of its own, because the provider's resume lifts it and nothing else does. */
function foldRevocation(state: RecipientState, event: ConsentRevoked, basis: Basis): RecipientState {
  const { data } = event;
  const ownStopOf = senderOfProvidersStop(data);
  let next = state;
  for (const channel of data.channels) {
    if (ownStopOf !== undefined && channel !== ALL) {
      next = keepPreference(next, { channel, sender: ownStopOf, stop: basis });
      continue;
    }
    for (const purpose of data.purposes) next = keepRevocation(next, { channel, purpose, ...basis });
    for (const category of data.categories) next = keepRevocation(next, { channel, category, ...basis });
    if (data.method === 'block') next = keepBlock(next, { channel, ...basis });
    if (isAutomaticStop(data.method)) next = keepConfirmation(next, confirmationOf(channel, data.confirmUntil, basis));
  }
  return next;
}

function senderOfProvidersStop({ purposes, categories, method, sender }: ConsentRevoked['data']): string | undefined {
  const marketingAlone = purposes.length === 0 && categories.length === 1 && categories[0] === 'marketing';
  return method === 'provider_preference' && marketingAlone ? sender : undefined;
}

function confirmationOf(channel: Channel | All, until: Instant | undefined, basis: Basis) {
  const granted = until === undefined || channel === ALL ? {} : { confirmation: { until, ...basis } };
  return { channel, stoppedAt: basis.occurredAt, ...granted };
}
