import { CONFIRMATION_PURPOSE, SERVICE_PURPOSE, type Category, type Channel, type Requirement } from './vocabulary.js';
import type { Instant } from './instant.js';

export const PROVIDERS = ['whatsapp_cloud', 'esendex', 'twilio', 'other'] as const;
export type Provider = (typeof PROVIDERS)[number];

export interface Purpose {
  readonly purposeId: string;
  readonly category: Category;
  readonly title: string;
  readonly requires: Requirement;
  readonly retired?: true;
}

export interface Sender {
  readonly senderId: string;
  readonly channel: Channel;
  readonly provider: Provider;
  readonly address: string;
  /** The provider's own id of the sender, e.g. WhatsApp's `phone_number_id`: deliveries are routed by it. */
  readonly providerId?: string;
  /** When the provider's id was bound: of two businesses that both gave it up, the later still hears its opt-outs. */
  readonly boundAt?: Instant;
  /** Ids that the sender had before: people may still answer to them, so their opt-outs still come here. */
  readonly formerIds?: readonly FormerId[];
  readonly retired?: true;
}

export interface FormerId {
  readonly provider: Provider;
  readonly providerId: string;
  readonly boundAt: Instant;
}

export interface DisclosureVersion {
  readonly disclosureId: string;
  readonly version: number;
  readonly text: string;
  readonly locale: string;
  readonly channels: readonly Channel[];
  readonly purposes: readonly string[];
  readonly frequency?: string;
  readonly quickReplyExpected?: boolean;
  readonly optOut?: string;
  readonly sha256: string;
  readonly publishedAt: Instant;
  readonly retired?: true;
}

export interface BusinessProfile {
  readonly legalName: string;
  readonly displayName: string;
  /** ISO 3166 country in which a phone number without country code is read. */
  readonly defaultRegion?: string;
}

/** Settings of a business that later rules read; kept as given. */
export type Policy = Readonly<Record<string, string | number | boolean>>;

export type BusinessEvent =
  | { readonly type: 'BusinessRegistered'; readonly data: BusinessProfile & { readonly businessId: string } }
  | { readonly type: 'PolicySet'; readonly data: { readonly businessId: string; readonly policy: Policy } }
  | { readonly type: 'PurposeRegistered'; readonly data: { readonly businessId: string } & Purpose }
  | { readonly type: 'PurposeRetired'; readonly data: { readonly businessId: string; readonly purposeId: string } }
  | { readonly type: 'DisclosurePublished'; readonly data: { readonly businessId: string } & DisclosureVersion }
  | {
      readonly type: 'DisclosureRetired';
      readonly data: { readonly businessId: string; readonly disclosureId: string };
    }
  | { readonly type: 'SenderRegistered'; readonly data: { readonly businessId: string } & Sender }
  | { readonly type: 'SenderRetired'; readonly data: { readonly businessId: string; readonly senderId: string } };

/** A business's register: what its purposes, senders and disclosures are. Folded in stream order. */
export interface BusinessState {
  readonly profile?: BusinessProfile;
  readonly policy: Policy;
  readonly purposes: readonly Purpose[];
  readonly senders: readonly Sender[];
  readonly disclosures: readonly DisclosureVersion[];
  /** Set where the stream holds an event that this version cannot read: the register is then not relied on. */
  readonly unreadable?: true;
}

export const EMPTY_BUSINESS: BusinessState = { policy: {}, purposes: [], senders: [], disclosures: [] };

/** Purposes that every business has. */
export const BUILT_IN_PURPOSES: readonly Purpose[] = [
  { purposeId: SERVICE_PURPOSE, category: 'service', title: 'A reply to the person', requires: 'consent' },
  { purposeId: CONFIRMATION_PURPOSE, category: 'service', title: 'Confirmation of an opt-out', requires: 'consent' },
];

export function evolveBusiness(state: BusinessState, event: BusinessEvent): BusinessState {
  switch (event.type) {
    case 'BusinessRegistered': {
      const { businessId: _id, ...profile } = event.data;
      return { ...state, profile };
    }
    case 'PolicySet':
      return { ...state, policy: event.data.policy };
    case 'PurposeRegistered': {
      const { businessId: _id, ...purpose } = event.data;
      return { ...state, purposes: replace(state.purposes, purpose, (other) => other.purposeId === purpose.purposeId) };
    }
    case 'PurposeRetired':
      return { ...state, purposes: retire(state.purposes, ({ purposeId }) => purposeId === event.data.purposeId) };
    case 'DisclosurePublished': {
      const { businessId: _id, ...version } = event.data;
      const same = (other: DisclosureVersion) =>
        other.disclosureId === version.disclosureId && other.version === version.version;
      return { ...state, disclosures: replace(state.disclosures, version, same) };
    }
    case 'DisclosureRetired': {
      const { disclosureId } = event.data;
      return { ...state, disclosures: retire(state.disclosures, (other) => other.disclosureId === disclosureId) };
    }
    case 'SenderRegistered': {
      const { businessId: _id, ...sender } = event.data;
      return { ...state, senders: replace(state.senders, sender, (other) => other.senderId === sender.senderId) };
    }
    case 'SenderRetired':
      return { ...state, senders: retire(state.senders, ({ senderId }) => senderId === event.data.senderId) };
  }
}

export function purposeOf(state: BusinessState, purposeId: string): Purpose | undefined {
  const isAsked = (purpose: Purpose) => purpose.purposeId === purposeId;
  return BUILT_IN_PURPOSES.find(isAsked) ?? state.purposes.find(isAsked);
}

export function senderOf(state: BusinessState, senderId: string): Sender | undefined {
  return state.senders.find((sender) => sender.senderId === senderId);
}

export function disclosureOf(
  state: BusinessState,
  disclosureId: string,
  version: number,
): DisclosureVersion | undefined {
  return state.disclosures.find((one) => one.disclosureId === disclosureId && one.version === version);
}

function replace<T>(items: readonly T[], item: T, same: (other: T) => boolean): readonly T[] {
  const index = items.findIndex(same);
  return index < 0 ? [...items, item] : items.with(index, item);
}

function retire<T extends { readonly retired?: true }>(
  items: readonly T[],
  matches: (item: T) => boolean,
): readonly T[] {
  return items.map((item) => (matches(item) ? { ...item, retired: true as const } : item));
}
