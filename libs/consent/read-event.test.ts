import { describe, expect, it } from '@jest/globals';
import { EVENT_SCHEMA, readBusinessEvent, readConsentEvent } from './read-event.js';
import { CATEGORIES, CHANNELS, GRANT_METHODS, LINK_KINDS, MESSAGE_KINDS, REVOCATION_METHODS } from './vocabulary.js';

const AT = '2026-05-01T10:00:00.000Z';
const RECORDED = '2026-05-01T10:00:05.000Z';
const facts = { businessId: 'acme', occurredAt: AT };

/** A whole event of every type that a recipient's streams may hold. */
const WHOLE: Record<string, Record<string, unknown>> = {
  ConsentGranted: { ...facts, channels: ['sms'], purposes: ['offers'], method: 'web_form' },
  ConsentRevoked: { ...facts, channels: ['*'], purposes: ['offers'], categories: ['marketing'], method: 'keyword' },
  PreferenceResumed: { ...facts, channel: 'whatsapp', sender: 'shop' },
  RecipientLinked: { ...facts, other: 'r2', kind: 'same_person' },
  RecipientUnlinked: { ...facts, other: 'r2' },
  RecipientErased: { ...facts },
  UserMessaged: { ...facts, channel: 'whatsapp', sender: 'shop', kind: 'message' },
};

function read(type: string, data: unknown, schema: unknown = EVENT_SCHEMA) {
  return readConsentEvent(type, data, schema, RECORDED);
}

function unreadable(storedType: string, businessId?: string) {
  return {
    type: 'Unreadable',
    data: { ...(businessId === undefined ? {} : { businessId }), occurredAt: RECORDED, storedType },
  };
}

describe("a recipient's stored event", () => {
  it.each(Object.entries(WHOLE))('%s is read as it was written', (type, data) => {
    const more = { ...data, sealed: { v: 1 }, claimedAt: 'yesterday' };
    expect(read(type, data)).toEqual({ type, data });
    expect(read(type, more)).toEqual({ type, data: more });
  });

  it.each([
    ['ConsentGranted', 'channels', [...CHANNELS]],
    ...GRANT_METHODS.map((method) => ['ConsentGranted', 'method', method] as const),
    ['ConsentGranted', 'disclosure', { id: 'd', version: 1 }],
    ['ConsentGranted', 'expiresAt', '2026-06-01T00:00:00.000Z'],
    ...REVOCATION_METHODS.map((method) => ['ConsentRevoked', 'method', method] as const),
    ['ConsentRevoked', 'channels', [...CHANNELS]],
    ['ConsentRevoked', 'categories', ['*']],
    ['ConsentRevoked', 'categories', [...CATEGORIES]],
    ['ConsentRevoked', 'categories', []],
    ['ConsentRevoked', 'purposes', []],
    ['ConsentRevoked', 'purposes', ['constructor', '__proto__']],
    ['ConsentRevoked', 'sender', 'shop'],
    ['ConsentRevoked', 'confirmUntil', '2026-05-01T10:05:00.000Z'],
    ...LINK_KINDS.map((kind) => ['RecipientLinked', 'kind', kind] as const),
    ['RecipientLinked', 'role', 'old'],
    ['RecipientLinked', 'role', 'new'],
    ...MESSAGE_KINDS.map((kind) => ['UserMessaged', 'kind', kind] as const),
    ...CHANNELS.map((channel) => ['UserMessaged', 'channel', channel] as const),
  ])('%s may hold %s = %j', (type, field, value) => {
    expect(read(type, { ...WHOLE[type], [field]: value })).toMatchObject({ type, data: { [field]: value } });
  });

  it.each([
    ...Object.entries(WHOLE).flatMap(([type, data]) =>
      Object.keys(data).map((field) => [type, field, undefined] as const),
    ),
    ...Object.keys(WHOLE).flatMap((type) => [
      [type, 'businessId', 7] as const,
      [type, 'occurredAt', '2026-05-01'] as const,
      [type, 'occurredAt', '2026-02-30T00:00:00.000Z'] as const,
    ]),
    ['ConsentGranted', 'channels', ['fax']],
    ['ConsentGranted', 'channels', ['*']],
    ['ConsentGranted', 'channels', 'sms'],
    ['ConsentGranted', 'purposes', 'offers'],
    ['ConsentGranted', 'purposes', [1]],
    ['ConsentGranted', 'method', 'constructor'],
    ['ConsentGranted', 'disclosure', null],
    ['ConsentGranted', 'disclosure', 'd'],
    ['ConsentGranted', 'disclosure', { id: 'd' }],
    ['ConsentGranted', 'disclosure', { id: 'd', version: 1.5 }],
    ['ConsentGranted', 'disclosure', { id: 1, version: 1 }],
    ['ConsentGranted', 'expiresAt', 'never'],
    ['ConsentGranted', 'expiresAt', null],
    ['ConsentRevoked', 'channels', ['*', 'sms']],
    ['ConsentRevoked', 'channels', ['sms', 'fax']],
    ['ConsentRevoked', 'channels', []],
    ['ConsentRevoked', 'channels', '*'],
    ['ConsentRevoked', 'categories', ['*', '*']],
    ['ConsentRevoked', 'categories', ['fun']],
    ['ConsentRevoked', 'categories', '*'],
    ['ConsentRevoked', 'purposes', [null]],
    ['ConsentRevoked', 'method', 'web_form'],
    ['ConsentRevoked', 'sender', 1],
    ['ConsentRevoked', 'confirmUntil', 'soon'],
    ['PreferenceResumed', 'channel', '*'],
    ['PreferenceResumed', 'sender', null],
    ['RecipientLinked', 'kind', 'cousin'],
    ['RecipientLinked', 'role', 'middle'],
    ['RecipientLinked', 'other', null],
    ['RecipientUnlinked', 'other', 1],
    ['UserMessaged', 'channel', 'fax'],
    ['UserMessaged', 'sender', 1],
    ['UserMessaged', 'kind', 'toString'],
  ])('%s with %s = %j is unreadable', (type, field, value) => {
    const businessId = field === 'businessId' ? undefined : 'acme';
    expect(read(type, { ...WHOLE[type], [field]: value })).toEqual(unreadable(type, businessId));
  });

  it('that would stop nothing is unreadable', () => {
    const data = { ...WHOLE.ConsentRevoked, purposes: [], categories: [] };
    expect(read('ConsentRevoked', data)).toEqual(unreadable('ConsentRevoked', 'acme'));
  });

  it.each([0, 2, '1', undefined, null, NaN])('of schema %j is unreadable', (schema) => {
    for (const [type, data] of Object.entries(WHOLE)) {
      expect(readConsentEvent(type, data, schema, RECORDED)).toEqual(unreadable(type, 'acme'));
    }
  });

  it.each(['ConsentTransferred', 'Unreadable', 'constructor', 'toString', '__proto__', 'hasOwnProperty', ''])(
    'of type %j is unreadable',
    (type) => expect(read(type, WHOLE.ConsentGranted)).toEqual(unreadable(type, 'acme')),
  );

  it.each([undefined, null, 7, 'text', [], true])('whose data are %j is unreadable, of no business', (data) => {
    for (const type of Object.keys(WHOLE)) expect(read(type, data)).toEqual(unreadable(type));
  });

  it('dated after its recording counts as of its recording, unless it is a no', () => {
    const ahead = '2099-01-01T00:00:00.000Z';
    for (const [type, data] of Object.entries(WHOLE)) {
      const isNo = type === 'ConsentRevoked' || type === 'RecipientErased';
      const { occurredAt } = read(type, { ...data, occurredAt: ahead }).data;
      expect([type, occurredAt]).toEqual([type, isNo ? ahead : RECORDED]);
      expect(read(type, { ...data, occurredAt: RECORDED }).data.occurredAt).toBe(RECORDED);
    }
  });
});

