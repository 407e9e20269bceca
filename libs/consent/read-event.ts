import type { ConsentEvent } from './consent.js';
import type { BusinessEvent } from './business.js';
import { isInstant, type Instant } from './instant.js';
import {
  ALL,
  CATEGORIES,
  CHANNELS,
  GRANT_METHODS,
  LINK_KINDS,
  MESSAGE_KINDS,
  REVOCATION_METHODS,
  isOneOf,
} from './vocabulary.js';

/** The newest shape of event data that this version writes and reads. */
export const EVENT_SCHEMA = 1;

type Data = Readonly<Record<string, unknown>>;
type Check = (data: Data) => boolean;

const isString = (value: unknown): value is string => typeof value === 'string';
const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every(isString);
const optional = (value: unknown, check: (value: unknown) => boolean) => value === undefined || check(value);
const everyOf = (list: readonly string[], value: unknown) =>
  Array.isArray(value) && value.every((item) => isOneOf(list, item));
const allOrEveryOf = (list: readonly string[], value: unknown) =>
  everyOf(list, value) || (Array.isArray(value) && value.length === 1 && value[0] === ALL);
const isDisclosure = (value: unknown) => {
  const { id, version } = (value ?? {}) as Data;
  return isString(id) && Number.isInteger(version);
};

/** What each type must hold to be understood; anything else makes its recipient unreadable, never silently allowed. */
const CHECKS: Readonly<Record<Exclude<ConsentEvent['type'], 'Unreadable'>, Check>> = {
  ConsentGranted: (data) =>
    everyOf(CHANNELS, data.channels) &&
    isStrings(data.purposes) &&
    isOneOf(GRANT_METHODS, data.method) &&
    optional(data.disclosure, isDisclosure) &&
    optional(data.expiresAt, isInstant),
  ConsentRevoked: (data) =>
    allOrEveryOf(CHANNELS, data.channels) &&
    isStrings(data.purposes) &&
    allOrEveryOf(CATEGORIES, data.categories) &&
    isOneOf(REVOCATION_METHODS, data.method) &&
    optional(data.sender, isString) &&
    optional(data.confirmUntil, isInstant),
  PreferenceResumed: (data) => isOneOf(CHANNELS, data.channel) && isString(data.sender),
  RecipientLinked: (data) =>
    isString(data.other) &&
    isOneOf(LINK_KINDS, data.kind) &&
    optional(data.role, (role) => role === 'old' || role === 'new'),
  RecipientUnlinked: (data) => isString(data.other),
  RecipientErased: () => true,
  UserMessaged: (data) => isOneOf(CHANNELS, data.channel) && isString(data.sender) && isOneOf(MESSAGE_KINDS, data.kind),
};

/**
 * Reads a recipient's stored event. A type, value or schema that this version does not know becomes `Unreadable`,
 * dated `recordedAt`: it denies its own recipient, and the follower goes on with the others.
 */
export function readConsentEvent(type: string, data: unknown, schema: unknown, recordedAt: Instant): ConsentEvent {
  const facts = (typeof data === 'object' && data !== null ? data : {}) as Data;
  const check = Object.hasOwn(CHECKS, type) ? CHECKS[type as keyof typeof CHECKS] : undefined;
  const understood = schema === EVENT_SCHEMA && isString(facts.businessId) && isInstant(facts.occurredAt);
  if (understood && check?.(facts)) return { type, data: facts } as unknown as ConsentEvent;
  const businessId = isString(facts.businessId) ? { businessId: facts.businessId } : {};
  return { type: 'Unreadable', data: { ...businessId, occurredAt: recordedAt, storedType: type } };
}

const BUSINESS_TYPES: readonly string[] = [
  'BusinessRegistered',
  'PolicySet',
  'PurposeRegistered',
  'PurposeRetired',
  'DisclosurePublished',
  'DisclosureRetired',
  'SenderRegistered',
  'SenderRetired',
] satisfies readonly BusinessEvent['type'][];

/** Reads an event of a business's register; undefined where this version does not know its type or schema. */
export function readBusinessEvent(type: string, data: unknown, schema: unknown): BusinessEvent | undefined {
  const readable =
    schema === EVENT_SCHEMA && BUSINESS_TYPES.includes(type) && typeof data === 'object' && data !== null;
  return readable ? ({ type, data } as BusinessEvent) : undefined;
}
