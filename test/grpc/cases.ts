import type { Json, Method } from './support.js';

/** One request, as HTTP's body has it; `id` questions go by the recipient's id. */
export interface Case {
  readonly what: string;
  readonly ask: 'check' | 'batch' | 'grant' | 'revoke' | 'message';
  readonly body: Json;
  readonly business?: string;
  readonly key?: 'admin' | 'reader' | 'writer' | 'foreign' | 'none' | 'wrong';
  readonly idempotencyKey?: string;
  /** `OK`, or the code that both must answer. */
  readonly code: string;
}

export const METHOD_OF: Readonly<Record<Case['ask'], Method>> = {
  check: 'Check',
  batch: 'CheckBatch',
  grant: 'Grant',
  revoke: 'Revoke',
  message: 'RecordMessage',
};

export const ROUTE_OF: Readonly<Record<Case['ask'], string>> = {
  check: '/eligibility',
  batch: '/eligibility/batch',
  grant: '/grants',
  revoke: '/revocations',
  message: '/messages',
};

const offers = { channel: 'whatsapp', purpose: 'offers' };
const somebody = { phone: '+393330000900' };
const web = { id: 'web', version: 1 };
const grant = {
  recipient: somebody,
  channels: ['whatsapp'],
  purposes: ['offers'],
  method: 'web_form',
  disclosure: web,
};
const message = { recipient: somebody, channel: 'whatsapp', sender: 'main', messageId: 'm-1' };
const at = '2026-05-04T11:00:00.000Z';

/** Whom the questions are about: told by the commands of the test, half of them over each. */
export const PEOPLE = [
  '+393330000101',
  '+393330000102',
  '+393330000103',
  '+393330000104',
  '+393330000105',
  '+393330000106',
  '+393330000107',
] as const;

/** A purpose that was retired. */
export const RETIRED = 'raffles-2025';

const TOPICS = [
  offers,
  { channel: 'sms', purpose: 'offers' },
  { channel: 'whatsapp', purpose: 'news' },
  { channel: 'whatsapp', purpose: 'service' },
  { channel: 'whatsapp', purpose: 'service', sender: 'main' },
  { channel: 'whatsapp', purpose: 'opt_out_confirmation' },
  { channel: 'email', purpose: 'receipts' },
];

export const QUESTIONS: readonly Case[] = PEOPLE.flatMap((phone) =>
  TOPICS.flatMap((topic) =>
    ['fast', 'ledger'].map((consistency) => ({
      what: `${phone.slice(-3)} about ${topic.purpose} on ${topic.channel}, ${consistency}`,
      ask: 'check' as const,
      body: { recipient: { phone }, ...topic, ...(consistency === 'fast' ? {} : { consistency }) },
      code: 'OK',
    })),
  ),
);

const check = (what: string, code: string, body: Json, more: Partial<Case> = {}): Case => ({
  what,
  ask: 'check',
  body: { recipient: somebody, ...offers, ...body },
  code,
  ...more,
});

export const REFUSED_CHECKS: readonly Case[] = [
  check('no key', 'UNAUTHENTICATED', {}, { key: 'none' }),
  check('a key that nobody has', 'UNAUTHENTICATED', {}, { key: 'wrong' }),
  check('a key of another scope', 'FORBIDDEN', {}, { key: 'writer' }),
  check('a key of another business', 'BUSINESS_NOT_FOUND', {}, { key: 'foreign' }),
  check('a business that does not exist', 'BUSINESS_NOT_FOUND', {}, { business: 'nobody' }),
  check('an unknown channel', 'CHANNEL_UNKNOWN', { channel: 'fax' }),
  check('no channel', 'VALIDATION_FAILED', { channel: undefined }),
  check('no purpose', 'VALIDATION_FAILED', { purpose: undefined }),
  check('an unknown purpose', 'PURPOSE_NOT_FOUND', { purpose: 'raffles' }),
  check('a retired purpose', 'PURPOSE_RETIRED', { purpose: RETIRED }),
  check('an unknown sender', 'SENDER_NOT_FOUND', { sender: 'nobody' }),
  check('nobody', 'VALIDATION_FAILED', { recipient: {} }),
  check('no number', 'ADDRESS_INVALID', { recipient: { phone: '12' } }),
  check('no address', 'ADDRESS_INVALID', { recipient: { email: 'ada@' } }),
  check('no id', 'ADDRESS_INVALID', { recipient: { recipientId: 'abc' } }),
  check('no position', 'VALIDATION_FAILED', { atLeast: 'yesterday' }),
  check('an unknown consistency', 'VALIDATION_FAILED', { consistency: 'sometimes' }),
  check('a position of another ledger', 'OK', { atLeast: 'AAAAAAAAAAAAAAAA.1' }),
];

