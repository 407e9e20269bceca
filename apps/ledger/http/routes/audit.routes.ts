import type { RouteSpec } from '../route.js';
import { RECIPIENT, TIMELINE } from './answers.js';
import { RECIPIENT_ID, TEXT } from './schemas.js';

const PAGE_SIZE = { type: 'string', pattern: '^[1-9][0-9]{0,8}$' } as const;

export const recipientGetRoute: RouteSpec = {
  method: 'get',
  path: '/v1/businesses/:b/recipients/:id',
  operationId: 'getRecipient',
  summary: 'The folded state of a recipient, read from the ledger',
  description: 'The recipient’s own, in the words of `consent.state.v1`; those linked to it have states of their own.',
  tag: 'audit',
  access: 'audit:read',
  params: { id: RECIPIENT_ID },
  responses: { 200: { description: 'The state.', schema: RECIPIENT } },
  problems: ['BUSINESS_NOT_FOUND', 'RECIPIENT_NOT_FOUND'],
};

export const timelineRoute: RouteSpec = {
  method: 'get',
  path: '/v1/businesses/:b/recipients/:id/timeline',
  operationId: 'getTimeline',
  summary: 'Every event of a recipient, oldest first',
  description: 'A key that also has `personal:read` gets the sealed parts opened, and that reading is put on record.',
  tag: 'audit',
  access: 'audit:read',
  params: { id: RECIPIENT_ID },
  query: { type: 'object', properties: { after: TEXT, limit: PAGE_SIZE }, additionalProperties: false },
  responses: {
    200: { description: 'A page; `next` is the `after` of the one that follows.', schema: TIMELINE },
  },
  problems: ['BUSINESS_NOT_FOUND', 'RECIPIENT_NOT_FOUND'],
};
