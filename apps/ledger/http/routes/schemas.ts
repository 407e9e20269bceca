import { CHANNELS, REASONS } from '#consent';
import type { JsonSchema } from '#platform';
import { ADDRESS_FIELDS } from '../../requests/name-recipient.js';

export const TEXT: JsonSchema = { type: 'string' };
export const INSTANT: JsonSchema = { type: 'string', description: 'ISO-8601, UTC, with milliseconds.' };
export const RECIPIENT_ID: JsonSchema = { type: 'string', pattern: '^[A-Za-z0-9_-]{43}$' };
export const POSITION: JsonSchema = { type: 'string', description: 'A position of the ledger; opaque.' };

/** The members of a recipient. Null counts as none, and how many there must be is the route's to say. */
export const ADDRESSES: Readonly<Record<string, JsonSchema>> = Object.fromEntries(
  ADDRESS_FIELDS.map((field) => [field, { type: ['string', 'null'] }]),
);

const BASIS: JsonSchema = {
  type: 'object',
  description: 'The event that the answer rests on.',
  required: ['eventId', 'type', 'stream', 'revision', 'occurredAt', 'recordedAt'],
  properties: {
    eventId: TEXT,
    type: TEXT,
    stream: TEXT,
    revision: TEXT,
    occurredAt: INSTANT,
    recordedAt: INSTANT,
    method: TEXT,
    disclosure: { type: 'object', required: ['id', 'version'], properties: { id: TEXT, version: { type: 'integer' } } },
  },
};

export const DECISION: JsonSchema = {
  type: 'object',
  required: [
    'eligible',
    'reason',
    'explanation',
    'recipientId',
    'channel',
    'purpose',
    'category',
    'position',
    'decidedAt',
    'policyVersion',
    'rulesVersion',
  ],
  properties: {
    eligible: { type: 'boolean' },
    reason: { type: 'string', enum: [...REASONS] },
    explanation: TEXT,
    recipientId: TEXT,
    channel: { type: 'string', enum: [...CHANNELS] },
    purpose: TEXT,
    category: TEXT,
    basis: BASIS,
    validUntil: INSTANT,
    windowOpenUntil: INSTANT,
    retryAfterMs: { type: 'integer' },
    position: POSITION,
    decidedAt: INSTANT,
    policyVersion: TEXT,
    rulesVersion: TEXT,
  },
};

export const COMMAND_ANSWER: JsonSchema = {
  type: 'object',
  required: [
    'eventId',
    'type',
    'recipientId',
    'stream',
    'revision',
    'position',
    'occurredAt',
    'recordedAt',
    'effective',
  ],
  properties: {
    eventId: TEXT,
    type: TEXT,
    recipientId: TEXT,
    stream: TEXT,
    revision: TEXT,
    position: POSITION,
    occurredAt: INSTANT,
    recordedAt: INSTANT,
    effective: { type: 'boolean' },
    ineffectiveBecause: {
      type: 'string',
      enum: ['REVOKED_LATER', 'ALREADY_EXPIRED', 'UNLINKED_LATER', 'LINKED_LATER'],
    },
    warnings: {
      type: 'array',
      items: { type: 'object', required: ['field', 'message'], properties: { field: TEXT, message: TEXT } },
    },
  },
};

export const IDEMPOTENCY_HEADER: Readonly<Record<string, JsonSchema>> = {
  'Idempotency-Key': {
    type: 'string',
    maxLength: 255,
    description: 'The same key with the same body is carried out once, however often it is sent.',
  },
};

export const REPLAYED_HEADER = { 'Idempotent-Replayed': '`true` where the command had been carried out before.' };

export const COMMAND_RESPONSES = {
  201: { description: 'Recorded, and durable.', schema: COMMAND_ANSWER },
  200: { description: 'Had been recorded before.', schema: COMMAND_ANSWER, headers: REPLAYED_HEADER },
} as const;