export const BATCHES: readonly Case[] = [
  {
    what: 'a batch in which some questions are wrong',
    ask: 'batch',
    body: {
      ...offers,
      checks: [
        { ref: 'a', recipient: { phone: PEOPLE[0] } },
        { ref: 'b', recipient: { phone: '12' } },
        { recipient: { phone: PEOPLE[1] }, purpose: 'raffles' },
        { ref: 'd', recipient: { phone: PEOPLE[2] }, channel: 'email', purpose: 'receipts' },
        { ref: 'e' },
      ],
    },
    code: 'OK',
  },
  { what: 'an empty batch', ask: 'batch', body: { ...offers, checks: [] }, code: 'OK' },
  {
    what: 'a batch that is too large',
    ask: 'batch',
    body: { ...offers, checks: Array.from({ length: 1_001 }, () => ({ recipient: somebody })) },
    code: 'BATCH_TOO_LARGE',
  },
];

const refusedGrant = (what: string, code: string, body: Json, more: Partial<Case> = {}): Case => ({
  what,
  ask: 'grant',
  body: { ...grant, ...body },
  code,
  ...more,
});

export const REFUSED_COMMANDS: readonly Case[] = [
  refusedGrant('a grant with a reading key', 'FORBIDDEN', {}, { key: 'reader' }),
  refusedGrant('a grant of nothing', 'VALIDATION_FAILED', { purposes: undefined }),
  refusedGrant('a grant of purposes and categories', 'VALIDATION_FAILED', { categories: ['marketing'] }),
  refusedGrant('a grant on no channel', 'VALIDATION_FAILED', { channels: undefined }),
  refusedGrant('a grant on an unknown channel', 'CHANNEL_UNKNOWN', { channels: ['fax'] }),
  refusedGrant('a grant by an unknown method', 'VALIDATION_FAILED', { method: 'telepathy' }),
  refusedGrant('a grant of an unknown purpose', 'PURPOSE_NOT_FOUND', { purposes: ['raffles'] }),
  refusedGrant('a grant of a retired purpose', 'PURPOSE_RETIRED', { purposes: [RETIRED] }),
  refusedGrant('a grant without a disclosure', 'DISCLOSURE_REQUIRED', { disclosure: undefined }),
  refusedGrant('a grant by an unknown disclosure', 'DISCLOSURE_NOT_FOUND', { disclosure: { id: 'web', version: 9 } }),
  refusedGrant('a grant beyond its disclosure', 'DISCLOSURE_DOES_NOT_COVER', { channels: ['voice'] }),
  refusedGrant('a grant of tomorrow', 'OCCURRED_IN_FUTURE', { occurredAt: '2026-05-05T12:00:00.000Z' }),
  refusedGrant('a grant on paper without a day', 'OCCURRED_AT_REQUIRED', { method: 'paper_form' }),
  refusedGrant('a grant at no time', 'VALIDATION_FAILED', { occurredAt: 'yesterday' }),
  refusedGrant('a grant at an empty time', 'VALIDATION_FAILED', { occurredAt: '' }),
  refusedGrant('a grant of no number', 'ADDRESS_INVALID', { recipient: { phone: '12' } }),
  refusedGrant('a grant under a key that is too long', 'VALIDATION_FAILED', {}, { idempotencyKey: 'k'.repeat(256) }),
  { what: 'a message without a time', ask: 'message', body: message, code: 'VALIDATION_FAILED' },
  {
    what: 'a message at an empty time',
    ask: 'message',
    body: { ...message, occurredAt: '' },
    code: 'VALIDATION_FAILED',
  },
  {
    what: 'a message to nobody',
    ask: 'message',
    body: { ...message, sender: 'nobody', occurredAt: at },
    code: 'SENDER_NOT_FOUND',
  },
  {
    what: 'a message of an unknown kind',
    ask: 'message',
    body: { ...message, kind: 'shout', occurredAt: at },
    code: 'VALIDATION_FAILED',
  },
  { what: 'an opt-out of nobody', ask: 'revoke', body: {}, code: 'VALIDATION_FAILED' },
  {
    what: 'an opt-out of no number at all',
    ask: 'revoke',
    body: { recipient: { phone: 'none' } },
    code: 'ADDRESS_INVALID',
  },
  {
    what: 'an opt-out without a key',
    ask: 'revoke',
    body: { recipient: somebody },
    key: 'none',
    code: 'UNAUTHENTICATED',
  },
  {
    what: 'an opt-out with a reading key',
    ask: 'revoke',
    body: { recipient: somebody },
    key: 'reader',
    code: 'FORBIDDEN',
  },
];

