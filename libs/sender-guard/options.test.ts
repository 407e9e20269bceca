import { describe, expect, it } from '@jest/globals';
import { settingsOf } from './options.js';

const BROKERS = ['kafka-1:9092', '[::1]:9092', '10.0.0.1:9092'];

describe('the options of a guard', () => {
  it('have defaults, which an absent one leaves in place', () => {
    expect(settingsOf({ brokers: BROKERS, denyAfterMs: 9_000 })).toMatchObject({
      ...{ warnAfterMs: 5_000, denyAfterMs: 9_000, askTimeoutMs: 1_000, maxAsking: 64 },
    });
  });

  it.each([
    ['no broker', { brokers: [] }],
    ['the empty text of a variable that is not set', { brokers: ''.split(',') }],
    ['a broker without a port', { brokers: ['kafka-1'] }],
    ['a broker with a scheme', { brokers: ['https://kafka-1:9092'] }],
    ['a list with blanks', { brokers: ['kafka-1:9092', ' kafka-2:9092'] }],
    ['no time at all', { brokers: BROKERS, denyAfterMs: 0 }],
    ['a time that is none', { brokers: BROKERS, askTimeoutMs: Number.NaN }],
    ['a warning after the no', { brokers: BROKERS, warnAfterMs: 40_000 }],
  ])('are refused with %s', (_, options) => {
    expect(() => settingsOf(options)).toThrow(RangeError);
  });
});
