import {
  ALL,
  CATEGORIES,
  CHANNELS,
  ID_PATTERN,
  REVOCATION_METHODS,
  defaultScopeOf,
  earliestOf,
  isOneOf,
  readClaimedTime,
  type All,
  type Category,
  type Channel,
  type ClaimedTime,
  type RevocationMethod,
} from '#consent';
import { MOST_JSON_FAULTS, fieldPath, type FieldError } from '#platform';
import type { Warning } from '../commands/answer.js';

/** A revocation as it is understood, whatever was sent: everything but the person can be broken. */
export interface ReadRevocation {
  readonly channels: readonly Channel[] | readonly [All];
  readonly purposes: readonly string[];
  readonly categories: readonly Category[] | readonly [All];
  readonly method: RevocationMethod;
  readonly claimed: ClaimedTime;
  readonly claimedText: string | undefined;
  readonly reason: string | undefined;
  readonly warnings: readonly Warning[];
}

const FIELDS: readonly string[] = ['recipient', 'channels', 'purposes', 'categories', 'method', 'reason', 'occurredAt'];
const MAX_REASON = 2_000;
const MAX_ITEMS = 200;
const MAX_UNKNOWN = 20;

/**
 * Reads the optional fields of a revocation. What cannot be understood widens its own dimension to everything and never
 * narrows another, and a warning names it. `faults` are the fields that the JSON itself left in doubt (duplicate keys);
 * where there are so many that the search for them ended early, every field is in doubt.
 */
export function readRevocation(body: Readonly<Record<string, unknown>>, faults: readonly FieldError[]): ReadRevocation {
  const warnings = faultWarnings(body, faults, FIELDS);
  const doubtful = new Set(faults.length < MOST_JSON_FAULTS ? faults.map(({ field }) => rootOf(field)) : FIELDS);
  const field = (name: string) => (doubtful.has(name) ? IN_DOUBT : (body[name] ?? undefined));
  const method = readMethod(field('method'), warnings);
  const { channels, purposes, categories } = readScope(field, method, warnings);
  const { claimed, claimedText } = readTime(field('occurredAt'), warnings);
  const reason = readReason(field('reason'), warnings);
  return { channels, purposes, categories, method, claimed, claimedText, reason, warnings };
}

/** Stands for a value that the JSON gives twice: no reader understands it. */
const IN_DOUBT = Symbol('in doubt');

/** What the JSON left in doubt, and the fields that the request does not have. */
export function faultWarnings(
  body: Readonly<Record<string, unknown>>,
  faults: readonly FieldError[],
  known: readonly string[],
): Warning[] {
  return [...faults.map(({ field, message }) => ({ field, message })), ...ignoredWarnings(body, known)];
}

/** The fields of an object, itself found at `parent`, that nobody reads. */
export function ignoredWarnings(body: object, known: readonly string[], parent = ''): readonly Warning[] {
  const unknown = Object.keys(body).filter((name) => !known.includes(name));
  const names = new Set(unknown.slice(0, MAX_UNKNOWN).map((name) => fieldPath(parent, name)));
  return [...names].map((field) => ({ field, message: 'The request has no such field: it was ignored.' }));
}

function rootOf(path: string): string {
  return /^[^.[]*/.exec(path)?.[0] ?? path;
}

function readMethod(value: unknown, warnings: Warning[]): RevocationMethod {
  if (isOneOf(REVOCATION_METHODS, value)) return value;
  if (value !== undefined) warnings.push({ field: 'method', message: 'Not a known method: recorded as "api".' });
  return 'api';
}

type Field = (name: string) => unknown;

function readScope(field: Field, method: RevocationMethod, warnings: Warning[]) {
  const implied = defaultScopeOf(method, undefined);
  const channels = readList<Channel>(field('channels'), (item) => isOneOf(CHANNELS, item));
  const purposes = readList<string>(field('purposes'), (item) => typeof item === 'string' && isPurposeId(item));
  const categories = readList<Category>(field('categories'), (item) => isOneOf(CATEGORIES, item));
  for (const [name, list] of Object.entries({ channels, purposes, categories })) {
    if (list === 'unclear') warnings.push({ field: name, message: `Not understood: recorded for all ${name}.` });
  }
  return {
    channels: scopeOf(channels, implied.channels),
    ...purposesAndCategories(purposes, categories, implied.categories),
  };
}

/** A purpose need not be registered, but a long run of digits is rather a number that landed in the wrong field. */
function isPurposeId(item: string): boolean {
  return ID_PATTERN.test(item) && !/\d{7}/.test(item);
}

type ReadList<T extends string> = readonly T[] | 'absent' | 'all' | 'unclear';

function readList<T extends string>(value: unknown, fits: (item: unknown) => boolean): ReadList<T> {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'absent';
  if (!Array.isArray(value) || value.length > MAX_ITEMS) return 'unclear';
  if (value.includes(ALL)) return 'all';
  return value.every(fits) ? ([...new Set(value)] as T[]) : 'unclear';
}

function scopeOf<T extends string>(
  list: ReadList<T>,
  implied: readonly T[] | readonly [All],
): readonly T[] | readonly [All] {
  if (list === 'absent') return implied;
  return list === 'all' || list === 'unclear' ? [ALL] : list;
}

/** Where neither is given the method says what is meant; every purpose, also of the future, is the category `*`. */
function purposesAndCategories(
  purposes: ReadList<string>,
  categories: ReadList<Category>,
  implied: readonly Category[] | readonly [All],
): { purposes: readonly string[]; categories: readonly Category[] | readonly [All] } {
  const everything = [purposes, categories].some((list) => list === 'all' || list === 'unclear');
  if (everything) return { purposes: [], categories: [ALL] };
  if (purposes === 'absent' && categories === 'absent') return { purposes: [], categories: implied };
  return {
    purposes: typeof purposes === 'string' ? [] : purposes,
    categories: typeof categories === 'string' ? [] : categories,
  };
}

/** Nobody opted out of messages before: an unset time, or seconds read as milliseconds, would lose to every grant. */
const EARLIEST = '2000-01-01T00:00:00.000Z';

/** Whether it lies ahead is judged by the command, so that a retry is told the same as the first time. */
function readTime(value: unknown, warnings: Warning[]): { claimed: ClaimedTime; claimedText?: string } {
  const claimed = readClaimedTime(value);
  if (claimed.precision === 'unreadable' || (earliestOf(claimed) ?? EARLIEST) < EARLIEST) {
    warnings.push({
      field: 'occurredAt',
      message: 'Not a date with an offset, nor a day, since 2000: counted as now.',
    });
    return { claimed: { precision: 'unreadable' } };
  }
  return typeof value === 'string' ? { claimed, claimedText: value } : { claimed };
}

function readReason(value: unknown, warnings: Warning[]): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') {
    warnings.push({ field: 'reason', message: 'Not a text: the reason was not kept.' });
    return undefined;
  }
  if (value.length > MAX_REASON) warnings.push({ field: 'reason', message: `Cut after ${MAX_REASON} characters.` });
  return value.slice(0, MAX_REASON);
}
