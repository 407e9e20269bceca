/**
 * An instant in ISO-8601, UTC, with exactly three decimals: `2026-11-24T21:57:14.000Z`.
 * The fixed width makes the order of the strings the order of time, so instants are compared with `<` and `>`.
 */
export type Instant = string;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const DAYS_MAX = 10_000;
/**
 * Days already written out. What is written at one time clusters in few days, and writing a whole date out anew costs ten
 * times a look-up; the bound only guards against a ledger that spans centuries.
 */
const dayTexts = new Map<number, string>();

const twoDigits = (n: number): string => String(n).padStart(2, '0');
const MINUTES = Array.from({ length: 1_440 }, (_, n) => `T${twoDigits(Math.floor(n / 60))}:${twoDigits(n % 60)}:`);
const SECONDS = Array.from({ length: 60 }, (_, n) => twoDigits(n));
const MILLISECONDS = Array.from({ length: 1_000 }, (_, n) => `.${String(n).padStart(3, '0')}Z`);

/** The text of `Date.prototype.toISOString`; throws `RangeError` likewise where there is no such instant. */
export function instantOf(epochMs: number): Instant {
  if (!Number.isInteger(epochMs) || epochMs < 0 || epochMs > LATEST_MS) return new Date(epochMs).toISOString();
  const day = Math.floor(epochMs / DAY_MS);
  const ofDay = epochMs - day * DAY_MS;
  const minute = Math.floor(ofDay / MINUTE_MS);
  const ofMinute = ofDay - minute * MINUTE_MS;
  const second = Math.floor(ofMinute / SECOND_MS);
  return `${dayText(day)}${MINUTES[minute]}${SECONDS[second]}${MILLISECONDS[ofMinute - second * SECOND_MS]}`;
}

function dayText(day: number): string {
  const known = dayTexts.get(day);
  if (known !== undefined) return known;
  if (dayTexts.size >= DAYS_MAX) dayTexts.clear();
  const text = new Date(day * DAY_MS).toISOString().slice(0, 10);
  dayTexts.set(day, text);
  return text;
}

export function epochMsOf(instant: Instant): number {
  return Date.parse(instant);
}

/** Later by so many milliseconds, held inside the four-digit years in which the order of strings is that of time. */
export function addMs(instant: Instant, ms: number): Instant {
  return instantOf(Math.min(Math.max(epochMsOf(instant) + ms, 0), LATEST_MS));
}

const INSTANT_PATTERN = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** The days that every month has; only past them must the calendar be asked. */
const DAYS_OF_EVERY_MONTH = 28;

/** Whether a value is an instant in exactly our form, so that neither 30 February nor 24 o'clock upsets the order. */
export function isInstant(value: unknown): value is Instant {
  if (typeof value !== 'string' || !INSTANT_PATTERN.test(value)) return false;
  return dayOf(value) <= DAYS_OF_EVERY_MONTH || isCalendarDay(value.slice(0, 10));
}

/** `addMs(instant, DAY_MS)`, without reading a date where the day was asked about before: every check may ask for it. */
export function oneDayAfter(instant: Instant): Instant {
  if (instant >= LAST_DAY) return addMs(instant, DAY_MS);
  const day = instant.slice(0, 10);
  if (day !== lastAsked.day) lastAsked = { day, next: addMs(`${day}T00:00:00.000Z`, DAY_MS).slice(0, 10) };
  return lastAsked.next + instant.slice(10);
}

const LAST_DAY = '9999-12-31';
/** Contacts of those who are asked about are mostly of the same day. */
let lastAsked = { day: '', next: '' };

function dayOf(instant: Instant): number {
  return Number(instant.slice(8, 10));
}

export function latestOf(first: Instant, ...others: (Instant | undefined)[]): Instant {
  return others.reduce<Instant>((latest, other) => (other !== undefined && other > latest ? other : latest), first);
}

