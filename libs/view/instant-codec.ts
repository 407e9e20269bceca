import { DAY_MS, instantOf, type Instant } from '#consent';

/** An instant as epoch milliseconds; as it was written where that would lose something (a 30 February, say). */
export type PackedInstant = number | string;

/**
 * Days already written out. Rows of one view cluster in few days, and writing a whole date out anew costs ten times a
 * look-up; the bound only guards against a ledger that spans centuries.
 */
const dayTexts = new Map<number, string>();
const dayNumbers = new Map<string, number>();
const MAX_DAYS = 10_000;

const twoDigits = (n: number): string => String(n).padStart(2, '0');
const MINUTES = Array.from({ length: 1_440 }, (_, n) => `T${twoDigits(Math.floor(n / 60))}:${twoDigits(n % 60)}:`);
const SECONDS = Array.from({ length: 60 }, (_, n) => twoDigits(n));
const MILLISECONDS = Array.from({ length: 1_000 }, (_, n) => `.${String(n).padStart(3, '0')}Z`);

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
  if (typeof packed === 'string') return packed;
  const day = Math.floor(packed / DAY_MS);
  const ofDay = packed - day * DAY_MS;
  const minute = Math.floor(ofDay / 60_000);
  const ofMinute = ofDay - minute * 60_000;
  const second = Math.floor(ofMinute / 1_000);
  return `${dayText(day)}${MINUTES[minute]}${SECONDS[second]}${MILLISECONDS[ofMinute - second * 1_000]}`;
}

function dayText(day: number): string {
  const known = dayTexts.get(day);
  if (known !== undefined) return known;
  if (dayTexts.size >= MAX_DAYS) dayTexts.clear();
  const text = instantOf(day * DAY_MS).slice(0, 10);
  dayTexts.set(day, text);
  return text;
}

/** Not a number where no day is written so. */
function dayNumber(text: string): number {
  const known = dayNumbers.get(text);
  if (known !== undefined) return known;
  if (dayNumbers.size >= MAX_DAYS) dayNumbers.clear();
  const parsed = Math.floor(Date.parse(`${text}T00:00:00.000Z`) / DAY_MS);
  const day = Number.isNaN(parsed) || dayText(parsed) !== text ? Number.NaN : parsed;
  dayNumbers.set(text, day);
  return day;
}
