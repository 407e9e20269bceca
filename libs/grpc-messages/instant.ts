import type { ProtoReader, ProtoWriter } from '#protobuf';

/** The last second of the year 9999, after which an instant has no text in our form. */
const LAST_SECOND = 253_402_300_799;
const NANOS_PER_SECOND = 1_000_000_000;
const NANOS_PER_MS = 1_000_000;

/** What no reader of times takes for one: a Timestamp out of its range, or from before 1970. */
const UNREADABLE_INSTANT = 'unreadable';

/** Whether it is an instant in our form, of a day that exists: `2026-02-31T00:00:00.000Z` is none. */
export function isInstant(text: string): boolean {
  const epochMs = Date.parse(text);
  return epochMs >= 0 && epochMs < (LAST_SECOND + 1) * 1_000 && new Date(epochMs).toISOString() === text;
}

const WITH_OFFSET = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** Whoever calls the service may write an instant with another offset or other decimals. Throws where it is none. */
export function inOurForm(text: string): string {
  if (isInstant(text)) return text;
  const isOfOneDay = WITH_OFFSET.test(text) && isInstant(`${text.slice(0, 10)}T00:00:00.000Z`);
  const ours = isOfOneDay ? new Date(text).toISOString() : '';
  if (!isInstant(ours)) throw new RangeError('an instant is written as 2026-11-24T21:57:14.000Z, or with an offset');
  return ours;
}

/**
 * Writes an instant (`2026-11-24T21:57:14.000Z`, always of this form) as `google.protobuf.Timestamp`. Every decision has
 * several, and a date read from text costs more than the rest of the field.
 */
export function writeInstant(writer: ProtoWriter, field: number, instant: string): void {
  const year = twoDigits(instant, 0) * 100 + twoDigits(instant, 2);
  const days = daysSince1970(year, twoDigits(instant, 5), twoDigits(instant, 8));
  const seconds = (days * 24 + twoDigits(instant, 11)) * 3_600 + twoDigits(instant, 14) * 60 + twoDigits(instant, 17);
  const nanos = (twoDigits(instant, 20) * 10 + digit(instant, 22)) * NANOS_PER_MS;
  const start = writer.open(field);
  if (seconds !== 0) writer.uint(1, seconds);
  if (nanos !== 0) writer.uint(2, nanos);
  writer.close(start);
}

/** The instant as text, with as many decimals as it needs beyond the third. */
export function readInstant(timestamp: ProtoReader): string {
  let [seconds, nanos] = [0, 0];
  while (timestamp.next()) {
    if (timestamp.field === 1) seconds = timestamp.uint();
    else if (timestamp.field === 2) nanos = timestamp.uint();
    else timestamp.skip();
  }
  // A negative number is written as one past all of these.
  if (seconds > LAST_SECOND || nanos >= NANOS_PER_SECOND) return UNREADABLE_INSTANT;
  const text = new Date(seconds * 1_000 + Math.floor(nanos / NANOS_PER_MS)).toISOString();
  return nanos % NANOS_PER_MS === 0 ? text : `${text.slice(0, 20)}${String(nanos).padStart(9, '0')}Z`;
}

function twoDigits(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

const ZERO = 48;

function digit(text: string, at: number): number {
  return text.charCodeAt(at) - ZERO;
}

/** By the calendar that begins its years in March, so that the leap day is the last of them. */
function daysSince1970(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const century = Math.floor(shifted / 100);
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return shifted * 365 + Math.floor(shifted / 4) - century + Math.floor(century / 4) + dayOfYear - 719_468;
}