/** Carried out once over each, for a person each: what they answer must be the same but for who, where and when. */
export const COMMANDS: readonly Case[] = [
  { what: 'a grant', ask: 'grant', body: grant, code: 'OK' },
  {
    what: 'a grant by category',
    ask: 'grant',
    body: { ...grant, purposes: undefined, categories: ['marketing'] },
    code: 'OK',
  },
  {
    what: 'a grant with evidence, of a day, for a while',
    ask: 'grant',
    body: {
      ...grant,
      method: 'paper_form',
      occurredAt: '2026-03-01',
      expiresAt: '2027-03-01T00:00:00.000Z',
      evidence: { scan: 'box 12', sha256: 'a'.repeat(64) },
    },
    code: 'OK',
  },
  { what: 'a grant that is over', ask: 'grant', body: { ...grant, expiresAt: '2026-05-04T11:59:59.999Z' }, code: 'OK' },
  { what: 'a message', ask: 'message', body: { ...message, occurredAt: at }, code: 'OK' },
  {
    what: 'a message of some second',
    ask: 'message',
    body: { ...message, messageId: 'm-2', occurredAt: '2026-05-04T11:30:00Z' },
    code: 'OK',
  },
  { what: 'an opt-out of everything', ask: 'revoke', body: { recipient: somebody }, code: 'OK' },
  {
    what: 'an opt-out by keyword',
    ask: 'revoke',
    body: { recipient: somebody, channels: ['whatsapp'], method: 'keyword' },
    code: 'OK',
  },
  {
    what: 'an opt-out whose channel is broken',
    ask: 'revoke',
    body: { recipient: somebody, channels: ['fax'], purposes: ['offers'] },
    code: 'OK',
  },
  {
    what: 'an opt-out in words of its own',
    ask: 'revoke',
    body: {
      recipient: somebody,
      categories: ['all of it'],
      method: 'shouting',
      reason: 'enough',
      occurredAt: 'yesterday',
    },
    code: 'OK',
  },
  {
    what: 'an opt-out of some second',
    ask: 'revoke',
    body: { recipient: somebody, occurredAt: '2026-05-04T11:45:00Z' },
    code: 'OK',
  },
  { what: 'an opt-out at an empty time', ask: 'revoke', body: { recipient: somebody, occurredAt: '' }, code: 'OK' },
  {
    what: 'an opt-out of tomorrow',
    ask: 'revoke',
    body: { recipient: somebody, occurredAt: '2026-05-05T12:00:00.000Z' },
    code: 'OK',
  },
  {
    what: 'an opt-out of an unregistered purpose',
    ask: 'revoke',
    body: { recipient: somebody, purposes: ['raffles'] },
    code: 'OK',
  },
  {
    what: 'an opt-out under a key that is too long',
    ask: 'revoke',
    body: { recipient: somebody },
    idempotencyKey: 'k'.repeat(256),
    code: 'OK',
  },
];
