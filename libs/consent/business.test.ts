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
  type SenderDraft,
} from './decide-business.js';

const NOW = '2026-01-01T00:00:00.000Z';
const profile = { legalName: 'Acme Ltd', displayName: 'Acme', defaultRegion: 'IT' };
const offers: Purpose = { purposeId: 'offers', category: 'marketing', title: 'Offers', requires: 'consent' };
const news: Purpose = { purposeId: 'news', category: 'marketing', title: 'News', requires: 'consent' };
const tickets: Purpose = { purposeId: 'tickets', category: 'utility', title: 'Tickets', requires: 'no_objection' };
const shop: SenderDraft = {
  senderId: 'shop',
  channel: 'whatsapp',
  provider: 'whatsapp_cloud',
  address: '+390212345678',
};
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
    const elsewhere = { ...profile, defaultRegion: 'FR' };
    expect(registerBusiness(state, 'acme', elsewhere, { a: 2 })).toMatchObject({ events: [{}, {}], created: false });
  });

  it('keeps its region where none is named, so that national numbers stay whose they are', () => {
    const state = after(EMPTY_BUSINESS, () => registerBusiness(EMPTY_BUSINESS, 'acme', profile, undefined));
    const renamed = { legalName: profile.legalName, displayName: 'Another name' };
    const events = [{ type: 'BusinessRegistered', data: { businessId: 'acme', ...profile, ...renamed } }];
    expect(registerBusiness(state, 'acme', renamed, undefined)).toEqual({ events, created: false });
    expect(registerBusiness(EMPTY_BUSINESS, 'acme', renamed, undefined)).toMatchObject({
      events: [{ data: { businessId: 'acme', ...renamed } }],
    });
  });

  it('must be registered before its register is filled', () => {
    const refused = { refused: 'BUSINESS_NOT_FOUND', field: 'businessId', subject: 'acme' };
    expect(registerPurpose(EMPTY_BUSINESS, 'acme', offers)).toEqual(refused);
    expect(registerSender(EMPTY_BUSINESS, 'acme', shop, NOW)).toEqual(refused);
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
  const LATER = '2026-02-01T00:00:00.000Z';
  const put =
    (draft: SenderDraft, now = NOW) =>
    (state: BusinessState) =>
      registerSender(state, 'acme', draft, now);
  const desk = { ...shop, senderId: 'desk', providerId: '106540352242922' };

  it('is registered, changed, retired and taken up again', () => {
    const first = registerSender(acme, 'acme', shop, NOW);
    expect(first).toEqual({
      events: [{ type: 'SenderRegistered', data: { businessId: 'acme', ...shop } }],
      created: true,
    });
    const state = after(acme, () => first, put(desk));
    expect(senderOf(state, 'desk')).toEqual({ ...desk, boundAt: NOW });
    expect(senderOf(state, 'x')).toBeUndefined();
    expect(registerSender(state, 'acme', desk, LATER)).toEqual({ events: [], created: false });
    const gone = after(state, (known) => retireSender(known, 'acme', 'shop'));
    expect(gone.senders).toEqual([
      { ...shop, retired: true },
      { ...desk, boundAt: NOW },
    ]);
    expect(retireSender(state, 'acme', 'shop')).toMatchObject({
      events: [{ type: 'SenderRetired', data: { businessId: 'acme', senderId: 'shop' } }],
      created: false,
    });
    expect(retireSender(gone, 'acme', 'shop')).toEqual({ events: [], created: false });
    expect(retireSender(gone, 'acme', 'x')).toEqual({ refused: 'SENDER_NOT_FOUND', field: 'senderId', subject: 'x' });
    expect(after(gone, put(shop)).senders).toEqual([shop, { ...desk, boundAt: NOW }]);
  });

  it('stays bound where a change names no id, and remembers the ids it had', () => {
    const bound = after(acme, put(desk));
    const { providerId: _, ...unnamed } = desk;
    const moved = after(bound, put({ ...unnamed, address: '+390299' }, LATER));
    expect(senderOf(moved, 'desk')).toEqual({ ...desk, address: '+390299', boundAt: NOW });
    const rebound = after(bound, put({ ...desk, providerId: '2' }, LATER));
    const first = { provider: desk.provider, providerId: desk.providerId, boundAt: NOW };
    expect(senderOf(rebound, 'desk')).toEqual({ ...desk, providerId: '2', boundAt: LATER, formerIds: [first] });
    const back = after(rebound, put(desk, LATER));
    expect(senderOf(back, 'desk')).toMatchObject({ providerId: desk.providerId, formerIds: [{ providerId: '2' }] });
    expect(senderOf(back, 'desk')?.formerIds).toHaveLength(1);
  });

  it('that was retired takes its id up again only where it is named', () => {
    const gone = after(acme, put(desk), (state) => retireSender(state, 'acme', 'desk'));
    const { providerId: _, ...unnamed } = desk;
    const first = { provider: desk.provider, providerId: desk.providerId, boundAt: NOW };
    expect(senderOf(after(gone, put(unnamed, LATER)), 'desk')).toEqual({ ...unnamed, formerIds: [first] });
    expect(senderOf(after(gone, put(desk, LATER)), 'desk')).toEqual({ ...desk, boundAt: LATER });
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
