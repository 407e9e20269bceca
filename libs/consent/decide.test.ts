import { describe, expect, it } from '@jest/globals';
import { fold, type ConsentEvent } from './consent.js';
import { decideGrant, decideMessage, decideRevocation, type Grant, type Message, type Revocation } from './decide.js';
import { readClaimedTime, type ClaimedTime } from './instant.js';
import { EMPTY_STATE, type RecipientState } from './state.js';
import { GRANT_METHODS, type Channel } from './vocabulary.js';

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

function grantedAt(claimed: ClaimedTime, more: Partial<Grant> = {}) {
  const decision = decideGrant(EMPTY_STATE, { ...grant, ...more, claimed });
  return 'refused' in decision ? decision : decision.event.data.occurredAt;
}

describe('a grant', () => {
  it('becomes an event that says what it rests on', () => {
    const whole = {
      ...grant,
      evidenceSha256: 'ab',
      claimedText: '2026-05-01T13:00+02:00',
      expiresAt: '2027-01-01T00:00:00.000Z',
    };
    expect(decideGrant(EMPTY_STATE, whole)).toEqual({
      event: {
        type: 'ConsentGranted',
        data: {
          businessId: 'acme',
          channels: ['sms'],
          purposes: ['offers'],
          method: 'web_form',
          occurredAt: '2026-05-01T11:00:00.000Z',
          claimedAt: '2026-05-01T13:00+02:00',
          disclosure: { id: 'd', version: 1 },
          evidenceSha256: 'ab',
          expiresAt: '2027-01-01T00:00:00.000Z',
        },
      },
    });
    const { disclosure: _, ...bare } = { ...grant, claimedText: '2026-05-01T11:00:00.000Z' };
    expect(decideGrant(EMPTY_STATE, bare)).toEqual({
      event: {
        type: 'ConsentGranted',
        data: {
          businessId: 'acme',
          channels: ['sms'],
          purposes: ['offers'],
          method: 'web_form',
          occurredAt: '2026-05-01T11:00:00.000Z',
          flagged: 'no_disclosure',
        },
      },
    });
  });

  it('counts at the earliest its time can mean, never later than now', () => {
    expect(grantedAt(second('2026-05-01T11:00:00.000Z'))).toBe('2026-05-01T11:00:00.000Z');
    expect(grantedAt(readClaimedTime('2026-05-01'))).toBe('2026-04-30T10:00:00.000Z');
    expect(grantedAt(readClaimedTime('2026-05-02'))).toBe('2026-05-01T10:00:00.000Z');
    expect(grantedAt(instant('2026-05-01T12:00:00.001Z'))).toBe(NOW);
    expect(grantedAt(instant('2026-05-01T12:05:00.000Z'))).toBe(NOW);
    expect(grantedAt(NONE)).toBe(NOW);
  });

  it('counts no later than it was heard of, however long it waited to be decided', () => {
    const heardAt = '2026-05-01T11:30:00.000Z';
    expect(grantedAt(NONE, { heardAt })).toBe(heardAt);
    expect(grantedAt(instant('2026-05-01T11:30:00.001Z'), { heardAt })).toBe(heardAt);
    expect(grantedAt(instant('2026-05-01T11:29:59.999Z'), { heardAt })).toBe('2026-05-01T11:29:59.999Z');
    expect(grantedAt(NONE, { heardAt: '2026-05-01T12:00:00.001Z' })).toBe(NOW);
    const no = decideRevocation(EMPTY_STATE, { ...revocation, claimed: instant('2026-05-01T11:45:00.000Z') });
    expect(decideGrant(after(no), { ...grant, claimed: NONE, heardAt })).toMatchObject({
      ineffectiveBecause: 'REVOKED_LATER',
    });
  });

  it('is refused where it is dated more than five minutes ahead', () => {
    expect(grantedAt(instant('2026-05-01T12:05:00.001Z'))).toEqual({ refused: 'OCCURRED_IN_FUTURE' });
    expect(grantedAt(readClaimedTime('2099-01-01'))).toEqual({ refused: 'OCCURRED_IN_FUTURE' });
  });

  it.each(GRANT_METHODS)('by %s is refused without a time where its records are written afterwards', (method) => {
    const mustBeDated = ['import', 'paper_form', 'phone_call', 'in_person', 'qr_code'].includes(method);
    expect(grantedAt(NONE, { method })).toEqual(mustBeDated ? { refused: 'OCCURRED_AT_REQUIRED' } : NOW);
    expect(grantedAt(UNREADABLE, { method })).toEqual({ refused: 'OCCURRED_AT_REQUIRED' });
    expect(grantedAt(instant(NOW), { method })).toBe(NOW);
  });

  it('says where a later no leaves it without effect, wholly or in part', () => {
    const no = (at: string, channel: Channel) => {
      return decideRevocation(EMPTY_STATE, { ...revocation, channels: [channel], claimed: instant(at) });
    };
    const both: Grant = { ...grant, channels: ['sms', 'email'] };
    expect(decideGrant(after(no('2026-05-01T11:00:00.000Z', 'sms')), grant)).toMatchObject({
      ineffectiveBecause: 'REVOKED_LATER',
    });
    const earlier = decideGrant(after(no('2026-05-01T10:59:59.999Z', 'sms')), grant);
    expect(Object.keys(earlier)).toEqual(['event']);
    const partly = decideGrant(after(no('2026-05-01T11:30:00.000Z', 'sms')), both);
    expect(partly).toMatchObject({ partly: 'REVOKED_LATER' });
    expect(partly).not.toHaveProperty('ineffectiveBecause');
    const wholly = after(no('2026-05-01T11:30:00.000Z', 'sms'), no('2026-05-01T11:30:00.000Z', 'email'));
    expect(decideGrant(wholly, both)).toMatchObject({ ineffectiveBecause: 'REVOKED_LATER' });
    const ofNews = decideRevocation(EMPTY_STATE, { ...revocation, purposes: ['news'], categories: [] });
    const purposes = [...grant.purposes, { id: 'news', category: 'marketing' } as const];
    expect(decideGrant(after(ofNews), { ...grant, purposes })).toMatchObject({ partly: 'REVOKED_LATER' });
  });

  it('that has ended already is recorded and says so', () => {
    expect(decideGrant(EMPTY_STATE, { ...grant, expiresAt: NOW })).toMatchObject({
      ineffectiveBecause: 'ALREADY_EXPIRED',
    });
    const later = decideGrant(EMPTY_STATE, { ...grant, expiresAt: '2026-05-01T12:00:00.001Z' });
    expect(later).not.toHaveProperty('ineffectiveBecause');
  });
});

