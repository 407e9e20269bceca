import { describe, expect, it } from '@jest/globals';
import { fold, type ConsentEvent } from './consent.js';
import { decideGrant, decideMessage, decideRevocation, type Grant, type Message, type Revocation } from './decide.js';
import { readClaimedTime, type ClaimedTime } from './instant.js';
import { EMPTY_STATE, type RecipientState } from './state.js';
import { REVOCATION_METHODS } from './vocabulary.js';

const NOW = '2026-05-01T12:00:00.000Z';
const instant = (at: string): ClaimedTime => ({ precision: 'instant', at });
const second = (at: string): ClaimedTime => ({ precision: 'second', at });
const NONE: ClaimedTime = { precision: 'none' };
const UNREADABLE: ClaimedTime = { precision: 'unreadable' };

const grant: Grant = {
  businessId: 'acme',
  channels: ['sms'],
  purposes: [{ id: 'offers', category: 'marketing' }],
  method: 'web_form',
  disclosure: { id: 'd', version: 1 },
  claimed: instant('2026-05-01T11:00:00.000Z'),
  now: NOW,
};
const revocation: Revocation = {
  businessId: 'acme',
  channels: ['sms'],
  purposes: [],
  categories: ['*'],
  method: 'api',
  claimed: instant('2026-05-01T11:00:00.000Z'),
  now: NOW,
};
const message: Message = {
  businessId: 'acme',
  channel: 'sms',
  sender: 'shop',
  kind: 'message',
  claimed: instant('2026-05-01T11:00:00.000Z'),
  now: NOW,
};

function after(...events: readonly ConsentEvent[]): RecipientState {
  return events.reduce((state, event, index) => {
    return fold(state, event, { eventId: `e${index}`, stream: 'consent-r', revision: `${index}`, recordedAt: NOW });
  }, EMPTY_STATE);
}

function revokedAt(claimed: ClaimedTime, more: Partial<Revocation> = {}, state = EMPTY_STATE) {
  return decideRevocation(state, { ...revocation, ...more, claimed }).data.occurredAt;
}

describe('a revocation', () => {
  it('becomes an event with all that it says', () => {
    const whole = { ...revocation, purposes: ['offers'], sender: 'shop', evidenceSha256: 'ab', claimedText: 'noon' };
    expect(decideRevocation(EMPTY_STATE, whole)).toEqual({
      type: 'ConsentRevoked',
      data: {
        businessId: 'acme',
        channels: ['sms'],
        purposes: ['offers'],
        categories: ['*'],
        method: 'api',
        occurredAt: '2026-05-01T11:00:00.000Z',
        claimedAt: 'noon',
        sender: 'shop',
        evidenceSha256: 'ab',
      },
    });
    expect(Object.keys(decideRevocation(EMPTY_STATE, revocation).data).sort()).toEqual(
      ['businessId', 'categories', 'channels', 'method', 'occurredAt', 'purposes'].sort(),
    );
  });

  it('that names nothing means everything', () => {
    const scope = (more: Partial<Revocation>) => {
      const { channels, purposes, categories } = decideRevocation(EMPTY_STATE, { ...revocation, ...more }).data;
      return { channels, purposes, categories };
    };
    expect(scope({ channels: [], categories: [] })).toEqual({ channels: ['*'], purposes: [], categories: ['*'] });
    expect(scope({ categories: [], purposes: ['offers'] })).toEqual({
      channels: ['sms'],
      purposes: ['offers'],
      categories: [],
    });
    expect(scope({ categories: ['utility'] })).toEqual({ channels: ['sms'], purposes: [], categories: ['utility'] });
  });

  it('counts at the latest its time can mean', () => {
    expect(revokedAt(second('2026-05-01T11:00:00.000Z'))).toBe('2026-05-01T11:00:00.999Z');
    expect(revokedAt(readClaimedTime('2026-05-01T11:00:00Z'))).toBe('2026-05-01T11:00:00.999Z');
    expect(revokedAt(readClaimedTime('2026-04-29'))).toBe('2026-04-30T11:59:59.999Z');
    expect(revokedAt(instant(NOW))).toBe(NOW);
  });

  it.each([
    ['undated', NONE],
    ['unreadable', UNREADABLE],
    ['dated ahead', instant('2099-01-01T00:00:00.000Z')],
    ['of a second that is not over', second(NOW)],
    ['of a day that is not over everywhere', readClaimedTime('2026-05-01')],
  ])('that is %s counts at the latest of now and all that the streams hold', (_, claimed) => {
    const granted = decideGrant(EMPTY_STATE, { ...grant, now: '2026-05-01T12:03:00.000Z', claimed: NONE });
    const wrote = decideMessage({ ...message, now: '2026-05-01T12:04:00.000Z', claimed: NONE }).event;
    if ('refused' in granted) throw new Error(granted.refused);
    expect(revokedAt(claimed)).toBe(NOW);
    expect(revokedAt(claimed, {}, after(granted.event))).toBe('2026-05-01T12:03:00.000Z');
    expect(revokedAt(claimed, {}, after(granted.event, wrote))).toBe('2026-05-01T12:04:00.000Z');
    const newestContactAt = '2026-05-01T12:05:00.000Z';
    expect(revokedAt(claimed, { newestContactAt }, after(granted.event, wrote))).toBe(newestContactAt);
    expect(revokedAt(claimed, { newestContactAt: '2026-05-01T11:00:00.000Z' })).toBe(NOW);
  });

  it('counts no earlier than what those linked to the person have, nor than the resume that it is to undo', () => {
    const newestLinkedAt = '2026-05-01T12:00:10.000Z';
    expect(revokedAt(NONE, { newestLinkedAt })).toBe(newestLinkedAt);
    expect(revokedAt(NONE, { newestLinkedAt: '2026-05-01T11:00:00.000Z' })).toBe(NOW);
    const data = { businessId: 'acme', channel: 'sms', sender: 'shop', occurredAt: NOW } as const;
    const resumed = after({ type: 'PreferenceResumed', data });
    const now = '2026-05-01T11:58:00.000Z';
    expect(revokedAt(NONE, { now }, resumed)).toBe(NOW);
  });

  it("counts the same where the ledger's clock went back, whatever its own time says", () => {
    const claimed = instant('2026-05-01T11:00:00.000Z');
    const newestContactAt = '2026-05-01T12:00:30.000Z';
    expect(revokedAt(claimed, { newestContactAt, newestRecordedAt: '2026-05-01T12:00:00.001Z' })).toBe(newestContactAt);
    expect(revokedAt(claimed, { newestContactAt, newestRecordedAt: NOW })).toBe('2026-05-01T11:00:00.000Z');
  });
});

