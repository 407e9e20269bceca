import { describe, expect, it } from '@jest/globals';
import {
  BUILT_IN_PURPOSES,
  disclosureOf,
  EMPTY_BUSINESS,
  evolveBusiness,
  purposeOf,
  senderOf,
  type BusinessState,
  type DisclosureVersion,
  type Purpose,
  type Sender,
} from './business.js';
import {
  nextVersion,
  publishDisclosure,
  registerBusiness,
  registerPurpose,
  registerSender,
  retirePurpose,
  retireSender,
  type RegisterDecision,
} from './decide-business.js';

const profile = { legalName: 'Acme Ltd', displayName: 'Acme', defaultRegion: 'IT' };
const offers: Purpose = { purposeId: 'offers', category: 'marketing', title: 'Offers', requires: 'consent' };
const news: Purpose = { purposeId: 'news', category: 'marketing', title: 'News', requires: 'consent' };
const tickets: Purpose = { purposeId: 'tickets', category: 'utility', title: 'Tickets', requires: 'no_objection' };
const shop: Sender = { senderId: 'shop', channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+390212345678' };
const draft: Omit<DisclosureVersion, 'version'> = {
  disclosureId: 'join',
  text: 'Acme sends offers.',
  locale: 'en',
  channels: ['whatsapp', 'sms'],
  purposes: ['offers', 'tickets'],
  sha256: 'ab',
  publishedAt: '2026-05-01T10:00:00.000Z',
};

function after(
  state: BusinessState,
  ...decisions: readonly ((state: BusinessState) => RegisterDecision)[]
): BusinessState {
  return decisions.reduce((state, decide) => {
    const decision = decide(state);
    if ('refused' in decision) throw new Error(decision.refused);
    return decision.events.reduce(evolveBusiness, state);
  }, state);
}

const registered = (purpose: Purpose) => (state: BusinessState) => registerPurpose(state, 'acme', purpose);
const retired = (purposeId: string) => (state: BusinessState) => retirePurpose(state, 'acme', purposeId);
const published =
  (more: Partial<typeof draft> = {}) =>
  (state: BusinessState) =>
    publishDisclosure(state, 'acme', { ...draft, ...more });

const acme = after(EMPTY_BUSINESS, (state) => registerBusiness(state, 'acme', profile, undefined));
const open = after(acme, registered(offers), registered(news), registered(tickets), published());

describe('a business', () => {
  it('is registered once, and again only where something changed', () => {
    const first = registerBusiness(EMPTY_BUSINESS, 'acme', profile, { a: 1 });
    expect(first).toEqual({
      events: [
        { type: 'BusinessRegistered', data: { businessId: 'acme', ...profile } },
        { type: 'PolicySet', data: { businessId: 'acme', policy: { a: 1 } } },
      ],
      created: true,
    });
    const state = after(EMPTY_BUSINESS, () => first);
    expect(state).toEqual({ ...EMPTY_BUSINESS, profile, policy: { a: 1 } });
    const again = { displayName: 'Acme', defaultRegion: 'IT', legalName: 'Acme Ltd' };
    expect(registerBusiness(state, 'acme', again, { a: 1 })).toEqual({ events: [], created: false });
    expect(registerBusiness(state, 'acme', again, undefined)).toEqual({ events: [], created: false });
    const { defaultRegion: _, ...smaller } = profile;
    expect(registerBusiness(state, 'acme', smaller, { a: 2 })).toMatchObject({ events: [{}, {}], created: false });
    expect(registerBusiness(state, 'acme', smaller, undefined)).toMatchObject({
      events: [{ type: 'BusinessRegistered' }],
    });
  });

  it('must be registered before its register is filled', () => {
    const refused = { refused: 'BUSINESS_NOT_FOUND', field: 'businessId', subject: 'acme' };
    expect(registerPurpose(EMPTY_BUSINESS, 'acme', offers)).toEqual(refused);
    expect(registerSender(EMPTY_BUSINESS, 'acme', shop)).toEqual(refused);
    expect(publishDisclosure(EMPTY_BUSINESS, 'acme', draft)).toEqual(refused);
  });
});

describe('a purpose', () => {
  it('is registered, changed, retired and taken up again', () => {
    const first = registerPurpose(acme, 'acme', offers);
    expect(first).toEqual({
      events: [{ type: 'PurposeRegistered', data: { businessId: 'acme', ...offers } }],
      created: true,
    });
    const state = after(acme, registered(news), () => first);
    expect(state.purposes).toEqual([news, offers]);
    expect(registerPurpose(state, 'acme', { ...offers })).toEqual({ events: [], created: false });
    const renamed = after(state, registered({ ...news, title: 'Other news' }));
    expect(renamed.purposes).toEqual([{ ...news, title: 'Other news' }, offers]);
    expect(registerPurpose(state, 'acme', { ...offers, title: 'x' })).toMatchObject({ created: false });
    const gone = after(state, retired('news'));
    expect(gone.purposes).toEqual([{ ...news, retired: true }, offers]);
    expect(retirePurpose(state, 'acme', 'news')).toEqual({
      events: [{ type: 'PurposeRetired', data: { businessId: 'acme', purposeId: 'news' } }],
      created: false,
    });
    expect(retirePurpose(gone, 'acme', 'news')).toEqual({ events: [], created: false });
    expect(after(gone, registered(news)).purposes).toEqual([news, offers]);
  });

  it('keeps its category for ever, also when retired', () => {
    const refused = { refused: 'PURPOSE_CATEGORY_FIXED', field: 'category', subject: 'marketing' };
    expect(registerPurpose(open, 'acme', { ...offers, category: 'utility' })).toEqual(refused);
    expect(registerPurpose(after(open, retired('offers')), 'acme', { ...offers, category: 'utility' })).toEqual(
      refused,
    );
  });

  it('that is built in is known, cannot be changed and cannot be retired', () => {
    for (const purposeId of ['service', 'opt_out_confirmation']) {
      const builtIn: Purpose = { purposeId, category: 'service', title: 'Ours', requires: 'no_objection' };
      expect(purposeOf(EMPTY_BUSINESS, purposeId)).toMatchObject({
        category: 'service',
        requires: 'consent',
        title: expect.stringMatching(/./),
      });
      expect(registerPurpose(acme, 'acme', builtIn)).toEqual({ events: [], created: false });
      expect(registerPurpose(acme, 'acme', { ...builtIn, category: 'marketing' })).toMatchObject({
        refused: 'PURPOSE_CATEGORY_FIXED',
      });
      expect(retirePurpose(acme, 'acme', purposeId)).toMatchObject({ refused: 'PURPOSE_NOT_FOUND' });
    }
    expect(BUILT_IN_PURPOSES).toHaveLength(2);
    expect(purposeOf(open, 'offers')).toEqual(offers);
    for (const name of ['constructor', '__proto__', 'x']) expect(purposeOf(open, name)).toBeUndefined();
    expect(retirePurpose(open, 'acme', 'x')).toEqual({
      refused: 'PURPOSE_NOT_FOUND',
      field: 'purposeId',
      subject: 'x',
    });
  });
});

describe('a sender', () => {
  it('is registered, changed, retired and taken up again', () => {
    const first = registerSender(acme, 'acme', shop);
    expect(first).toEqual({
      events: [{ type: 'SenderRegistered', data: { businessId: 'acme', ...shop } }],
      created: true,
    });
    const desk = { ...shop, senderId: 'desk', providerId: '106540352242922' };
    const state = after(
      acme,
      () => first,
      (state) => registerSender(state, 'acme', desk),
    );
    expect(senderOf(state, 'desk')).toEqual(desk);
    expect(senderOf(state, 'x')).toBeUndefined();
    expect(registerSender(state, 'acme', desk)).toEqual({ events: [], created: false });
    expect(registerSender(state, 'acme', { ...desk, providerId: '1' })).toMatchObject({ events: [{}], created: false });
    const gone = after(state, (state) => retireSender(state, 'acme', 'shop'));
    expect(gone.senders).toEqual([{ ...shop, retired: true }, desk]);
    expect(retireSender(state, 'acme', 'shop')).toMatchObject({
      events: [{ type: 'SenderRetired', data: { businessId: 'acme', senderId: 'shop' } }],
      created: false,
    });
    expect(retireSender(gone, 'acme', 'shop')).toEqual({ events: [], created: false });
    expect(retireSender(gone, 'acme', 'x')).toEqual({ refused: 'SENDER_NOT_FOUND', field: 'senderId', subject: 'x' });
    expect(after(gone, (state) => registerSender(state, 'acme', shop)).senders).toEqual([shop, desk]);
  });
});

describe('a disclosure', () => {
  it('is published in versions, which are never edited', () => {
    const twice = after(open, published({ text: 'Acme sends more.' }), published({ disclosureId: 'other' }));
    expect(twice.disclosures.map(({ disclosureId, version, text }) => [disclosureId, version, text])).toEqual([
      ['join', 1, 'Acme sends offers.'],
      ['join', 2, 'Acme sends more.'],
      ['other', 1, 'Acme sends offers.'],
    ]);
    expect([nextVersion(twice, 'join'), nextVersion(twice, 'other'), nextVersion(twice, 'x')]).toEqual([3, 2, 1]);
    expect(disclosureOf(twice, 'join', 1)).toEqual({ ...draft, version: 1 });
    expect([disclosureOf(twice, 'join', 3), disclosureOf(twice, 'x', 1)]).toEqual([undefined, undefined]);
    expect(publishDisclosure(open, 'acme', draft)).toEqual({
      events: [{ type: 'DisclosurePublished', data: { businessId: 'acme', ...draft, version: 2 } }],
      created: true,
    });
    const again = evolveBusiness(twice, {
      type: 'DisclosurePublished',
      data: { businessId: 'acme', ...draft, version: 2 },
    });
    expect(again.disclosures.map(({ text }) => text)).toEqual([
      'Acme sends offers.',
      'Acme sends offers.',
      'Acme sends offers.',
    ]);
  });

  it('names registered purposes only', () => {
    const refused = { refused: 'PURPOSE_NOT_FOUND', field: 'purposes', subject: 'x' };
    expect(publishDisclosure(open, 'acme', { ...draft, purposes: ['offers', 'x'] })).toEqual(refused);
    expect(publishDisclosure(open, 'acme', { ...draft, purposes: ['service'] })).toMatchObject({ created: true });
  });

  it('is retired in all the versions that there are', () => {
    const two = after(open, published(), published({ disclosureId: 'other' }));
    const gone = evolveBusiness(two, { type: 'DisclosureRetired', data: { businessId: 'acme', disclosureId: 'join' } });
    expect(gone.disclosures.map(({ retired }) => retired)).toEqual([true, true, undefined]);
    expect(after(gone, published()).disclosures.at(-1)).toEqual({ ...draft, version: 3 });
  });
});
