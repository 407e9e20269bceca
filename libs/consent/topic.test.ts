import { describe, expect, it } from '@jest/globals';
import { EMPTY_BUSINESS, type BusinessState } from './business.js';
import { EMPTY_STATE, keepGrant } from './state.js';
import { judgeUnder, topicUnder } from './topic.js';

const register: BusinessState = {
  ...EMPTY_BUSINESS,
  purposes: [
    { purposeId: 'offers', category: 'marketing', title: 'Offers', requires: 'consent' },
    { purposeId: 'old', category: 'utility', title: 'Old', requires: 'no_objection', retired: true },
  ],
  senders: [{ senderId: 'main', channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234567' }],
};

describe('a topic', () => {
  it('takes category and requirement from the register', () => {
    expect(topicUnder(register, { channel: 'sms', purpose: 'offers' })).toEqual({
      channel: 'sms',
      purpose: 'offers',
      category: 'marketing',
      requires: 'consent',
    });
  });

  it('knows the purposes that nobody registers', () => {
    const topic = { channel: 'sms', purpose: 'service', category: 'service', requires: 'consent' };
    expect(topicUnder(EMPTY_BUSINESS, { channel: 'sms', purpose: 'service' })).toEqual(topic);
  });

  it('names the sender only where one is asked about', () => {
    const asked = { channel: 'whatsapp', purpose: 'offers', sender: 'main' };
    expect(topicUnder(register, asked)).toMatchObject({ sender: 'main' });
    expect(topicUnder(register, { ...asked, sender: undefined })).not.toHaveProperty('sender');
  });

  it.each([
    [{ purpose: 'offers' }, 'CHANNEL_UNKNOWN', 'channel'],
    [{ channel: 'pigeon', purpose: 'offers' }, 'CHANNEL_UNKNOWN', 'channel'],
    [{ channel: 'sms' }, 'PURPOSE_NOT_FOUND', 'purpose'],
    [{ channel: 'sms', purpose: 'news' }, 'PURPOSE_NOT_FOUND', 'purpose'],
    [{ channel: 'sms', purpose: 'old' }, 'PURPOSE_RETIRED', 'purpose'],
    [{ channel: 'whatsapp', purpose: 'offers', sender: 'other' }, 'SENDER_NOT_FOUND', 'sender'],
    [{ channel: 'sms', purpose: 'offers', sender: 'main' }, 'SENDER_NOT_FOUND', 'sender'],
  ])('%j is refused as %s', (asked, refused, field) => {
    expect(topicUnder(register, asked)).toEqual({ refused, field });
  });
});

describe('a verdict under a register', () => {
  const occurredAt = '2026-05-04T12:00:00.000Z';
  const question = {
    channel: 'sms',
    purpose: 'offers',
    category: 'marketing',
    requires: 'consent',
    now: '2026-05-05T12:00:00.000Z',
  } as const;
  const origin = { eventId: '1', type: 'ConsentGranted', stream: 'consent-1', revision: '0' };
  const agreed = keepGrant(EMPTY_STATE, {
    ...origin,
    channel: 'sms',
    purpose: 'offers',
    occurredAt,
    recordedAt: occurredAt,
  });

  it('is that of the rules where the register can be read', () => {
    expect(judgeUnder(register, agreed, question)).toMatchObject({ eligible: true, reason: 'CONSENTED' });
    expect(judgeUnder(undefined, agreed, question)).toMatchObject({ eligible: true, reason: 'CONSENTED' });
  });

  it('is no where nothing is known', () => {
    expect(judgeUnder(register, undefined, question)).toEqual({ eligible: false, reason: 'NO_CONSENT' });
  });

  it('is no where the register cannot be read', () => {
    const unreadable = { ...register, unreadable: true } as const;
    expect(judgeUnder(unreadable, agreed, question)).toEqual({ eligible: false, reason: 'STATE_UNREADABLE' });
  });
});
