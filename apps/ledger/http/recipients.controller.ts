import { Controller, Param, Query, Req } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import type { FastifyRequest } from 'fastify';
import { Parts } from '../parts.js';
import { ReadRecipient } from '../queries/read-recipient.js';
import { ReadTimeline } from '../queries/read-timeline.js';
import { callerOf, principalOf } from './caller.js';
import { requireRecipientId } from '../requests/name-recipient.js';
import { Route } from './route.js';
import { recipientGetRoute, timelineRoute } from './routes/audit.routes.js';

/** What auditors read: from the ledger itself, never from the view. */
@Controller()
export class RecipientsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly parts: Parts,
  ) {}

  @Route(recipientGetRoute)
  state(@Param() { b: businessId, id }: { b: string; id: string }) {
    return this.queries.execute(new ReadRecipient({ businessId, recipientId: requireRecipientId(id) }));
  }

  /** With `personal:read` the sealed parts are opened, and the reading is on record before they are. */
  @Route(timelineRoute)
  async timeline(
    @Param() { b: businessId, id }: { b: string; id: string },
    @Query() { after, limit }: { after?: string; limit?: string },
    @Req() request: FastifyRequest,
  ) {
    const recipientId = requireRecipientId(id);
    const unseal = principalOf(request).scopes.has('personal:read');
    const { timelinePageMax } = this.parts.config.limits;
    const size = Math.min(Number(limit ?? timelinePageMax), timelinePageMax);
    const page = { businessId, recipientId, limit: size, unseal, caller: callerOf(request) };
    return this.queries.execute(new ReadTimeline({ ...page, ...(after === undefined ? {} : { after }) }));
  }
}
