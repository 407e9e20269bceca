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
  const epochMs = dayNumber(instant.slice(0, 10)) * DAY_MS + millisecondOfDay(instant);
  return Number.isNaN(epochMs) || unpackInstant(epochMs) !== instant ? instant : epochMs;
}

/** Reads the digits where an instant has them; what stands elsewhere is compared afterwards. */
function millisecondOfDay(instant: Instant): number {
  const digits = (at: number, length: number) => Number(instant.slice(at, at + length));
  return ((digits(11, 2) * 60 + digits(14, 2)) * 60 + digits(17, 2)) * 1_000 + digits(20, 3);
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

function dayNumber(text: string): number {
  const known = dayNumbers.get(text);
  if (known !== undefined) return known;
  if (dayNumbers.size >= MAX_DAYS) dayNumbers.clear();
  const day = Math.floor(Date.parse(`${text}T00:00:00.000Z`) / DAY_MS);
  dayNumbers.set(text, day);
  return day;
}
