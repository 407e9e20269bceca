import { CATEGORIES, CHANNELS, PROVIDERS, REQUIREMENTS } from '#consent';
import { SCHEMAS } from '#contracts';
import type { JsonSchema } from '#platform';
import { SCOPES } from '#vault';
import { DECISION, INSTANT, POSITION, RECIPIENT_ID, TEXT } from './schemas.js';

/** What the routes answer that no serialiser is compiled for: documented here, and held against real answers by a test. */

type Fields = Readonly<Record<string, JsonSchema>>;

function object(required: Fields, optional: Fields = {}): JsonSchema {
  return { type: 'object', required: Object.keys(required), properties: { ...required, ...optional } };
}

function list(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

const word = (words: readonly string[]): JsonSchema => ({ type: 'string', enum: [...words] });
const COUNT: JsonSchema = { type: 'integer', minimum: 0 };
const BOOLEAN: JsonSchema = { type: 'boolean' };
const CHANNEL = word(CHANNELS);
const PROBLEM: JsonSchema = { $ref: '#/components/schemas/Problem' };
const REF: JsonSchema = { description: 'As the request gave it.' };
const FAILED = object({ error: PROBLEM }, { ref: REF });

export const BUSINESS = object(
  { businessId: TEXT, legalName: TEXT, displayName: TEXT, policy: { type: 'object' } },
  { defaultRegion: TEXT },
);

export const PURPOSE = object({
  purposeId: TEXT,
  category: word(CATEGORIES),
  title: TEXT,
  requires: word(REQUIREMENTS),
  retired: BOOLEAN,
});
export const PURPOSES = object({ purposes: list(PURPOSE) });

export const SENDER = object(
  { senderId: TEXT, channel: CHANNEL, provider: word(PROVIDERS), address: TEXT, retired: BOOLEAN },
  { providerId: TEXT },
);
export const SENDERS = object({ senders: list(SENDER) });

const VERSION: JsonSchema = { type: 'integer', minimum: 1 };
const FINDINGS: JsonSchema = { type: 'array', items: { type: 'object' }, description: 'Always empty in this version.' };
export const PUBLISHED = object({ disclosureId: TEXT, version: VERSION, sha256: TEXT, findings: FINDINGS });
/** Of a dry run there is no version yet. */
export const LINTED = object({ disclosureId: TEXT, sha256: TEXT, findings: FINDINGS }, { version: VERSION });
export const DISCLOSURE = object(
  {
    disclosureId: TEXT,
    version: VERSION,
    text: TEXT,
    locale: TEXT,
    channels: list(CHANNEL),
    purposes: list(TEXT),
    sha256: TEXT,
    publishedAt: INSTANT,
    retired: BOOLEAN,
  },
  { frequency: TEXT, quickReplyExpected: BOOLEAN, optOut: TEXT },
);

const KEY_FIELDS = { keyId: TEXT, name: TEXT, scopes: list(word(SCOPES)), createdAt: INSTANT } as const;
export const KEY = object(KEY_FIELDS, { businessId: TEXT });
export const KEYS = object({ keys: list(KEY) });
export const NEW_KEY = object({ ...KEY_FIELDS, secret: TEXT }, { businessId: TEXT });

export const RECIPIENT_KEY = object({
  businessId: TEXT,
  key: { type: 'string', pattern: '^[A-Za-z0-9_-]{43}$', description: '32 bytes in base64url.' },
  version: word(['v1']),
});

const DECIDED: JsonSchema = {
  ...DECISION,
  properties: { ...(DECISION.properties as Fields), ref: REF },
};
/** A line of a filtered audience; the last one may tell why there are no more. */
export const FILTERED: JsonSchema = { anyOf: [DECIDED, FAILED, object({ error: PROBLEM, answered: COUNT })] };
export const BATCH = object({ position: POSITION, results: list({ anyOf: [DECIDED, FAILED] }) });
export const LOOKUP = object({ results: list({ anyOf: [object({ recipientId: RECIPIENT_ID }), FAILED] }) });

export const TIMELINE = object(
  {
    events: list(
      object(
        { eventId: TEXT, type: TEXT, stream: TEXT, revision: TEXT, position: POSITION, data: { type: 'object' } },
        { occurredAt: INSTANT, claimedAt: TEXT, recordedAt: INSTANT, actor: TEXT, personal: { type: 'object' } },
      ),
    ),
  },
  { next: { type: 'string', description: 'The `after` of the next page; absent on the last.' } },
);

const { $schema: _dialect, $id: _id, ...STATE } = SCHEMAS.state;
/** A state is the same here as on Kafka. */
export const RECIPIENT: JsonSchema = STATE;

const TROUBLE = { problem: { type: 'string', description: 'What is wrong, in plain words.' } } as const;
const MAX_LAG: JsonSchema = {
  type: 'integer',
  description: 'Beyond this lag, in milliseconds, no check is answered yes.',
};
/** Of the view's rows that replicas share. */
const SHARED = object({ projecting: BOOLEAN, recent: COUNT }, { position: POSITION, ...TROUBLE });
export const READINESS = object(
  {
    status: word(['ready', 'not_ready']),
    dependencies: object(
      {
        ledger: object(
          {
            ledgerId: TEXT,
            writable: BOOLEAN,
            reserve: word(['kept', 'released']),
            queued: object({ normal: COUNT, revocation: COUNT }),
          },
          TROUBLE,
        ),
        vault: object({ vaultId: TEXT }, TROUBLE),
        disk: object({}, { freeMb: COUNT, ...TROUBLE }),
      },
      { database: object({ sessions: COUNT, idle: COUNT, waiting: COUNT }, TROUBLE) },
    ),
    followers: list(
      object(
        {
          name: TEXT,
          lagMs: { type: ['number', 'null'], description: 'Null while it has not proved how far it is.' },
          caughtUp: BOOLEAN,
          ready: BOOLEAN,
        },
        { position: POSITION, lagEvents: COUNT, watchers: COUNT, maxLagMs: MAX_LAG, shared: SHARED, ...TROUBLE },
      ),
    ),
  },
  {
    relay: object({ leader: BOOLEAN, parked: COUNT, healed: COUNT, warnings: list(TEXT) }, TROUBLE),
  },
);

export const UNROUTED = object(
  {
    unrouted: list(
      object({ id: TEXT, provider: TEXT, reason: TEXT, kind: TEXT, receivedAt: INSTANT }, { providerId: TEXT }),
    ),
  },
  { next: { type: 'string', description: 'The `after` of the next page; absent on the last.' } },
);
export const REPLAYED = object({ id: TEXT, outcome: word(['replayed', 'still_unrouted']) });
export const RECEIVED = object({ received: BOOLEAN });
