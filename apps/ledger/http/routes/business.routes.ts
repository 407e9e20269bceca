import type { JsonSchema } from '#platform';
import { BusinessDto, DisclosureDto, PurposeDto, SenderDto } from '../../requests/dto/business.dto.js';
import type { RouteSpec } from '../route.js';
import { BUSINESS, DISCLOSURE, LINTED, PUBLISHED, PURPOSE, PURPOSES, SENDER, SENDERS } from './answers.js';
import { IDEMPOTENCY_HEADER, REPLAYED_HEADER } from './schemas.js';

const put = (schema: JsonSchema) => ({
  201: { description: 'New.', schema },
  200: { description: 'The same as before, or changed.', schema },
});
const stands = (schema: JsonSchema) => ({ 200: { description: 'As it stands now.', schema } });
const PUBLISHING = {
  201: { description: 'Published.', schema: PUBLISHED },
  200: { description: 'Had been published before, or a dry run.', schema: LINTED, headers: REPLAYED_HEADER },
} as const;

export const businessPutRoute: RouteSpec = {
  method: 'put',
  path: '/v1/businesses/:b',
  operationId: 'putBusiness',
  summary: 'Register a business or change it',
  tag: 'businesses',
  access: 'admin',
  founds: true,
  body: BusinessDto,
  responses: put(BUSINESS),
  problems: ['BUSINESS_NOT_FOUND', 'CONFLICT'],
};

export const businessGetRoute: RouteSpec = {
  method: 'get',
  path: '/v1/businesses/:b',
  operationId: 'getBusiness',
  summary: 'A business',
  tag: 'businesses',
  access: 'admin',
  responses: stands(BUSINESS),
  problems: ['BUSINESS_NOT_FOUND'],
};

export const purposePutRoute: RouteSpec = {
  method: 'put',
  path: '/v1/businesses/:b/purposes/:p',
  operationId: 'putPurpose',
  summary: 'Register a purpose or change its title or requirement',
  tag: 'businesses',
  access: 'business:admin',
  body: PurposeDto,
  responses: put(PURPOSE),
  problems: ['BUSINESS_NOT_FOUND', 'PURPOSE_CATEGORY_FIXED', 'CONFLICT'],
};

export const purposeDeleteRoute: RouteSpec = {
  method: 'delete',
  path: '/v1/businesses/:b/purposes/:p',
  operationId: 'retirePurpose',
  summary: 'Retire a purpose; its id keeps its category for ever',
  tag: 'businesses',
  access: 'business:admin',
  responses: stands(PURPOSE),
  problems: ['BUSINESS_NOT_FOUND', 'PURPOSE_NOT_FOUND', 'CONFLICT'],
};

export const purposesGetRoute: RouteSpec = {
  method: 'get',
  path: '/v1/businesses/:b/purposes',
  operationId: 'listPurposes',
  summary: 'All purposes, the built-in and the retired ones too',
  tag: 'businesses',
  access: 'business:admin',
  responses: stands(PURPOSES),
  problems: ['BUSINESS_NOT_FOUND'],
};

export const disclosurePostRoute: RouteSpec = {
  method: 'post',
  path: '/v1/businesses/:b/disclosures/:d/versions',
  operationId: 'publishDisclosure',
  summary: 'Publish a new version of a disclosure',
  tag: 'businesses',
  access: 'business:admin',
  query: {
    type: 'object',
    properties: { dryRun: { type: 'string', enum: ['true', 'false'] } },
    additionalProperties: false,
  },
  headers: IDEMPOTENCY_HEADER,
  body: DisclosureDto,
  responses: PUBLISHING,
  problems: ['CHANNEL_UNKNOWN', 'BUSINESS_NOT_FOUND', 'PURPOSE_NOT_FOUND', 'CONFLICT', 'IDEMPOTENCY_KEY_REUSED'],
};

export const disclosureGetRoute: RouteSpec = {
  method: 'get',
  path: '/v1/businesses/:b/disclosures/:d/versions/:n',
  operationId: 'getDisclosure',
  summary: 'One published version',
  tag: 'businesses',
  access: 'business:admin',
  params: { n: { type: 'string', pattern: '^[1-9][0-9]{0,8}$' } },
  responses: stands(DISCLOSURE),
  problems: ['BUSINESS_NOT_FOUND', 'DISCLOSURE_NOT_FOUND'],
};

export const senderPutRoute: RouteSpec = {
  method: 'put',
  path: '/v1/businesses/:b/senders/:s',
  operationId: 'putSender',
  summary: 'Register a sender or change it; `providerId` takes the admin key',
  tag: 'businesses',
  access: 'business:admin',
  body: SenderDto,
  responses: put(SENDER),
  problems: ['CHANNEL_UNKNOWN', 'BUSINESS_NOT_FOUND', 'SENDER_TAKEN', 'CONFLICT'],
};

export const senderDeleteRoute: RouteSpec = {
  method: 'delete',
  path: '/v1/businesses/:b/senders/:s',
  operationId: 'retireSender',
  summary: 'Retire a sender; it still routes opt-outs to its business',
  tag: 'businesses',
  access: 'business:admin',
  responses: stands(SENDER),
  problems: ['BUSINESS_NOT_FOUND', 'SENDER_NOT_FOUND', 'CONFLICT'],
};

export const sendersGetRoute: RouteSpec = {
  method: 'get',
  path: '/v1/businesses/:b/senders',
  operationId: 'listSenders',
  summary: 'All senders, the retired ones too',
  tag: 'businesses',
  access: 'business:admin',
  responses: stands(SENDERS),
  problems: ['BUSINESS_NOT_FOUND'],
};
