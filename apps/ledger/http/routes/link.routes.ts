import type { RouteSpec } from '../route.js';
import { LinkDto } from '../../requests/dto/link.dto.js';
import { COMMAND_RESPONSES, IDEMPOTENCY_HEADER } from './schemas.js';

const SHARED = {
  path: '/v1/businesses/:b/links',
  tag: 'consent',
  access: 'business:admin',
  body: LinkDto,
  headers: IDEMPOTENCY_HEADER,
  responses: COMMAND_RESPONSES,
  problems: [
    'ADDRESS_INVALID',
    'BUSINESS_NOT_FOUND',
    'RECIPIENT_NOT_FOUND',
    'OCCURRED_IN_FUTURE',
    'IDEMPOTENCY_KEY_REUSED',
    'CONFLICT',
  ],
} as const satisfies Partial<RouteSpec>;

export const linkRoute: RouteSpec = {
  ...SHARED,
  method: 'post',
  operationId: 'linkRecipients',
  summary: 'Record that two recipients are one person, or that a number was changed',
  description:
    'From then on the two answer together: what stops one stops both. `same_person` shares grants and windows too. With `changed_number` grants go from `recipient`, the number left behind, to `other` only, and the number left behind is revoked everywhere as of the change. Where more than 8 hang together, only what stops crosses to the rest; no more than 64 may. The event stands in both streams: the answer is that of `recipient`, its `position` one at which both are recorded.',
};

export const unlinkRoute: RouteSpec = {
  ...SHARED,
  method: 'delete',
  operationId: 'unlinkRecipients',
  summary: 'Record that two recipients do not belong together, or no longer',
  description:
    'The same body as for the link, with the last time at which the two still belonged together; the very body that linked them unlinks them too. What either has recorded itself stays.',
};
