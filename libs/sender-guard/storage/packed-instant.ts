import { DAY_MS, instantOf, type Instant } from '#consent';

/**
 * Instants as milliseconds and back. States cluster in few days, and to write a whole date out anew costs ten times a
 * look-up; the bound only guards against a topic that spans centuries.
 */
const MAX_DAYS = 10_000;
const dayTexts = new Map<number, string>();

const padded = (length: number) => (_: unknown, n: number) => String(n).padStart(length, '0');
const HOURS = Array.from({ length: 24 }, padded(2)).map((hour) => `T${hour}:`);
const MINUTES = Array.from({ length: 60 }, padded(2)).map((minute) => `${minute}:`);
const SECONDS = Array.from({ length: 60 }, padded(2)).map((second) => `${second}.`);
const THOUSANDTHS = Array.from({ length: 1_000 }, padded(3)).map((thousandth) => `${thousandth}Z`);

/** Of an instant that `isInstant` holds for. */
export function msOf(instant: Instant): number {
  const day = Date.UTC(digits(instant, 0, 4), digits(instant, 5, 2) - 1, digits(instant, 8, 2));
  const minutes = digits(instant, 11, 2) * 60 + digits(instant, 14, 2);
  return day + minutes * 60_000 + digits(instant, 17, 2) * 1_000 + digits(instant, 20, 3);
}

function digits(text: string, at: number, length: number): number {
  let value = 0;
  for (let n = at; n < at + length; n++) value = value * 10 + text.charCodeAt(n) - 48;
  return value;
}

export function instantAt(ms: number): Instant {
  const day = Math.floor(ms / DAY_MS);
  const ofDay = ms - day * DAY_MS;
  const second = Math.floor(ofDay / 1_000);
  const minute = Math.floor(second / 60);
  const time = `${HOURS[Math.floor(minute / 60)]}${MINUTES[minute % 60]}${SECONDS[second % 60]}`;
  return `${dayText(day)}${time}${THOUSANDTHS[ofDay - second * 1_000]}`;
}

function dayText(day: number): string {
  const known = dayTexts.get(day);
  if (known !== undefined) return known;
  if (dayTexts.size >= MAX_DAYS) dayTexts.clear();
  const text = instantOf(day * DAY_MS).slice(0, 10);
  dayTexts.set(day, text);
  return text;
}
