import { isSupportedCountry, parsePhoneNumberFromString, type PhoneNumber } from 'libphonenumber-js/max';
import { keyForm } from '#consent';
import { isSurelyNormal } from './numbering-plan.js';

/** Longer texts are no phone number; the library reads no longer ones either. */
const MAX_TEXT_LENGTH = 250;
const E164 = /^\+?([1-9]\d{4,17})$/;
const PUNCTUATED_DIGITS = /^[\d\s+().\-\u2010-\u2015\u2212/]*$/;

/**
 * Reads a number as people and channels write it: `+39 02 1234567`, `0039021234567`, WhatsApp's `39021234567`, and with
 * a region (ISO 3166) also national forms. Answers the key form, digits without `+`, or undefined where no numbering
 * plan has such a number. Only lengths are judged, so a range of numbers opened tomorrow is read too.
 */
export function readPhone(text: string, region: string | undefined): string | undefined {
  if (text.startsWith('+')) {
    const digits = E164.exec(text)?.[1];
    if (digits !== undefined) return international(digits);
  }
  const compact = compacted(text);
  if (compact === undefined) return undefined;
  return compact.startsWith('+') ? international(compact.slice(1)) : readWithoutPlus(compact, region);
}

/** For a revocation that no numbering plan explains: the number found somewhere in the text, else its bare digits. */
export function salvagePhone(text: string, region: string | undefined): string | undefined {
  const clean = cleaned(text);
  const found = clean.length > MAX_TEXT_LENGTH ? undefined : possible(parse(clean, region));
  const digits = found ?? clean.replace(/\D/g, '');
  return digits === '' ? undefined : (international(digits) ?? keyForm('phone', digits));
}

/** Invisible marks (people copy them along from address books) go, and the digits of every script become ASCII. */
function cleaned(text: string): string {
  const plain = text.normalize('NFKC').replace(/\p{Cf}/gu, '');
  return plain.replace(/\p{Nd}/gu, asciiDigit).trim();
}

/** Those met so far; there are some seven hundred. A text of nothing but digits may be megabytes long. */
const asciiDigits = new Map<string, string>();

function asciiDigit(digit: string): string {
  const known = asciiDigits.get(digit) ?? valueOfDigit(digit);
  asciiDigits.set(digit, known);
  return known;
}

/** Unicode keeps the ten digits of a script together, zero first, and such blocks touch each other only whole. */
function valueOfDigit(digit: string): string {
  const point = digit.codePointAt(0) ?? 0;
  let before = point;
  while (/\p{Nd}/u.test(String.fromCodePoint(before - 1))) before -= 1;
  return String((point - before) % 10);
}

/** The digits, with `+` before them if it is written; undefined where anything else stands in the text. */
function compacted(text: string): string | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined;
  const clean = cleaned(text).replace(/^tel:/i, '');
  const compact = PUNCTUATED_DIGITS.test(clean) ? clean.replace(/[^\d+]/g, '') : '';
  return /^\+?\d+$/.test(compact) ? compact : undefined;
}

/**
 * Digits, calling code first. The variants of one line are folded before the length is judged, since the numbering plan
 * no longer knows the longer Mexican form. A prefix that people write after the calling code (`+44 (0)20 …`) goes, and
 * what is left is read again until it stays, so that the answer read once more is itself.
 */
function international(digits: string): string | undefined {
  const folded = keyForm('phone', digits);
  if (isSurelyNormal(folded)) return folded;
  const read = possible(parse(`+${folded}`, undefined));
  return read === undefined || read === folded ? read : international(read);
}

function readWithoutPlus(digits: string, region: string | undefined): string | undefined {
  const isDialled = digits.startsWith('00');
  const unprefixed = isDialled ? digits.slice(2) : digits;
  const abroad = international(unprefixed);
  const local = region === undefined ? undefined : parse(digits, region);
  const home = possible(local);
  const homeNumber = home === undefined ? undefined : international(home);
  if (local === undefined || homeNumber === undefined || homeNumber === abroad) return abroad;
  if (abroad === undefined || prefersHome(local, isDialled)) return homeNumber;
  // Asked for every spelling, because folding may leave one that the numbering plan does not know, and WhatsApp writes it.
  return [unprefixed, abroad, withNinthDigit(abroad)].some(isAssigned) ? abroad : homeNumber;
}

/** A Brazilian mobile as the numbering plan has it since 2016; every other number stays. */
function withNinthDigit(folded: string): string {
  return folded.replace(/(?<=^55\d\d)(?=[6-9]\d{7}$)/, '9');
}

/**
 * Digits can be one number at home and another abroad. At home they are meant where that is a mobile number, which
 * people write without any prefix, or where dialling `00…` from home leads to an existing number; else WhatsApp's form
 * is, if it exists.
 */
function prefersHome(local: PhoneNumber, isDialled: boolean): boolean {
  if (isDialled) return local.isValid();
  const type = local.getType();
  return type === 'MOBILE' || type === 'FIXED_LINE_OR_MOBILE';
}

function isAssigned(digits: string): boolean {
  return parse(`+${digits}`, undefined)?.isValid() ?? false;
}

function possible(number: PhoneNumber | undefined): string | undefined {
  return number?.isPossible() ? number.number.slice(1) : undefined;
}

function parse(text: string, region: string | undefined): PhoneNumber | undefined {
  const known = region !== undefined && isSupportedCountry(region) ? { defaultCountry: region } : {};
  return parsePhoneNumberFromString(text, known);
}