describe('a message', () => {
  const countsAt = (claimed: ClaimedTime, notAfter?: string) => {
    return decideMessage({ ...message, claimed, ...(notAfter === undefined ? {} : { notAfter }) }).event.data
      .occurredAt;
  };

  it('becomes an event that says who wrote to whom, and when', () => {
    const facts = { businessId: 'acme', channel: 'sms', sender: 'shop', kind: 'message' };
    expect(decideMessage({ ...message, claimedText: '2026-05-01T11:00Z' })).toEqual({
      event: {
        type: 'UserMessaged',
        data: { ...facts, occurredAt: '2026-05-01T11:00:00.000Z', claimedAt: '2026-05-01T11:00Z' },
      },
    });
  });

  it('counts when it was sent, never later than now nor than the opt-out that it carried', () => {
    expect(countsAt(second('2026-05-01T11:00:00.000Z'))).toBe('2026-05-01T11:00:00.000Z');
    expect(countsAt(instant('2099-01-01T00:00:00.000Z'))).toBe(NOW);
    expect(countsAt(NONE)).toBe(NOW);
    expect(countsAt(instant('2026-05-01T11:00:00.000Z'), '2026-05-01T10:59:00.000Z')).toBe('2026-05-01T10:59:00.000Z');
    expect(countsAt(instant('2026-05-01T11:00:00.000Z'), '2026-05-01T11:00:00.999Z')).toBe('2026-05-01T11:00:00.000Z');
    expect(countsAt(NONE, '2026-05-01T12:00:01.000Z')).toBe(NOW);
    expect(countsAt(instant('2099-01-01T00:00:00.000Z'), '2026-05-01T12:00:01.000Z')).toBe(NOW);
    expect(countsAt(readClaimedTime('2026-05-02'))).toBe('2026-05-01T10:00:00.000Z');
  });

  it('of an unreadable time opens nothing', () => {
    const decision = decideMessage({ ...message, claimed: UNREADABLE });
    expect(decision.event.data.occurredAt).toBe('1970-01-01T00:00:00.000Z');
    expect(decision.ineffectiveBecause).toBe('ALREADY_EXPIRED');
  });

  it('older than the window says that it opens none', () => {
    const old = (at: string) => decideMessage({ ...message, claimed: instant(at) }).ineffectiveBecause;
    expect(old('2026-04-30T12:00:00.000Z')).toBe('ALREADY_EXPIRED');
    expect(old('2026-04-30T12:00:00.001Z')).toBeUndefined();
  });
});
