import { CATEGORIES, CHANNELS, REVOCATION_METHODS } from '#consent';
import type { RouteSpec } from '../route.js';
import { GrantDto, MessageDto, RecipientDto } from '../dto/consent.dto.js';
import { COMMAND_ANSWER, IDEMPOTENCY_HEADER, REPLAYED_HEADER, TEXT } from './schemas.js';

const COMMAND_RESPONSES = {
  201: { description: 'Recorded, and durable.', schema: COMMAND_ANSWER },
  200: { description: 'Had been recorded before.', schema: COMMAND_ANSWER, headers: REPLAYED_HEADER },
} as const;

export const grantRoute: RouteSpec = {
  method: 'post',
  path: '/v1/businesses/:b/grants',
  operationId: 'grantConsent',
  summary: 'Record that a person agreed to be messaged',
  tag: 'consent',
  access: 'consent:write',
  body: GrantDto,
  headers: IDEMPOTENCY_HEADER,
  responses: COMMAND_RESPONSES,
  problems: [
    'ADDRESS_INVALID',
    'CHANNEL_UNKNOWN',
    'BUSINESS_NOT_FOUND',
    'PURPOSE_NOT_FOUND',
    'PURPOSE_RETIRED',
    'DISCLOSURE_NOT_FOUND',
    'DISCLOSURE_RETIRED',
    'DISCLOSURE_REQUIRED',
    'DISCLOSURE_DOES_NOT_COVER',
    'OCCURRED_IN_FUTURE',
    'OCCURRED_AT_REQUIRED',
    'IDEMPOTENCY_KEY_REUSED',
    'CONFLICT',
    'LEDGER_UNAVAILABLE',
  ],
};

export const revocationRoute: RouteSpec = {
  method: 'post',
  path: '/v1/businesses/:b/revocations',
  operationId: 'revokeConsent',
  summary: 'Record that a person said stop',
  description:
    'Only `recipient` is needed. What else is sent and cannot be understood widens its own dimension to everything, and `warnings` says so.',
  tag: 'consent',
  access: 'consent:write',
  bodyMode: 'lenient',
  revocation: true,
  body: {
    type: 'object',
    required: ['recipient'],
    properties: {
      recipient: {
        description: 'One address, or several: each is revoked.',
        $ref: `#/components/schemas/${RecipientDto.name}`,
      },
      channels: { type: 'array', items: { enum: [...CHANNELS, '*'] } },
      purposes: { type: 'array', items: TEXT },
      categories: { type: 'array', items: { enum: [...CATEGORIES, '*'] } },
      method: { enum: [...REVOCATION_METHODS] },
      reason: { type: 'string', description: 'Kept sealed.' },
      occurredAt: { type: 'string', description: 'ISO-8601 with an offset, or a day alone. Absent: now.' },
    },
  },
  headers: IDEMPOTENCY_HEADER,
  responses: COMMAND_RESPONSES,
  problems: ['ADDRESS_INVALID', 'BUSINESS_NOT_FOUND', 'LEDGER_UNAVAILABLE'],
};

export const messageRoute: RouteSpec = {
  method: 'post',
  path: '/v1/businesses/:b/messages',
  operationId: 'recordMessage',
  summary: 'Record that a person wrote or called',
  tag: 'consent',
  access: 'consent:write',
  body: MessageDto,
  headers: IDEMPOTENCY_HEADER,
  responses: COMMAND_RESPONSES,
  problems: [
    'ADDRESS_INVALID',
    'CHANNEL_UNKNOWN',
    'BUSINESS_NOT_FOUND',
    'SENDER_NOT_FOUND',
    'IDEMPOTENCY_KEY_REUSED',
    'LEDGER_UNAVAILABLE',
  ],
};
