import { CATEGORIES, CHANNELS, ERASURE_REQUESTERS, REVOCATION_METHODS } from '#consent';
import type { JsonSchema } from '#platform';
import type { RouteSpec } from '../route.js';
import { GrantDto, MessageDto } from '../../requests/dto/consent.dto.js';
import { ADDRESSES, COMMAND_RESPONSES, IDEMPOTENCY_HEADER, TEXT } from './schemas.js';

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
    'RECIPIENT_NOT_FOUND',
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
  ],
};

/** Who said stop is read leniently: a field that is no address is passed by with a warning, and a second one counts too. */
const ANYBODY: JsonSchema = { type: 'object', minProperties: 1, properties: ADDRESSES };

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
      recipient: { ...ANYBODY, description: 'One address, or several: each is revoked.' },
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
  problems: ['ADDRESS_INVALID', 'BUSINESS_NOT_FOUND', 'RECIPIENT_NOT_FOUND'],
};

export const erasureRoute: RouteSpec = {
  method: 'post',
  path: '/v1/businesses/:b/erasures',
  operationId: 'eraseRecipient',
  summary: 'Erase a person, and keep the stop',
  description:
    'Destroys the key of everything personal that was recorded of the person and answers when that is done; the person counts as opted out of everything. Not undone by anything; only a later opt-in makes them eligible again. After 503 send the same request again until it is answered.',
  tag: 'consent',
  access: 'business:admin',
  bodyMode: 'lenient',
  revocation: true,
  body: {
    type: 'object',
    required: ['recipient'],
    properties: {
      recipient: {
        ...ANYBODY,
        description: 'One address, or several: each is erased, and with it those linked as the same person.',
      },
      requestedBy: { enum: [...ERASURE_REQUESTERS], description: 'On whose request. Any other word is not kept.' },
      reason: { type: 'string', description: 'Not kept, since it may say something about the person.' },
    },
  },
  headers: IDEMPOTENCY_HEADER,
  responses: COMMAND_RESPONSES,
  problems: ['ADDRESS_INVALID', 'BUSINESS_NOT_FOUND', 'RECIPIENT_NOT_FOUND'],
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
    'RECIPIENT_NOT_FOUND',
    'SENDER_NOT_FOUND',
    'IDEMPOTENCY_KEY_REUSED',
  ],
};
