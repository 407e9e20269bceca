import {
  BUILT_IN_PURPOSES,
  disclosureOf,
  purposeOf,
  senderOf,
  type BusinessEvent,
  type BusinessProfile,
  type BusinessState,
  type DisclosureVersion,
  type FormerId,
  type Policy,
  type Purpose,
  type Sender,
} from './business.js';
import type { PurposeFact } from './decide.js';
import type { Instant } from './instant.js';
import type { Category, Channel, DisclosureRef, GrantMethod } from './vocabulary.js';

export type RegisterRefusal =
  | 'BUSINESS_NOT_FOUND'
  | 'PURPOSE_NOT_FOUND'
  | 'PURPOSE_RETIRED'
  | 'PURPOSE_CATEGORY_FIXED'
  | 'SENDER_NOT_FOUND'
  | 'DISCLOSURE_NOT_FOUND'
  | 'DISCLOSURE_RETIRED'
  | 'DISCLOSURE_REQUIRED'
  | 'DISCLOSURE_DOES_NOT_COVER';

/** A refusal names what it concerns, so that the caller can be told which field to mend. */
export interface Refused<C extends string = RegisterRefusal> {
  readonly refused: C;
  readonly field: string;
  readonly subject?: string;
}

export type RegisterDecision = { readonly events: readonly BusinessEvent[]; readonly created: boolean } | Refused;

/** Naming no region leaves it as it is: an opt-out by a national number must not lose its way through an omission. */
export function registerBusiness(
  state: BusinessState,
  businessId: string,
  { defaultRegion = state.profile?.defaultRegion, ...names }: BusinessProfile,
  policy: Policy | undefined,
): RegisterDecision {
  const profile = { ...names, ...(defaultRegion === undefined ? {} : { defaultRegion }) };
  const events: BusinessEvent[] = [];
  if (!sameValue(state.profile, profile)) events.push({ type: 'BusinessRegistered', data: { businessId, ...profile } });
  if (policy && !sameValue(state.policy, policy)) events.push({ type: 'PolicySet', data: { businessId, policy } });
  return { events, created: state.profile === undefined };
}

/** An id keeps its category for ever, also when retired: a standing consent must not come to mean something else. */
export function registerPurpose(state: BusinessState, businessId: string, purpose: Purpose): RegisterDecision {
  if (!state.profile) return { refused: 'BUSINESS_NOT_FOUND', field: 'businessId', subject: businessId };
  const known = purposeOf(state, purpose.purposeId);
  if (known && known.category !== purpose.category) {
    return { refused: 'PURPOSE_CATEGORY_FIXED', field: 'category', subject: known.category };
  }
  const builtIn = BUILT_IN_PURPOSES.some(({ purposeId }) => purposeId === purpose.purposeId);
  if (builtIn || sameValue(known, purpose)) return { events: [], created: false };
  return { events: [{ type: 'PurposeRegistered', data: { businessId, ...purpose } }], created: known === undefined };
}

export function retirePurpose(state: BusinessState, businessId: string, purposeId: string): RegisterDecision {
  const known = state.purposes.find((purpose) => purpose.purposeId === purposeId);
  if (!known) return { refused: 'PURPOSE_NOT_FOUND', field: 'purposeId', subject: purposeId };
  return { events: known.retired ? [] : [{ type: 'PurposeRetired', data: { businessId, purposeId } }], created: false };
}

export function publishDisclosure(
  state: BusinessState,
  businessId: string,
  draft: Omit<DisclosureVersion, 'version'>,
): RegisterDecision {
  if (!state.profile) return { refused: 'BUSINESS_NOT_FOUND', field: 'businessId', subject: businessId };
  const unknown = draft.purposes.find((purposeId) => !purposeOf(state, purposeId));
  if (unknown !== undefined) return { refused: 'PURPOSE_NOT_FOUND', field: 'purposes', subject: unknown };
  const version = nextVersion(state, draft.disclosureId);
  return { events: [{ type: 'DisclosurePublished', data: { businessId, ...draft, version } }], created: true };
}

export function nextVersion(state: BusinessState, disclosureId: string): number {
  const versions = state.disclosures.filter((one) => one.disclosureId === disclosureId).map((one) => one.version);
  return Math.max(0, ...versions) + 1;
}

/** A sender as its owner describes it; what it is bound to is kept here. */
export type SenderDraft = Omit<Sender, 'boundAt' | 'formerIds' | 'retired'>;

/** Naming no provider id leaves the binding as it is: an opt-out must not lose its way through an omission. */
export function registerSender(
  state: BusinessState,
  businessId: string,
  draft: SenderDraft,
  now: Instant,
): RegisterDecision {
  if (!state.profile) return { refused: 'BUSINESS_NOT_FOUND', field: 'businessId', subject: businessId };
  const known = senderOf(state, draft.senderId);
  const sender: Sender = { ...draft, ...bindingOf(known, draft, now) };
  if (sameValue(known, sender)) return { events: [], created: false };
  return { events: [{ type: 'SenderRegistered', data: { businessId, ...sender } }], created: known === undefined };
}

