import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  getCountries,
  getCountryCallingCode,
  getExampleNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import examples from 'libphonenumber-js/mobile/examples';
import { keyForm } from '#consent';
import { isSurelyNormal } from './numbering-plan.js';
import { readPhone, salvagePhone } from './phone.js';

const REGIONS = getCountries();
const CODES = [...new Set([...REGIONS.map((region) => getCountryCallingCode(region)), '800', '870', '883', '979'])];

/** The library's own answer, asked again until it stays. */
function libraryReads(digits: string): string | undefined {
  const number = parsePhoneNumberFromString(`+${digits}`);
  if (!number?.isPossible()) return undefined;
  const read = number.number.slice(1);
  return read === digits ? read : libraryReads(keyForm('phone', read));
}

const internationalDigits = fc
  .tuple(fc.constantFrom(...CODES), fc.array(fc.constantFrom(...'00123456789'), { minLength: 3, maxLength: 14 }))
  .map(([code, national]) => code + national.join(''));

describe('the fast path', () => {
  it('never disagrees with the library, whatever the calling code', () => {
    fc.assert(
      fc.property(internationalDigits, (digits) => {
        expect(readPhone(`+${digits}`, undefined)).toBe(libraryReads(keyForm('phone', digits)));
      }),
      { numRuns: 20_000 },
    );
  });

  it.each(REGIONS)('is taken by the mobile numbers of %s, or leaves them to the library', (region) => {
    const number = getExampleNumber(region, examples)?.number ?? '+393123456789';
    expect(readPhone(number, undefined)).toBe(libraryReads(keyForm('phone', number)));
  });

  it('is taken by nearly every country’s mobile numbers', () => {
    const numbers = REGIONS.map((region) => getExampleNumber(region, examples)?.number).filter(
      (number) => number !== undefined,
    );
    const fast = numbers.filter((number) => isSurelyNormal(keyForm('phone', number)));
    expect(fast.length).toBeGreaterThan(numbers.length * 0.9);
  });

  it('answers what it would answer again', () => {
    fc.assert(
      fc.property(internationalDigits, (digits) => {
        const read = readPhone(digits, undefined);
        fc.pre(read !== undefined);
        expect(readPhone(`+${read}`, undefined)).toBe(read);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('the spellings of one number', () => {
  const spellings = [
    '+39 02 1234567',
    '0039021234567',
    '39021234567',
    '+39021234567',
    '00 39 02-1234567',
    '(+39) 02/123.45.67',
  ];

  it.each(spellings)('%s is one number without a region', (spelling) => {
    expect(readPhone(spelling, undefined)).toBe('39021234567');
  });

  it.each(['IT', 'US', 'DE', 'GB', 'FR', 'ES', 'BR', 'IN', 'MX', 'CO', 'AU', 'JP'])(
    'and with the region %s',
    (region) => {
      expect(spellings.map((spelling) => readPhone(spelling, region))).toEqual(spellings.map(() => '39021234567'));
    },
  );

  it.each(REGIONS)('WhatsApp’s form of a mobile number of %s is the same in its own region', (region) => {
    const number = getExampleNumber(region, examples);
    const plus = number && readPhone(number.number, undefined);
    expect(number && readPhone(number.number.slice(1), region)).toBe(plus);
    expect(number && readPhone(`00${number.number.slice(1)}`, region)).toBe(plus);
    expect(number && readPhone(number.formatNational(), region)).toBe(plus);
  });

  it.each([
    ['+39 02 1234567', '\u202a+39\u00a002 1234567\u202c'],
    ['+39 02 1234567', '＋３９ ０２ １２３４５６７'],
    ['+966 50 123 4567', '+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧'],
    ['+91 98765 43210', '+९१ ९८७६५ ४३२१०'],
    ['+39 02 1234567', 'tel:+39-02-1234567'],
    ['+44 20 7946 0958', '+44 (0)20 7946 0958'],
  ])('%s may be written %s', (plain, other) => {
    expect(readPhone(other, undefined)).toBe(readPhone(plain, undefined));
    expect(readPhone(other, undefined)).toMatch(/^\d+$/);
  });

  it.each([
    ['525512345678', '+52 55 1234 5678', '5215512345678', '+52 1 55 1234 5678'],
    ['541123456789', '+54 9 11 2345 6789', '541123456789', '5491123456789'],
    ['551187654321', '+55 11 9 8765 4321', '551187654321', '5511987654321'],
  ])('example 17: the variants of %s are one line, whatever the region', (form, ...spellings) => {
    for (const region of [undefined, ...REGIONS]) {
      const read = spellings.map((spelling) => readPhone(spelling, region));
      expect({ region, read }).toEqual({ region, read: spellings.map(() => form) });
    }
  });
});

describe('a number that could be two', () => {
  it.each([
    ['an Italian mobile without its country code', '3902123456', 'IT', '393902123456'],
    ['an American number that begins like an Egyptian one', '2012345678', 'US', '12012345678'],
    ['an Indian mobile that begins like a Malaysian one', '6042912345', 'IN', '916042912345'],
    ['a German mobile as WhatsApp writes it', '4915112345678', 'DE', '4915112345678'],
    ['an Italian landline as WhatsApp writes it, in Germany', '39021234567', 'DE', '39021234567'],
    ['New Zealand dialled from Australia', '0011 64 9 234 5678', 'AU', '6492345678'],
    ['Bogotá written with 00, which Colombia dials otherwise', '00573101234567', 'CO', '573101234567'],
    ['a Brazilian mobile as WhatsApp writes it, in Germany', '5511987654321', 'DE', '551187654321'],
  ])('%s', (_what, text, region, expected) => {
    expect(readPhone(text, region)).toBe(expected);
  });

  it('is read as national where a region is known, and refused where none is', () => {
    expect(readPhone('02 1234567', 'IT')).toBe('39021234567');
    expect(readPhone('02 1234567', undefined)).toBeUndefined();
    expect(readPhone('+39 02 1234567', 'ZZ')).toBe('39021234567');
    expect(readPhone('02 1234567', 'ZZ')).toBeUndefined();
  });
});

describe('what is no number', () => {
  it.each([
    '',
    ' ',
    '+',
    '123',
    '+39',
    '+999 1234567',
    'call me',
    '+39 02 1234567 ext. 5',
    '1'.repeat(300),
    '+0039021234567',
  ])('%s', (text) => {
    expect(readPhone(text, 'IT')).toBeUndefined();
  });

  it('keeps for a revocation the number inside the text, else its digits, else nothing', () => {
    expect(salvagePhone('mobile: +39 02 1234567 ext. 5', undefined)).toBe('39021234567');
    expect(salvagePhone('no. ١٢٣-٤٥', undefined)).toBe('12345');
    expect(salvagePhone('call me', undefined)).toBeUndefined();
  });
});
