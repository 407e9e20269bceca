import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EMPTY_STATE, fold } from '#consent';
import { decode, encode } from './codec.js';
import { packInstant, unpackInstant } from './instant-codec.js';
import { randomHistory } from './random-history.js';

const { randomStates } = randomHistory(fc);

describe('the packed form of a state', () => {
  it('gives back exactly the state that was packed', () => {
    fc.assert(
      fc.property(randomStates, (state) => {
        expect(decode(encode(state, 'r0'), 'r0')).toStrictEqual(state);
      }),
      { numRuns: 500 },
    );
  });

  it('is the same for equal states', () => {
    fc.assert(
      fc.property(randomStates, (state) => {
        expect(encode(structuredClone(state), 'r0')).toBe(encode(state, 'r0'));
      }),
    );
  });

  it('keeps a grant that ended in 1970 as ended', () => {
    const expiresAt = '1970-01-01T00:00:00.000Z';
    const event = {
      type: 'ConsentGranted' as const,
      data: {
        businessId: 'acme',
        occurredAt: '2026-01-01T00:00:00.000Z',
        method: 'import' as const,
        channels: ['sms'] as const,
        purposes: ['offers'],
        expiresAt,
      },
    };
    const origin = { eventId: 'e', stream: 'consent-r0', revision: '0', recordedAt: '2026-01-01T00:00:00.000Z' };
    expect(decode(encode(fold(EMPTY_STATE, event, origin), 'r0'), 'r0').grants[0]).toMatchObject({ expiresAt });
  });

  it('takes at most 112 bytes a cell in a usual state', () => {
    const recipientId = 'Q0l5b2xvbmVTb21lUmVjaXBpZW50SWRCYXNlNjR1cmw';
    const occurredAt = '2026-11-24T21:57:14.000Z';
    const data = {
      businessId: 'acme',
      occurredAt,
      method: 'web_form' as const,
      disclosure: { id: 'signup', version: 12 },
    };
    const origin = {
      eventId: '6e871ef1-b617-4447-b4ba-3a739d80ea02',
      stream: `consent-${recipientId}`,
      revision: '12',
      recordedAt: '2026-11-24T21:57:15.123Z',
    };
    const channels = ['whatsapp', 'sms', 'email', 'voice'] as const;
    const event = { type: 'ConsentGranted' as const, data: { ...data, channels, purposes: ['offers'] } };
    expect(encode(fold(EMPTY_STATE, event, origin), recipientId).length / 4).toBeLessThanOrEqual(112);
  });

  it('refuses text of another form', () => {
    expect(() => decode('[0,0]', 'r0')).toThrow('lacks a part');
    expect(() => decode('{', 'r0')).toThrow(SyntaxError);
  });
});

describe('packed instants', () => {
  it.each([
    '2026-11-24T21:57:14.007Z',
    '0000-01-01T00:00:00.000Z',
    '1969-12-31T23:59:59.999Z',
    '1970-01-01T00:00:00.000Z',
    '9999-12-31T23:59:59.999Z',
  ])('are milliseconds: %s', (instant) => {
    expect(packInstant(instant)).toBe(Date.parse(instant));
    expect(unpackInstant(packInstant(instant))).toBe(instant);
  });

  it('are what was packed, whatever one character was put in', () => {
    const instant = '2026-11-24T21:57:14.007Z';
    const at = fc.integer({ min: 0, max: instant.length });
    const character = fc.constantFrom(...'0123456789-:.TZ +/x', '', '\u0660');
    fc.assert(
      fc.property(at, fc.constantFrom(0, 1), character, (index, removed, put) => {
        const text = instant.slice(0, index) + put + instant.slice(index + removed);
        expect(unpackInstant(packInstant(text))).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(['2026-02-30T00:00:00.000Z', '2026-01-01T24:00:00.000Z', 'no time'])(
    'stay text where they would change: %s',
    (text) => {
      expect(unpackInstant(packInstant(text))).toBe(text);
    },
  );
});
