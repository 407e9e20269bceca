import type { JsonSchema } from '#platform';
import { ApiKeyDto } from '../../requests/dto/business.dto.js';
import type { RouteSpec } from '../route.js';
import { KEYS, NEW_KEY, RECIPIENT_KEY } from './answers.js';

const KEY_ID: JsonSchema = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' };
const MADE = { 201: { description: 'The key; its `secret` is shown this once.', schema: NEW_KEY } } as const;
const DELETED = { 204: { description: 'The key opens nothing any more.' } } as const;

export const globalKeyPostRoute: RouteSpec = {
  method: 'post',
  path: '/v1/keys',
  operationId: 'makeGlobalKey',
  summary: 'Make a key for all businesses',
  tag: 'keys',
  access: 'admin',
  body: ApiKeyDto,
  responses: MADE,
};

export const globalKeyDeleteRoute: RouteSpec = {
  method: 'delete',
  path: '/v1/keys/:keyId',
  operationId: 'deleteGlobalKey',
  summary: 'Delete any key',
  tag: 'keys',
  access: 'admin',
  params: { keyId: KEY_ID },
  responses: DELETED,
  problems: ['NOT_FOUND'],
};

export const keyPostRoute: RouteSpec = {
  method: 'post',
  path: '/v1/businesses/:b/keys',
  operationId: 'makeKey',
  summary: 'Make a key for one business',
  tag: 'keys',
  access: 'business:admin',
  body: ApiKeyDto,
  responses: MADE,
  problems: ['BUSINESS_NOT_FOUND'],
};

export const keysGetRoute: RouteSpec = {
  method: 'get',
  path: '/v1/businesses/:b/keys',
  operationId: 'listKeys',
  summary: 'The keys of a business, without their secrets',
  tag: 'keys',
  access: 'business:admin',
  responses: { 200: { description: 'Keys.', schema: KEYS } },
  problems: ['BUSINESS_NOT_FOUND'],
};

export const keyDeleteRoute: RouteSpec = {
  method: 'delete',
  path: '/v1/businesses/:b/keys/:keyId',
  operationId: 'deleteKey',
  summary: 'Delete a key of a business',
  tag: 'keys',
  access: 'business:admin',
  params: { keyId: KEY_ID },
  responses: DELETED,
  problems: ['BUSINESS_NOT_FOUND', 'NOT_FOUND'],
};

export const recipientKeyRoute: RouteSpec = {
  method: 'get',
  path: '/v1/businesses/:b/recipient-key',
  operationId: 'getRecipientKey',
  summary: 'The key that makes this business’s recipient ids out of addresses',
  description:
    'For senders that compute ids themselves. Whoever has it can test addresses against the ids of this business, those of erased people included. Each hand-out is put on record first.',
  tag: 'keys',
  access: 'personal:read',
  responses: { 200: { description: 'The key.', schema: RECIPIENT_KEY } },
  problems: ['BUSINESS_NOT_FOUND'],
};
