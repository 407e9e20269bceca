import { DAY_MS, instantOf, type Instant } from '#consent';

/** An instant as epoch milliseconds; as it was written where that would lose something (a 30 February, say). */
export type PackedInstant = number | string;

/** Days already read: rows of one view cluster in few of them. The bound only guards against a ledger of centuries. */
const dayNumbers = new Map<string, number>();
const MAX_DAYS = 10_000;

export function packInstant(instant: Instant): PackedInstant {
  const ofDay = millisecondOfDay(instant);
  if (Number.isNaN(ofDay)) return instant;
  const epochMs = dayNumber(instant.slice(0, 10)) * DAY_MS + ofDay;
  return Number.isNaN(epochMs) ? instant : epochMs;
}

const INSTANT_LENGTH = 24;

/** Not a number where what follows the date is not written as `unpackInstant` writes it. */
function millisecondOfDay(instant: Instant): number {
  const [hour, minute] = [numberAt(instant, 11, 2), numberAt(instant, 14, 2)];
  const [second, millisecond] = [numberAt(instant, 17, 2), numberAt(instant, 20, 3)];
  const isWritten = instant.length === INSTANT_LENGTH && hour < 24 && minute < 60 && second < 60;
  return isWritten && hasMarks(instant) ? ((hour * 60 + minute) * 60 + second) * 1_000 + millisecond : Number.NaN;
}

function hasMarks(instant: Instant): boolean {
  return (
    instant[10] === 'T' && instant[13] === ':' && instant[16] === ':' && instant[19] === '.' && instant[23] === 'Z'
  );
}

const ZERO = '0'.charCodeAt(0);

/** Digit by digit: a text cut out for each number costs more than everything else. Not a number where one is none. */
function numberAt(instant: Instant, from: number, digits: number): number {
  let number = 0;
  for (let at = from; at < from + digits; at += 1) {
    const digit = instant.charCodeAt(at) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}

export function unpackInstant(packed: PackedInstant): Instant {
  return typeof packed === 'string' ? packed : instantOf(packed);
}

/** Not a number where no day is written so. */
function dayNumber(text: string): number {
  const known = dayNumbers.get(text);
  if (known !== undefined) return known;
  if (dayNumbers.size >= MAX_DAYS) dayNumbers.clear();
  const parsed = Math.floor(Date.parse(`${text}T00:00:00.000Z`) / DAY_MS);
  const day = Number.isNaN(parsed) || instantOf(parsed * DAY_MS).slice(0, 10) !== text ? Number.NaN : parsed;
  dayNumbers.set(text, day);
  return day;
}