describe('the confirmation of an opt-out', () => {
  const keyword: Revocation = { ...revocation, method: 'keyword', claimed: second('2026-05-01T11:59:00.000Z') };
  const confirmUntil = (state: RecipientState, more: Partial<Revocation> = {}) => {
    return decideRevocation(state, { ...keyword, ...more }).data.confirmUntil;
  };
  const stopAt = (at: string, channels: Revocation['channels'] = ['sms']) => {
    return after(
      decideRevocation(EMPTY_STATE, { ...keyword, channels, claimed: instant(at), now: '2026-05-09T00:00:00.000Z' }),
    );
  };

  it.each(REVOCATION_METHODS)('by %s', (method) => {
    const automatic = ['keyword', 'button', 'provider_opt_out'].includes(method);
    expect(confirmUntil(EMPTY_STATE, { method })).toBe(automatic ? '2026-05-01T12:04:00.000Z' : undefined);
  });

  it('is not allowed where the stream that may hold another could not be read', () => {
    expect(confirmUntil(EMPTY_STATE, { unread: true })).toBeUndefined();
    const linkedConfirmations = [{ channel: 'sms', stoppedAt: '2026-05-01T10:00:00.000Z' }] as const;
    expect(confirmUntil(EMPTY_STATE, { linkedConfirmations })).toBeUndefined();
    expect(confirmUntil(EMPTY_STATE, { linkedConfirmations: [] })).toBeDefined();
  });

  it("may follow for five minutes from the provider's own instant, never from one ahead", () => {
    const until = '2026-05-01T12:05:00.000Z';
    expect(confirmUntil(EMPTY_STATE, { claimed: instant('2026-05-01T11:59:00.500Z') })).toBe(
      '2026-05-01T12:04:00.500Z',
    );
    expect(confirmUntil(EMPTY_STATE, { claimed: readClaimedTime('2026-05-01T11:58Z') })).toBe(
      '2026-05-01T12:03:00.000Z',
    );
    expect(confirmUntil(EMPTY_STATE, { claimed: second('2099-01-01T00:00:00.000Z') })).toBe(until);
    expect(confirmUntil(EMPTY_STATE, { claimed: NONE })).toBe(until);
    expect(confirmUntil(EMPTY_STATE, { claimed: UNREADABLE })).toBe(until);
    expect(confirmUntil(EMPTY_STATE, { claimed: readClaimedTime('2026-05-01') })).toBe(until);
    expect(confirmUntil(EMPTY_STATE, { claimed: readClaimedTime('2026-04-01') })).toBe('2026-04-02T12:04:59.999Z');
  });

  it('may not follow on every channel at once', () => {
    expect(confirmUntil(EMPTY_STATE, { channels: ['*'] })).toBeUndefined();
    expect(confirmUntil(EMPTY_STATE, { channels: [] })).toBeUndefined();
    expect(confirmUntil(EMPTY_STATE, { channels: ['sms', 'email'] })).toBeDefined();
  });

  it('may not follow a second stop within 24 hours of another, before or after it', () => {
    expect(confirmUntil(stopAt('2026-05-01T11:58:00.000Z'))).toBeUndefined();
    expect(confirmUntil(stopAt('2026-05-01T11:59:30.000Z'))).toBeUndefined();
    const at = (claimed: string) => ({ claimed: instant(claimed), now: '2026-05-09T00:00:00.000Z' });
    const stop = stopAt('2026-05-03T10:00:00.000Z');
    expect(confirmUntil(stop, at('2026-05-04T09:59:59.999Z'))).toBeUndefined();
    expect(confirmUntil(stop, at('2026-05-04T10:00:00.000Z'))).toBe('2026-05-04T10:05:00.000Z');
    expect(confirmUntil(stop, at('2026-05-02T10:00:00.001Z'))).toBeUndefined();
    expect(confirmUntil(stop, at('2026-05-02T10:00:00.000Z'))).toBe('2026-05-02T10:05:00.000Z');
  });

  it('looks at the stops of its own channels, and at those of every channel', () => {
    const before = '2026-05-01T11:58:00.000Z';
    expect(confirmUntil(stopAt(before, ['email']))).toBe('2026-05-01T12:04:00.000Z');
    expect(confirmUntil(stopAt(before, ['*']))).toBeUndefined();
    expect(confirmUntil(stopAt(before, ['email']), { channels: ['sms', 'email'] })).toBeUndefined();
  });
});
