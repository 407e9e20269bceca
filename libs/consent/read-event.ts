import { PROVIDERS, type BusinessEvent } from './business.js';
import type { ConsentEvent } from './consent.js';
import { isInstant, type Instant } from './instant.js';
import {
  ALL,
  CATEGORIES,
  CHANNELS,
  GRANT_METHODS,
  LINK_KINDS,
  MESSAGE_KINDS,
  REQUIREMENTS,
  REVOCATION_METHODS,
  isOneOf,
} from './vocabulary.js';

/** The newest shape of event data that this version writes and reads. */
export const EVENT_SCHEMA = 1;

type Data = Readonly<Record<string, unknown>>;
type Check = (data: Data) => boolean;

const isString = (value: unknown): value is string => typeof value === 'string';
const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every(isString);
const isObject = (value: unknown): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const optional = (value: unknown, check: (value: unknown) => boolean) => value === undefined || check(value);
const everyOf = (list: readonly string[], value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => isOneOf(list, item));
const allOrEveryOf = (list: readonly string[], value: unknown): value is string[] =>
  everyOf(list, value) || (Array.isArray(value) && value.length === 1 && value[0] === ALL);
const isDisclosure = (value: unknown) => isObject(value) && isString(value.id) && Number.isInteger(value.version);
const isRole = (value: unknown) => value === 'old' || value === 'new';

/** What each type must hold to be understood; anything else makes its recipient unreadable, never silently allowed. */
const CONSENT_CHECKS: Readonly<Record<Exclude<ConsentEvent['type'], 'Unreadable'>, Check>> = {
  ConsentGranted: (data) =>
    everyOf(CHANNELS, data.channels) &&
    isStrings(data.purposes) &&
    isOneOf(GRANT_METHODS, data.method) &&
    optional(data.disclosure, isDisclosure) &&
    optional(data.expiresAt, isInstant),
  ConsentRevoked: (data) =>
    stopsSomething(data) &&
    isOneOf(REVOCATION_METHODS, data.method) &&
    optional(data.sender, isString) &&
    optional(data.confirmUntil, isInstant),
  PreferenceResumed: (data) => isOneOf(CHANNELS, data.channel) && isString(data.sender),
  RecipientLinked: (data) => isString(data.other) && isOneOf(LINK_KINDS, data.kind) && optional(data.role, isRole),
  RecipientUnlinked: (data) => isString(data.other),
  RecipientErased: () => true,
  UserMessaged: (data) => isOneOf(CHANNELS, data.channel) && isString(data.sender) && isOneOf(MESSAGE_KINDS, data.kind),
};

/** A no that names no channel, or nothing on it, would be a no that stops nothing: that is not what anybody said. */
function stopsSomething({ channels, purposes, categories }: Data): boolean {
  if (!allOrEveryOf(CHANNELS, channels) || !isStrings(purposes) || !allOrEveryOf(CATEGORIES, categories)) return false;
  return channels.length > 0 && purposes.length + categories.length > 0;
}

/**
 * Reads a recipient's stored event. A type, value or schema that this version does not know becomes `Unreadable`,
 * dated `recordedAt`: it denies its own recipient, and the follower goes on with the others.
 */
export function readConsentEvent(type: string, data: unknown, schema: unknown, recordedAt: Instant): ConsentEvent {
  const facts = isObject(data) ? data : {};
  const check = Object.hasOwn(CONSENT_CHECKS, type) ? CONSENT_CHECKS[type as keyof typeof CONSENT_CHECKS] : undefined;
  const understood = schema === EVENT_SCHEMA && isString(facts.businessId) && isInstant(facts.occurredAt);
  if (understood && check?.(facts)) {
    return notAhead({ type, data: facts } as unknown as ConsentEvent, recordedAt);
  }
  const businessId = isString(facts.businessId) ? { businessId: facts.businessId } : {};
  return { type: 'Unreadable', data: { ...businessId, occurredAt: recordedAt, storedType: type } };
}

/**
 * Nothing counts later than when the ledger heard of it, or a grant dated 2099 would outlive every no. A no alone may:
 * it is dated after all that the person's streams held, whatever the clock said then.
 */
function notAhead(event: ConsentEvent, recordedAt: Instant): ConsentEvent {
  const isNo = event.type === 'ConsentRevoked' || event.type === 'RecipientErased';
  if (isNo || event.data.occurredAt <= recordedAt) return event;
  return { ...event, data: { ...event.data, occurredAt: recordedAt } } as ConsentEvent;
}

/** What a decision relies on in each event of a register. */
const BUSINESS_CHECKS: Readonly<Record<BusinessEvent['type'], Check>> = {
  BusinessRegistered: (data) => isString(data.legalName) && isString(data.displayName),
  PolicySet: (data) => isObject(data.policy),
  PurposeRegistered: (data) =>
    isString(data.purposeId) && isOneOf(CATEGORIES, data.category) && isOneOf(REQUIREMENTS, data.requires),
  PurposeRetired: (data) => isString(data.purposeId),
  DisclosurePublished: (data) =>
    isString(data.disclosureId) &&
    Number.isInteger(data.version) &&
    everyOf(CHANNELS, data.channels) &&
    isStrings(data.purposes),
  DisclosureRetired: (data) => isString(data.disclosureId),
  SenderRegistered: (data) =>
    isString(data.senderId) && isOneOf(CHANNELS, data.channel) && isOneOf(PROVIDERS, data.provider),
  SenderRetired: (data) => isString(data.senderId),
};

/** Reads an event of a business's register; undefined where this version does not understand it. */
export function readBusinessEvent(type: string, data: unknown, schema: unknown): BusinessEvent | undefined {
  if (schema !== EVENT_SCHEMA || !isObject(data) || !isString(data.businessId)) return undefined;
  const check = Object.hasOwn(BUSINESS_CHECKS, type)
    ? BUSINESS_CHECKS[type as keyof typeof BUSINESS_CHECKS]
    : undefined;
  return check?.(data) ? ({ type, data } as unknown as BusinessEvent) : undefined;
}