/** A whole event of every type that a business's register may hold. */
const REGISTER: Record<string, Record<string, unknown>> = {
  BusinessRegistered: { businessId: 'acme', legalName: 'Acme Ltd', displayName: 'Acme' },
  PolicySet: { businessId: 'acme', policy: {} },
  PurposeRegistered: { businessId: 'acme', purposeId: 'offers', category: 'marketing', requires: 'consent' },
  PurposeRetired: { businessId: 'acme', purposeId: 'offers' },
  DisclosurePublished: { businessId: 'acme', disclosureId: 'd', version: 1, channels: ['sms'], purposes: ['offers'] },
  DisclosureRetired: { businessId: 'acme', disclosureId: 'd' },
  SenderRegistered: { businessId: 'acme', senderId: 'shop', channel: 'sms', provider: 'other' },
  SenderRetired: { businessId: 'acme', senderId: 'shop' },
};

describe("an event of a business's register", () => {
  it.each(Object.entries(REGISTER))('%s is read as it was written, and lacks nothing', (type, data) => {
    expect(readBusinessEvent(type, data, EVENT_SCHEMA)).toEqual({ type, data });
    for (const field of Object.keys(data)) {
      for (const value of [undefined, null, 1.5, []]) {
        const understood = readBusinessEvent(type, { ...data, [field]: value }, EVENT_SCHEMA) !== undefined;
        const mayBeEmpty = Array.isArray(value) && Array.isArray(data[field]);
        expect([field, value, understood]).toEqual([field, value, mayBeEmpty]);
      }
    }
  });

  it.each([
    ['PurposeRegistered', 'category', 'fun'],
    ['PurposeRegistered', 'requires', 'nothing'],
    ['SenderRegistered', 'channel', 'fax'],
    ['SenderRegistered', 'provider', 'constructor'],
    ['DisclosurePublished', 'version', '1'],
  ])('%s with %s = %j is not understood', (type, field, value) => {
    expect(readBusinessEvent(type, { ...REGISTER[type], [field]: value }, EVENT_SCHEMA)).toBeUndefined();
  });

  it('of another type, schema or shape is not understood', () => {
    for (const type of ['BusinessSold', 'constructor', '__proto__', '']) {
      expect(readBusinessEvent(type, REGISTER.PolicySet, EVENT_SCHEMA)).toBeUndefined();
    }
    for (const schema of [0, 2, '1', undefined]) {
      expect(readBusinessEvent('PolicySet', REGISTER.PolicySet, schema)).toBeUndefined();
    }
    for (const data of [undefined, null, 7, 'text', []]) {
      expect(readBusinessEvent('PolicySet', data, EVENT_SCHEMA)).toBeUndefined();
    }
  });
});
