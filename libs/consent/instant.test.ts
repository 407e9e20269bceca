import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  addMs,
  DAY_MS,
  earliestOf,
  epochMsOf,
  HOUR_MS,
  instantOf,
  isInstant,
  latestMeaningOf,
  latestOf,
  oneDayAfter,
  readClaimedTime,
} from './instant.js';

describe('an instant', () => {
  it.each([
    '2026-11-24T21:57:14.000Z',
    '2024-02-29T00:00:00.000Z',
    '2026-12-31T23:59:59.999Z',
    '1970-01-01T00:00:00.000Z',
    '2026-10-09T10:19:20.001Z',
    '2026-08-30T19:00:00.000Z',
    '2026-05-31T00:00:00.000Z',
    '9999-12-31T23:59:59.999Z',
  ])('%s is one', (text) => {
    expect(isInstant(text)).toBe(true);
    expect(instantOf(epochMsOf(text))).toBe(text);
  });

  it.each([
    '2026-02-29T00:00:00.000Z',
    '2026-02-30T00:00:00.000Z',
    '2026-04-31T00:00:00.000Z',
    '2026-13-01T00:00:00.000Z',
    '2026-00-01T00:00:00.000Z',
    '2026-01-00T00:00:00.000Z',
    '2026-01-32T00:00:00.000Z',
    '2026-01-01T24:00:00.000Z',
    '2026-01-01T00:60:00.000Z',
    '2026-01-01T00:00:60.000Z',
    '2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00.00Z',
    '2026-01-01T00:00:00.0000Z',
    '2026-01-01T00:00:00.000',
    '2026-01-01T00:00:00.000+00:00',
    '2026-01-01',
    ' 2026-01-01T00:00:00.000Z',
    '2026-01-01T00:00:00.000Z ',
    '2026-01-01t00:00:00.000z',
    '+012026-01-01T00:00:00.000Z',
    '',
    undefined,
    null,
    1_767_225_600_000,
    {},
    ['2026-01-01T00:00:00.000Z'],
  ])('%j is none', (value) => expect(isInstant(value)).toBe(false));

  it('is written as dates write it', () => {
    const everyDate = fc.double({ min: -8.64e15, max: 8.64e15, noNaN: true });
    const ofOurDays = fc.integer({ min: 0, max: Date.UTC(2100, 0) });
    fc.assert(
      fc.property(fc.oneof(everyDate, ofOurDays), (ms) => expect(instantOf(ms)).toBe(new Date(ms).toISOString())),
    );
    for (const none of [Number.NaN, Infinity, 8.64e15 + 1]) expect(() => instantOf(none)).toThrow(RangeError);
  });

  it('moves within the years in which the order of strings is that of time', () => {
    expect(addMs('2026-12-31T23:59:59.999Z', 1)).toBe('2027-01-01T00:00:00.000Z');
    expect(addMs('2026-01-01T00:00:00.000Z', -1)).toBe('2025-12-31T23:59:59.999Z');
    expect(addMs('1970-01-01T00:00:00.500Z', -501)).toBe('1970-01-01T00:00:00.000Z');
    expect(addMs('9999-12-31T23:59:59.998Z', 2)).toBe('9999-12-31T23:59:59.999Z');
  });

  it('is one day before the same time of the next day, through months, leap years and centuries', () => {
    for (const start of ['2024-02-20T10:00:00.123Z', '2025-12-20T23:59:59.999Z', '2100-02-20T00:00:00.000Z']) {
      for (let day = 0; day < 800; day += 1) {
        const instant = addMs(start, day * DAY_MS);
        expect(oneDayAfter(instant)).toBe(addMs(instant, 24 * HOUR_MS));
      }
    }
    expect(oneDayAfter('9999-12-31T00:00:00.000Z')).toBe('9999-12-31T23:59:59.999Z');
  });

  it('is the latest of those that are given', () => {
    const [early, late] = ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.001Z'];
    expect(latestOf(early)).toBe(early);
    expect(latestOf(early, undefined, late, undefined)).toBe(late);
    expect(latestOf(late, early)).toBe(late);
  });
});

