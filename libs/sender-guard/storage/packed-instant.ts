import { DAY_MS, instantOf, type Instant } from '#consent';

/** Days already written out. The bound only guards against a topic that spans centuries. */
const MAX_DAYS = 10_000;
const DATE_CHARACTERS = 10;
const ZERO = '0'.charCodeAt(0);
const dates = new Map<number, Uint8Array>();

/** The instant written last: its date stays where the next one is of the same day. */
const written = Buffer.from('0000-00-00T00:00:00.000Z');
let writtenDay = Number.NaN;

/** Of an instant that `isInstant` holds for. */
export function msOf(instant: Instant): number {
  const day = Date.UTC(digits(instant, 0, 4), digits(instant, 5, 2) - 1, digits(instant, 8, 2));
  const minutes = digits(instant, 11, 2) * 60 + digits(instant, 14, 2);
  return day + minutes * 60_000 + digits(instant, 17, 2) * 1_000 + digits(instant, 20, 3);
}

function digits(text: string, at: number, length: number): number {
  let value = 0;
  for (let n = at; n < at + length; n++) value = value * 10 + text.charCodeAt(n) - ZERO;
  return value;
}

/**
 * The text of an instant, digit by digit into the same bytes: every check needs one or two, and this is a twentieth of
 * what a date costs and half of what its parts put together do, which must be copied once more to be compared.
 */
export function instantAt(ms: number): Instant {
  const day = Math.floor(ms / DAY_MS);
  if (day !== writtenDay) writeDate(day);
  const ofDay = (ms - day * DAY_MS) | 0;
  const second = (ofDay / 1_000) | 0;
  const minute = (second / 60) | 0;
  const hour = (minute / 60) | 0;
  writeTwo(hour, 11);
  writeTwo(minute - hour * 60, 14);
  writeTwo(second - minute * 60, 17);
  const thousandth = ofDay - second * 1_000;
  const hundreds = (thousandth / 100) | 0;
  written[20] = ZERO + hundreds;
  writeTwo(thousandth - hundreds * 100, 21);
  return written.toString('latin1');
}

function writeTwo(value: number, at: number): void {
  const tens = (value / 10) | 0;
  written[at] = ZERO + tens;
  written[at + 1] = ZERO + value - tens * 10;
}

function writeDate(day: number): void {
  let date = dates.get(day);
  if (date === undefined) {
    if (dates.size >= MAX_DAYS) dates.clear();
    date = Buffer.from(instantOf(day * DAY_MS).slice(0, DATE_CHARACTERS));
    dates.set(day, date);
  }
  written.set(date, 0);
  writtenDay = day;
}
