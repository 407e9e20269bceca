import { grantBody } from '../../support/client.js';
import { ACME, type Json } from './acme.js';
import { WRONG_TYPES, WRONG_WORDS, type Bad } from './bad-values.js';

/** What a field takes: `text` any words of people, `word` one of a list or of a form, `flat` an object of texts. */
type Kind = 'text' | 'word' | 'locale' | 'flat' | 'list' | 'object' | 'integer' | 'boolean';

export interface RouteWithBody {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** A body that the route takes. */
  readonly body: Json;
  readonly answersEachItem?: true;
  /** Every field by the kind of value that it takes; a question mark marks one that may be left out. */
  readonly fields: Readonly<Record<string, Kind | `${Kind}?`>>;
}

const PHONE = '+393338000001';
const DISCLOSURE = { text: 'T', locale: 'en', channels: ['sms'], purposes: ['offers'] };
const QUESTION = { recipient: { phone: PHONE }, channel: 'whatsapp', purpose: 'offers' };

export const ROUTES_WITH_BODIES: readonly RouteWithBody[] = [
  {
    name: 'a business',
    method: 'PUT',
    path: '/v1/businesses/bad',
    body: { legalName: 'L', displayName: 'D' },
    fields: { legalName: 'text', displayName: 'text', defaultRegion: 'word?', policy: 'flat?' },
  },
  {
    name: 'a purpose',
    method: 'PUT',
    path: `${ACME}/purposes/bad`,
    body: { category: 'marketing', title: 'T' },
    fields: { category: 'word', title: 'text', requires: 'word?' },
  },
  {
    name: 'a disclosure',
    method: 'POST',
    path: `${ACME}/disclosures/bad/versions`,
    body: DISCLOSURE,
    fields: {
      text: 'text',
      locale: 'locale',
      channels: 'list',
      purposes: 'list',
      frequency: 'text?',
      quickReplyExpected: 'boolean?',
      optOut: 'text?',
    },
  },
  {
    name: 'a sender',
    method: 'PUT',
    path: `${ACME}/senders/bad`,
    body: { channel: 'sms', provider: 'other', address: 'ACME' },
    fields: { channel: 'word', provider: 'word', address: 'text', providerId: 'text?' },
  },
  {
    name: 'a key',
    method: 'POST',
    path: `${ACME}/keys`,
    body: { name: 'n', scopes: ['audit:read'] },
    fields: { name: 'text', scopes: 'list' },
  },
  {
    name: 'a key for all businesses',
    method: 'POST',
    path: '/v1/keys',
    body: { name: 'n', scopes: ['audit:read'] },
    fields: { name: 'text', scopes: 'list' },
  },
  {
    name: 'a grant',
    method: 'POST',
    path: `${ACME}/grants`,
    body: grantBody(PHONE),
    fields: {
      recipient: 'object',
      'recipient.phone': 'word',
      channels: 'list',
      purposes: 'list',
      method: 'word',
      disclosure: 'object?',
      'disclosure.id': 'word',
      'disclosure.version': 'integer',
      evidence: 'flat?',
      occurredAt: 'word?',
      expiresAt: 'word?',
    },
  },
  {
    name: 'a message',
    method: 'POST',
    path: `${ACME}/messages`,
    body: {
      recipient: { phone: PHONE },
      channel: 'whatsapp',
      sender: 'main',
      messageId: 'm',
      occurredAt: '2026-05-04T10:00:00Z',
    },
    fields: {
      recipient: 'object',
      'recipient.phone': 'word',
      channel: 'word',
      sender: 'word',
      messageId: 'text',
      kind: 'word?',
      occurredAt: 'word',
    },
  },
  ...(['POST', 'DELETE'] as const).map((method): RouteWithBody => ({
    name: method === 'POST' ? 'a link' : 'an unlinking',
    method,
    path: `${ACME}/links`,
    body: {
      recipient: { phone: PHONE },
      other: { phone: '+393338000002' },
      kind: 'same_person',
      occurredAt: '2026-05-04T10:00:00Z',
    },
    fields: {
      recipient: 'object',
      'recipient.phone': 'word',
      other: 'object',
      'other.phone': 'word',
      kind: 'word',
      occurredAt: 'word',
    },
  })),
  {
    name: 'a check',
    method: 'POST',
    path: `${ACME}/eligibility`,
    body: QUESTION,
    fields: {
      recipient: 'object',
      'recipient.phone': 'word',
      channel: 'word',
      purpose: 'word',
      sender: 'word?',
      atLeast: 'word?',
      consistency: 'word?',
    },
  },
  {
    name: 'a batch',
    method: 'POST',
    path: `${ACME}/eligibility/batch`,
    answersEachItem: true,
    body: { checks: [QUESTION] },
    fields: { checks: 'list', atLeast: 'word?', consistency: 'word?' },
  },
  {
    name: 'a look-up',
    method: 'POST',
    path: `${ACME}/recipients/lookup`,
    answersEachItem: true,
    body: { recipients: [{ phone: PHONE }] },
    fields: { recipients: 'list' },
  },
];

const WORDS_OF_PEOPLE = WRONG_WORDS.map(({ what }) => what);

/** Which of the bad values a kind of field takes after all. */
const TAKES: Readonly<Record<Kind, readonly string[]>> = {
  text: WORDS_OF_PEOPLE,
  word: [],
  // Eight letters can be a language.
  locale: ['a method of every object'],
  flat: ['an object'],
  list: [],
  object: [],
  integer: ['a number'],
  boolean: ['a boolean'],
};

/** The values that the field must refuse. A batch and a look-up answer for each entry of their lists by itself. */
export function badValuesOf({ answersEachItem }: RouteWithBody, field: Kind | `${Kind}?`): readonly Bad[] {
  const kind = field.replace('?', '') as Kind;
  const takes = kind === 'list' && answersEachItem ? ['a list', 'a list of lists'] : TAKES[kind];
  return [...WRONG_TYPES, ...WRONG_WORDS].filter(({ what }) => !takes.includes(what));
}