describe('a claimed time', () => {
  it.each([
    ['2026-05-01T10:00:00.250Z', '2026-05-01T10:00:00.250Z', '2026-05-01T10:00:00.250Z'],
    ['2026-05-01T12:00:00.250+02:00', '2026-05-01T10:00:00.250Z', '2026-05-01T10:00:00.250Z'],
    ['2026-05-01T10:00:00Z', '2026-05-01T10:00:00.000Z', '2026-05-01T10:00:00.999Z'],
    ['2026-05-01T04:30:00-05:30', '2026-05-01T10:00:00.000Z', '2026-05-01T10:00:00.999Z'],
    ['2026-05-01T10:00Z', '2026-05-01T10:00:00.000Z', '2026-05-01T10:00:59.999Z'],
    ['2026-05-01T10:00:00.123456789Z', '2026-05-01T10:00:00.123Z', '2026-05-01T10:00:00.123Z'],
    ['2026-05-01T10:00:00.5Z', '2026-05-01T10:00:00.500Z', '2026-05-01T10:00:00.599Z'],
    ['2026-05-01T12:00:00.25+02:00', '2026-05-01T10:00:00.250Z', '2026-05-01T10:00:00.259Z'],
    ['2026-05-01', '2026-04-30T10:00:00.000Z', '2026-05-02T11:59:59.999Z'],
    ['2024-02-29', '2024-02-28T10:00:00.000Z', '2024-03-01T11:59:59.999Z'],
    ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z'],
    ['1970-01-01', '1970-01-01T00:00:00.000Z', '1970-01-02T11:59:59.999Z'],
    ['9999-12-31', '9999-12-30T10:00:00.000Z', '9999-12-31T23:59:59.999Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    ['2099-01-01T00:00:00.000Z', '2099-01-01T00:00:00.000Z', '2099-01-01T00:00:00.000Z'],
  ])('%s lies between %s and %s', (text, earliest, latest) => {
    const claim = readClaimedTime(text);
    expect(earliestOf(claim)).toBe(earliest);
    expect(latestMeaningOf(claim)).toBe(latest);
  });

  it('to the second is .000 for a yes and .999 for a no', () => {
    const claim = { precision: 'second', at: '2026-05-01T10:00:00.000Z' } as const;
    expect(earliestOf(claim)).toBe('2026-05-01T10:00:00.000Z');
    expect(latestMeaningOf(claim)).toBe('2026-05-01T10:00:00.999Z');
  });

  it('names its precision', () => {
    expect(readClaimedTime('2026-05-01')).toEqual({ precision: 'day', at: '2026-05-01T00:00:00.000Z' });
    const at = '2026-05-01T10:00:00.000Z';
    expect(readClaimedTime(at)).toEqual({ precision: 'instant', at });
    expect(readClaimedTime('2026-05-01T10:00:00Z')).toEqual({ precision: 'instant', at, withinMs: 999 });
    expect(readClaimedTime('2026-05-01T10:00Z')).toEqual({ precision: 'instant', at, withinMs: 59_999 });
  });

  it.each([undefined, null])('%j is none', (value) => {
    const claim = readClaimedTime(value);
    expect(claim).toEqual({ precision: 'none' });
    expect([earliestOf(claim), latestMeaningOf(claim)]).toEqual([undefined, undefined]);
  });

  it.each([
    '2026-05-01T10:00:00',
    '2026-05-01 10:00:00Z',
    '2026-02-29',
    '2026-02-29T10:00:00Z',
    '2026-05-01T25:00:00Z',
    '2026-05-01T10:00:00+25:00',
    '2026-05-01T10:00:00.1234567890Z',
    '1969-12-31',
    '1969-12-31T23:59:59Z',
    '1970-01-01T00:00:00+01:00',
    '9999-12-31T23:59:59-01:00',
    ' 2026-05-01',
    '2026-05-01 ',
    'x2026-05-01T10:00:00Z',
    '2026-05-01T10:00:00Zx',
    'yesterday',
    '',
    20260501,
    true,
    {},
    [],
    ['2026-05-01'],
  ])('%j is unreadable', (value) => {
    const claim = readClaimedTime(value);
    expect(claim).toEqual({ precision: 'unreadable' });
    expect([earliestOf(claim), latestMeaningOf(claim)]).toEqual([undefined, undefined]);
  });
});
