import type { RouteSpec } from '../route.js';
import { POSITION, TEXT } from './schemas.js';

export const changesRoute: RouteSpec = {
  method: 'get',
  path: '/v1/businesses/:b/changes',
  operationId: 'watchChanges',
  summary: 'Every change of the business as it happens, as Server-Sent Events',
  description:
    'Events `change` (the value of `consent.changes.v1`), `watermark` at least every second, and `end` where the service ends the stream. The id of each is a position: everything up to it has been told. `from=start` begins with the first change of all, no `from` with what comes; `Last-Event-ID` goes on.',
  tag: 'changes',
  access: 'eligibility:read',
  watch: true,
  query: { type: 'object', properties: { from: TEXT }, additionalProperties: false },
  headers: { 'Last-Event-ID': POSITION },
  responses: {
    200: { description: 'Events, until one side ends it.', schema: TEXT, contentType: 'text/event-stream' },
  },
  problems: ['BUSINESS_NOT_FOUND', 'CONFLICT'],
};