/**
 * What a source said about when the person acted: a time of day, to the second (WhatsApp's webhooks), to the day
 * (`2026-03-01`), nothing, or something that is not a time. `at` is the first instant that it can mean; a time of day
 * written with fewer than three decimals, or without seconds, may mean an instant up to `withinMs` later.
 */
export type ClaimedTime =
  | { readonly precision: 'instant'; readonly at: Instant; readonly withinMs?: number }
  | { readonly precision: 'second'; readonly at: Instant }
  | { readonly precision: 'day'; readonly at: Instant }
  | { readonly precision: 'none' }
  | { readonly precision: 'unreadable' };

/** The earliest instant that the claim can mean; a day begins first at UTC+14. Undefined where nothing was claimed. */
export function earliestOf(claim: ClaimedTime): Instant | undefined {
  switch (claim.precision) {
    case 'instant':
    case 'second':
      return claim.at;
    case 'day':
      return addMs(claim.at, -14 * HOUR_MS);
    case 'none':
    case 'unreadable':
      return undefined;
  }
}

/** The latest instant that the claim can mean; a day ends last at UTC−12. Undefined where nothing was claimed. */
export function latestMeaningOf(claim: ClaimedTime): Instant | undefined {
  switch (claim.precision) {
    case 'instant':
      return claim.withinMs === undefined ? claim.at : addMs(claim.at, claim.withinMs);
    case 'second':
      return addMs(claim.at, SECOND_MS - 1);
    case 'day':
      return addMs(claim.at, DAY_MS + 12 * HOUR_MS - 1);
    case 'none':
    case 'unreadable':
      return undefined;
  }
}

/** What the source said is kept only where the ledger counts another time. */
export function claimedUnless(
  occurredAt: Instant,
  { claimedText }: { readonly claimedText?: string | undefined },
): { claimedAt?: string } {
  return claimedText === undefined || claimedText === occurredAt ? {} : { claimedAt: claimedText };
}

const DAY_PATTERN = /^\d{4}-\d\d-\d\d$/;
const OFFSET_PATTERN = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/**
 * Reads a time as a caller wrote it: ISO-8601 with an offset, or a day alone. Without an offset a time of day names no
 * instant, so it is unreadable rather than guessed. A 29 February of a common year is unreadable too, not 1 March.
 */
export function readClaimedTime(value: unknown): ClaimedTime {
  if (value === undefined || value === null) return { precision: 'none' };
  if (typeof value !== 'string' || !isCalendarDay(value.slice(0, 10))) return { precision: 'unreadable' };
  if (DAY_PATTERN.test(value)) return { precision: 'day', at: `${value}T00:00:00.000Z` };
  const [matched, seconds, fraction] = OFFSET_PATTERN.exec(value) ?? [];
  const epochMs = matched === undefined ? Number.NaN : Date.parse(value);
  if (!(epochMs >= 0 && epochMs <= LATEST_MS)) return { precision: 'unreadable' };
  const at = instantOf(epochMs);
  const withinMs = seconds === undefined ? MINUTE_MS - 1 : unsaidMs(fraction?.slice(1) ?? '');
  return withinMs > 0 ? { precision: 'instant', at, withinMs } : { precision: 'instant', at };
}

/** How much later an instant may lie than its decimals say: `.5` leaves 99 milliseconds open, three decimals none. */
function unsaidMs(decimals: string): number {
  return decimals.length < 3 ? SECOND_MS / 10 ** decimals.length - 1 : 0;
}

const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;
const FEBRUARY = 2;

/** By the Gregorian calendar, from 1970 on. Making a date of it costs more than reading the rest of an event. */
function isCalendarDay(text: string): boolean {
  if (!DAY_PATTERN.test(text)) return false;
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8))];
  const leapDay = month === FEBRUARY && isLeapYear(year) ? 1 : 0;
  return year >= 1970 && day >= 1 && day <= (DAYS_IN_MONTH[month - 1] ?? 0) + leapDay;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}
