import type { JsonSchema } from '#platform';
import { CONSISTENCIES } from '../../queries/check-eligibility.js';
import { NDJSON } from '../body-parser.js';
import type { RouteSpec } from '../route.js';
import { BATCH, FILTERED, LOOKUP } from './answers.js';
import { ONE_ADDRESS } from '../../requests/dto/consent.dto.js';
import { ADDRESSES, DECISION, POSITION, RECIPIENT_ID, TEXT } from './schemas.js';

const OPTIONS = { atLeast: TEXT, consistency: { type: 'string', enum: [...CONSISTENCIES] } } as const;
const DECIDED = { 200: { description: 'The decision: a no is an answer too.', schema: DECISION } } as const;
const PROBLEMS = [
  'BUSINESS_NOT_FOUND',
  'PURPOSE_NOT_FOUND',
  'PURPOSE_RETIRED',
  'CHANNEL_UNKNOWN',
  'SENDER_NOT_FOUND',
] as const;

/** What stands in `recipient` is read by the address reader, which knows what to say about it. */
const ANY_OBJECT: JsonSchema = {
  type: 'object',
  description: 'Exactly one of phone, email, whatsappUserId, recipientId.',
};

/** What the document says of it, for those who make their requests by it. */
const ONE_RECIPIENT: JsonSchema = {
  ...ANY_OBJECT,
  properties: ADDRESSES,
  oneOf: ONE_ADDRESS,
  additionalProperties: false,
};

export const checkByIdRoute: RouteSpec = {
  method: 'get',
  path: '/v1/businesses/:b/recipients/:id/eligibility',
  operationId: 'checkEligibilityById',
  summary: 'May this business message this person now?',
  tag: 'eligibility',
  access: 'eligibility:read',
  params: { id: RECIPIENT_ID },
  query: {
    type: 'object',
    required: ['channel', 'purpose'],
    properties: { channel: TEXT, purpose: TEXT, sender: TEXT, ...OPTIONS },
    additionalProperties: false,
  },
  responses: DECIDED,
  problems: PROBLEMS,
};

const checkBody = (recipient: JsonSchema): JsonSchema => ({
  type: 'object',
  required: ['recipient', 'channel', 'purpose'],
  properties: { recipient, channel: TEXT, purpose: TEXT, sender: TEXT, ...OPTIONS },
  additionalProperties: false,
});

export const checkRoute: RouteSpec = {
  method: 'post',
  path: '/v1/businesses/:b/eligibility',
  operationId: 'checkEligibility',
  summary: 'The same by address',
  tag: 'eligibility',
  access: 'eligibility:read',
  body: checkBody(ONE_RECIPIENT),
  compiledBody: checkBody(ANY_OBJECT),
  responses: DECIDED,
  problems: [...PROBLEMS, 'ADDRESS_INVALID'],
};

/** Items are looked at one by one: one that is wrong is answered as such and does not fail the others. */
const batchBody: JsonSchema = {
  type: 'object',
  required: ['checks'],
  properties: { channel: TEXT, purpose: TEXT, sender: TEXT, ...OPTIONS, checks: { type: 'array', items: {} } },
  additionalProperties: false,
};

export const batchRoute: RouteSpec = {
  method: 'post',
  path: '/v1/businesses/:b/eligibility/batch',
  operationId: 'checkEligibilityBatch',
  summary: 'Up to `BATCH_MAX` (1,000) questions at once, answered in the same order over one position',
  tag: 'eligibility',
  access: 'eligibility:read',
  body: batchBody,
  compiledBody: batchBody,
  responses: {
    200: {
      description: 'A decision, or a problem, for each check.',
      schema: BATCH,
    },
  },
  problems: [...PROBLEMS, 'BATCH_TOO_LARGE'],
};

export const filterRoute: RouteSpec = {
  method: 'post',
  path: '/v1/businesses/:b/eligibility/filter',
  operationId: 'filterAudience',
  summary: 'An audience as lines of JSON, answered line by line, without end',
  description:
    'Each line is one JSON object; what it leaves out is taken from the query. Its answer is a line too, in the same order, as in a batch; empty lines have none. Where the service ends the stream early the last line is `{"error", "answered"}`: lines beyond the first `answered` were not decided. A caller who does not read is not read from.',
  tag: 'eligibility',
  access: 'eligibility:read',
  bodyMode: 'stream',
  query: {
    type: 'object',
    properties: { channel: TEXT, purpose: TEXT, sender: TEXT, atLeast: POSITION },
    additionalProperties: false,
  },
  body: {
    type: 'object',
    required: ['recipient'],
    properties: { ref: {}, recipient: ONE_RECIPIENT, channel: TEXT, purpose: TEXT, sender: TEXT },
    additionalProperties: false,
  },
  bodyType: NDJSON,
  responses: { 200: { description: 'Answers, a line each.', schema: FILTERED, contentType: NDJSON } },
  problems: PROBLEMS,
};

const lookupBody: JsonSchema = {
  type: 'object',
  required: ['recipients'],
  properties: { recipients: { type: 'array', items: {} } },
  additionalProperties: false,
};

export const lookupRoute: RouteSpec = {
  method: 'post',
  path: '/v1/businesses/:b/recipients/lookup',
  operationId: 'lookUpRecipients',
  summary: 'The recipient ids of addresses',
  tag: 'eligibility',
  access: 'eligibility:read',
  body: lookupBody,
  compiledBody: lookupBody,
  responses: {
    200: {
      description: 'An id, or a problem, for each recipient, in the same order.',
      schema: LOOKUP,
    },
  },
  problems: ['BUSINESS_NOT_FOUND', 'BATCH_TOO_LARGE'],
};
