import { ALL, CATEGORIES, GRANT_METHODS, LINK_KINDS, MESSAGE_KINDS, REQUIREMENTS, REVOCATION_METHODS } from '#consent';
import { SCHEMA_IDS } from './cloud-events.js';
import {
  BUSINESS_ID,
  CHANNEL,
  CHANNEL_OR_ALL,
  EVENT_ID,
  FLAG,
  INSTANT,
  POSITION,
  RECIPIENT_ID,
  TEXT,
  listOf,
  object,
  words,
  type JsonSchema,
} from './schema-parts.js';

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
const CATEGORY_OR_ALL = words([...CATEGORIES, ALL]);
const ROLE = words(['old', 'new']);

/** An instant and the event that it is of stand together: both, or neither. */
function together(...pairs: readonly (readonly [string, string])[]): JsonSchema {
  return {
    dependentRequired: Object.fromEntries(
      pairs.flatMap(
        ([at, id]) =>
          [
            [at, [id]],
            [id, [at]],
          ] as const,
      ),
    ),
  };
}

/** Where the flag is set, so are the members that say when and by which event; where it is not, they are absent. */
function flagged(flag: string, at: string, id: string): JsonSchema {
  return {
    if: { properties: { [flag]: { const: true } } },
    then: { required: [at, id] },
    else: { properties: { [at]: false, [id]: false } },
  };
}

const CHANGE = object(
  {
    businessId: BUSINESS_ID,
    recipientId: { ...RECIPIENT_ID, description: 'Whose consent it touches; the key of the record.' },
    eventId: EVENT_ID,
    type: {
      ...TEXT,
      description: "The event's name. Whoever does not know it denies the recipient.",
      examples: ['ConsentGranted', 'ConsentRevoked', 'UserMessaged'],
    },
    channels: listOf(CHANNEL_OR_ALL),
    purposes: listOf(TEXT),
    categories: listOf(CATEGORY_OR_ALL),
    method: { anyOf: [words([...new Set([...GRANT_METHODS, ...REVOCATION_METHODS])]), { type: 'null' }] },
    occurredAt: { ...INSTANT, description: 'When the person acted, as it counts.' },
    recordedAt: { ...INSTANT, description: 'When the ledger heard.' },
  },
  {
    unreadable: { const: true, description: 'The ledger could not read the event: its recipient is denied.' },
    expiresAt: INSTANT,
    sender: TEXT,
    kind: words(MESSAGE_KINDS),
    confirmUntil: INSTANT,
    link: object({ recipientId: RECIPIENT_ID }, { kind: words(LINK_KINDS), role: ROLE }),
    linkedFrom: { ...RECIPIENT_ID, description: 'On an opt-out told under a linked key: under whom it stands.' },
  },
);

const BASIS = { occurredAt: INSTANT, eventId: EVENT_ID };

const STATE: JsonSchema = {
  ...object(
    {
      businessId: BUSINESS_ID,
      recipientId: { ...RECIPIENT_ID, description: 'The key of the record.' },
      position: { ...POSITION, description: `Everything up to here is in the state. ${POSITION.description}` },
      erased: FLAG,
      unreadable: { ...FLAG, description: 'The ledger could not read all of it: deny.' },
      grants: listOf(object({ channel: CHANNEL, purpose: TEXT, ...BASIS }, { expiresAt: INSTANT })),
      revocations: listOf({
        ...object({ channel: CHANNEL_OR_ALL, ...BASIS }, { purpose: TEXT, category: CATEGORY_OR_ALL }),
        oneOf: [{ required: ['purpose'] }, { required: ['category'] }],
      }),
      preferences: listOf({
        ...object(
          { channel: CHANNEL, sender: TEXT },
          { stoppedAt: INSTANT, stopEventId: EVENT_ID, resumedAt: INSTANT, resumeEventId: EVENT_ID },
        ),
        ...together(['stoppedAt', 'stopEventId'], ['resumedAt', 'resumeEventId']),
      }),
      blocks: listOf(object({ channel: CHANNEL_OR_ALL, ...BASIS })),
      contacts: listOf(object({ channel: CHANNEL, sender: TEXT, ...BASIS })),
      confirmations: listOf(object({ channel: CHANNEL_OR_ALL, until: INSTANT, ...BASIS })),
      links: listOf({
        ...object(
          { recipientId: RECIPIENT_ID },
          {
            kind: words(LINK_KINDS),
            role: ROLE,
            ...{ linkedAt: INSTANT, linkEventId: EVENT_ID, unlinkedAt: INSTANT, unlinkEventId: EVENT_ID },
          },
        ),
        ...together(['linkedAt', 'linkEventId'], ['unlinkedAt', 'unlinkEventId'], ['kind', 'linkedAt']),
      }),
    },
    { erasedAt: INSTANT, erasureEventId: EVENT_ID, unreadableAt: INSTANT, unreadableEventId: EVENT_ID },
  ),
  allOf: [flagged('erased', 'erasedAt', 'erasureEventId'), flagged('unreadable', 'unreadableAt', 'unreadableEventId')],
};

const CATALOGUE = object({
  businessId: { ...TEXT, minLength: 1, description: 'The key of the record.' },
  revision: { ...TEXT, description: "Of the business's stream." },
  unreadable: {
    ...FLAG,
    description: 'The ledger could not read all of the register: deny everybody of the business.',
  },
  purposes: listOf(
    object({ purposeId: TEXT, category: words(CATEGORIES), requires: words(REQUIREMENTS), retired: FLAG }),
  ),
  senders: listOf(object({ senderId: TEXT, channel: CHANNEL, retired: FLAG })),
  policy: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
});

const WATERMARK = object({
  topic: TEXT,
  partition: { type: 'integer', minimum: 0 },
  position: { ...POSITION, description: `Every opt-out up to here is in the partition. ${POSITION.description}` },
  time: { ...INSTANT, description: "The ledger's end at this instant, by the relay's clock, had been reached." },
  offset: { type: 'string', pattern: '^\\d{1,19}$', description: 'After the last opt-out of the partition.' },
});

/** The JSON Schema (2020-12) of each record's value; `schemas/` holds them as files for other languages. */
export const SCHEMAS = {
  change: withHead('change', 'A change of consent', CHANGE),
  state: withHead('state', 'The state of one recipient', STATE),
  catalogue: withHead('catalogue', 'The register of one business', CATALOGUE),
  watermark: withHead('watermark', 'How far one partition of the opt-outs is', WATERMARK),
} as const satisfies Readonly<Record<keyof typeof SCHEMA_IDS, JsonSchema>>;

export type RecordName = keyof typeof SCHEMAS;

function withHead(name: keyof typeof SCHEMA_IDS, title: string, schema: JsonSchema): JsonSchema {
  return { $schema: DRAFT, $id: SCHEMA_IDS[name], title, ...schema };
}