/** A sender that was retired has given its id up, and may find it bound to another business: it is named anew. */
function bindingOf(known: Sender | undefined, { provider, providerId }: SenderDraft, now: Instant) {
  const standing = known?.provider === provider && !known.retired ? known : undefined;
  const current = providerId ?? standing?.providerId;
  const stays = standing?.providerId === current;
  const formerIds = formerIdsOf(known).filter((one) => one.provider !== provider || one.providerId !== current);
  return {
    ...(current === undefined ? {} : { providerId: current, boundAt: (stays && standing?.boundAt) || now }),
    ...(formerIds.length === 0 ? {} : { formerIds }),
  };
}

function formerIdsOf(known: Sender | undefined): readonly FormerId[] {
  const { provider, providerId, boundAt, formerIds = [] } = known ?? {};
  if (provider === undefined || providerId === undefined || boundAt === undefined) return formerIds;
  return [...formerIds, { provider, providerId, boundAt }];
}

export function retireSender(state: BusinessState, businessId: string, senderId: string): RegisterDecision {
  const known = senderOf(state, senderId);
  if (!known) return { refused: 'SENDER_NOT_FOUND', field: 'senderId', subject: senderId };
  return { events: known.retired ? [] : [{ type: 'SenderRetired', data: { businessId, senderId } }], created: false };
}

export interface GrantScope {
  readonly channels: readonly Channel[];
  readonly purposes?: readonly string[];
  readonly categories?: readonly Category[];
  readonly method: GrantMethod;
  readonly disclosure?: DisclosureRef;
}

/** An import is flagged instead, and a provider's own opt-in is shown by the provider, so neither cites our wording. */
const WITHOUT_DISCLOSURE: readonly GrantMethod[] = ['import', 'in_app_signup'];

/** Which registered purposes a grant names, once the register has agreed that its disclosure covers them. */
export function purposesOfGrant(state: BusinessState, scope: GrantScope): readonly PurposeFact[] | Refused {
  const disclosure = scope.disclosure && disclosureOf(state, scope.disclosure.id, scope.disclosure.version);
  if (scope.disclosure && !disclosure) {
    return { refused: 'DISCLOSURE_NOT_FOUND', field: 'disclosure', subject: scope.disclosure.id };
  }
  if (disclosure?.retired)
    return { refused: 'DISCLOSURE_RETIRED', field: 'disclosure', subject: disclosure.disclosureId };
  const purposes = scope.purposes ?? expand(state, scope.categories ?? [], disclosure);
  const facts = findPurposes(state, purposes);
  if ('refused' in facts) return facts;
  if (!disclosure) return withoutDisclosure(scope, facts);
  const covered =
    facts.length > 0 &&
    facts.every(({ id }) => disclosure.purposes.includes(id)) &&
    scope.channels.every((channel) => disclosure.channels.includes(channel));
  return covered
    ? facts
    : { refused: 'DISCLOSURE_DOES_NOT_COVER', field: 'disclosure', subject: disclosure.disclosureId };
}

function withoutDisclosure(scope: GrantScope, facts: readonly PurposeFact[]): readonly PurposeFact[] | Refused {
  const allowed = WITHOUT_DISCLOSURE.includes(scope.method) && scope.purposes !== undefined;
  return allowed ? facts : { refused: 'DISCLOSURE_REQUIRED', field: 'disclosure' };
}

/** Consent for a category today is consent for the purposes that the person was shown, never for later ones. */
function expand(state: BusinessState, categories: readonly Category[], disclosure: DisclosureVersion | undefined) {
  return state.purposes
    .filter(({ purposeId, category, retired }) => {
      return !retired && categories.includes(category) && disclosure?.purposes.includes(purposeId) === true;
    })
    .map(({ purposeId }) => purposeId);
}

function findPurposes(state: BusinessState, purposes: readonly string[]): readonly PurposeFact[] | Refused {
  const facts: PurposeFact[] = [];
  for (const purposeId of purposes) {
    const known = state.purposes.find((purpose) => purpose.purposeId === purposeId);
    if (!known) return { refused: 'PURPOSE_NOT_FOUND', field: 'purposes', subject: purposeId };
    if (known.retired) return { refused: 'PURPOSE_RETIRED', field: 'purposes', subject: purposeId };
    facts.push({ id: purposeId, category: known.category });
  }
  return facts;
}

/** Structural equality of plain data, whatever the order of its keys. */
function sameValue(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  const [a, b] = [Object.entries(one), new Map(Object.entries(other))];
  return a.length === b.size && a.every(([key, value]) => b.has(key) && sameValue(value, b.get(key)));
}
