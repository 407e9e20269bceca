import type { RouteSpec } from '../route.js';
import { RECEIVED, REPLAYED, UNROUTED } from './answers.js';
import { TEXT } from './schemas.js';

const ID = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } as const;

export const whatsappVerificationRoute: RouteSpec = {
  method: 'get',
  path: '/webhooks/whatsapp',
  operationId: 'verifyWhatsappWebhook',
  summary: "Meta's verification of the webhook",
  tag: 'webhooks',
  access: 'none',
  query: {
    type: 'object',
    properties: { 'hub.mode': TEXT, 'hub.challenge': TEXT, 'hub.verify_token': TEXT },
  },
  responses: { 200: { description: 'The challenge.', schema: TEXT, contentType: 'text/plain' } },
  problems: ['FORBIDDEN', 'NOT_CONFIGURED'],
};

export const whatsappDeliveryRoute: RouteSpec = {
  method: 'post',
  path: '/webhooks/whatsapp',
  operationId: 'receiveWhatsappDelivery',
  summary: 'A signed delivery of the WhatsApp Cloud API',
  description: 'Answered once every fact in it is durable, or kept as unrouted.',
  tag: 'webhooks',
  access: 'none',
  bodyMode: 'raw',
  headers: {
    'X-Hub-Signature-256': {
      type: 'string',
      description: '`sha256=` and the HMAC-SHA-256 of the body in hexadecimal.',
    },
  },
  body: { type: 'object' },
  responses: { 200: { description: 'Everything is kept.', schema: RECEIVED } },
  problems: ['UNAUTHENTICATED', 'NOT_CONFIGURED'],
};

export const unroutedGetRoute: RouteSpec = {
  method: 'get',
  path: '/v1/unrouted',
  operationId: 'listUnrouted',
  summary: 'Parts of deliveries that no command was made from',
  tag: 'webhooks',
  access: 'admin',
  query: {
    type: 'object',
    properties: { after: ID, limit: { type: 'string', pattern: '^([1-9][0-9]?|[1-4][0-9]{2}|500)$' } },
    additionalProperties: false,
  },
  responses: { 200: { description: 'A page of parts, their bodies sealed.', schema: UNROUTED } },
};

export const unroutedReplayRoute: RouteSpec = {
  method: 'post',
  path: '/v1/unrouted/:id/replay',
  operationId: 'replayUnrouted',
  summary: 'Read a kept part again; it is dropped once it went through',
  tag: 'webhooks',
  access: 'admin',
  params: { id: ID },
  responses: { 200: { description: '`replayed` or `still_unrouted`.', schema: REPLAYED } },
  problems: ['NOT_FOUND'],
};
