import { describe, expect, it } from '@jest/globals';
import {
  EMPTY_BUSINESS,
  evolveBusiness,
  type BusinessState,
  type DisclosureVersion,
  type Purpose,
} from './business.js';
import {
  publishDisclosure,
  purposesOfGrant,
  registerBusiness,
  registerPurpose,
  retirePurpose,
  type GrantScope,
  type RegisterDecision,
} from './decide-business.js';
import { GRANT_METHODS } from './vocabulary.js';

const profile = { legalName: 'Acme Ltd', displayName: 'Acme', defaultRegion: 'IT' };
const offers: Purpose = { purposeId: 'offers', category: 'marketing', title: 'Offers', requires: 'consent' };
const news: Purpose = { purposeId: 'news', category: 'marketing', title: 'News', requires: 'consent' };
const tickets: Purpose = { purposeId: 'tickets', category: 'utility', title: 'Tickets', requires: 'no_objection' };
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

describe('the purposes of a grant', () => {
  const scope: GrantScope = {
    channels: ['sms'],
    purposes: ['offers'],
    method: 'web_form',
    disclosure: { id: 'join', version: 1 },
  };
  const of = (more: Partial<GrantScope>, state = open) => purposesOfGrant(state, { ...scope, ...more });
  const { disclosure: _, ...uncited } = scope;
  const { purposes: __, ...byCategory } = scope;

  it('are those it names, with their categories', () => {
    expect(of({ purposes: ['offers', 'tickets'], channels: ['whatsapp', 'sms'] })).toEqual([
      { id: 'offers', category: 'marketing' },
      { id: 'tickets', category: 'utility' },
    ]);
  });

  it('are those of its categories that the disclosure shows, none that is retired or came later', () => {
    const marketing = { ...byCategory, categories: ['marketing'] } as const;
    expect(purposesOfGrant(open, marketing)).toEqual([{ id: 'offers', category: 'marketing' }]);
    const both = { ...byCategory, categories: ['marketing', 'utility'] } as const;
    expect(purposesOfGrant(open, both)).toHaveLength(2);
    expect(purposesOfGrant(after(open, retired('offers')), both)).toEqual([{ id: 'tickets', category: 'utility' }]);
    const uncovered = { refused: 'DISCLOSURE_DOES_NOT_COVER', field: 'disclosure', subject: 'join' };
    expect(purposesOfGrant(open, { ...byCategory, categories: ['authentication'] })).toEqual(uncovered);
    expect(purposesOfGrant(open, byCategory)).toEqual(uncovered);
  });

  it.each([
    [
      'another version',
      { disclosure: { id: 'join', version: 2 } },
      { refused: 'DISCLOSURE_NOT_FOUND', field: 'disclosure', subject: 'join' },
    ],
    [
      'an unknown disclosure',
      { disclosure: { id: 'x', version: 1 } },
      { refused: 'DISCLOSURE_NOT_FOUND', field: 'disclosure', subject: 'x' },
    ],
    [
      'an unknown purpose',
      { purposes: ['offers', 'x'] },
      { refused: 'PURPOSE_NOT_FOUND', field: 'purposes', subject: 'x' },
    ],
    [
      'a name every object has',
      { purposes: ['constructor'] },
      { refused: 'PURPOSE_NOT_FOUND', field: 'purposes', subject: 'constructor' },
    ],
    [
      'a built-in purpose',
      { purposes: ['service'] },
      { refused: 'PURPOSE_NOT_FOUND', field: 'purposes', subject: 'service' },
    ],
    [
      'a purpose not shown',
      { purposes: ['offers', 'news'] },
      { refused: 'DISCLOSURE_DOES_NOT_COVER', field: 'disclosure', subject: 'join' },
    ],
    [
      'a channel not shown',
      { channels: ['sms', 'email'] },
      { refused: 'DISCLOSURE_DOES_NOT_COVER', field: 'disclosure', subject: 'join' },
    ],
    [
      'no purpose at all',
      { purposes: [] },
      { refused: 'DISCLOSURE_DOES_NOT_COVER', field: 'disclosure', subject: 'join' },
    ],
  ] as const)('are refused for %s', (_, more, refused) => expect(of(more)).toEqual(refused));

  it('are refused where a purpose or the disclosure is retired', () => {
    expect(of({}, after(open, retired('offers')))).toEqual({
      refused: 'PURPOSE_RETIRED',
      field: 'purposes',
      subject: 'offers',
    });
    const gone = evolveBusiness(open, {
      type: 'DisclosureRetired',
      data: { businessId: 'acme', disclosureId: 'join' },
    });
    expect(of({}, gone)).toEqual({ refused: 'DISCLOSURE_RETIRED', field: 'disclosure', subject: 'join' });
  });

  it.each(GRANT_METHODS)("by %s need a disclosure unless it is an import or the provider's own", (method) => {
    const free = ['import', 'in_app_signup'].includes(method);
    const refused = { refused: 'DISCLOSURE_REQUIRED', field: 'disclosure' };
    expect(purposesOfGrant(open, { ...uncited, method })).toEqual(
      free ? [{ id: 'offers', category: 'marketing' }] : refused,
    );
    const { purposes: _, ...unnamed } = { ...uncited, method, categories: ['marketing'] as const };
    expect(purposesOfGrant(open, unnamed)).toEqual(refused);
    expect(purposesOfGrant(open, { ...uncited, method, purposes: ['x'] })).toMatchObject({
      refused: 'PURPOSE_NOT_FOUND',
    });
  });
});
