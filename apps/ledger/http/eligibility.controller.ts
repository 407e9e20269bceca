import { Body, Controller, Param, Query, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { withNews } from '../commands/register.js';
import { Parts } from '../parts.js';
import { CheckEligibility, type Check, type Consistency, type Decision } from '../queries/check-eligibility.js';
import { Refusal, instanceOf, problemOf } from '#platform';
import {
  readCheck,
  readItem,
  readTopic,
  requireBatch,
  requirePosition,
  type RawCheck,
} from '../requests/check-body.js';
import { batchJson, type BatchResult } from './decision-json.js';
import { eachAnswered, readBatchWithNews } from '../requests/check-batch.js';
import { nameRecipient, requireRecipientId } from '../requests/name-recipient.js';
import { Route } from './route.js';
import { batchRoute, checkByIdRoute, checkRoute, lookupRoute } from './routes/eligibility.routes.js';

interface CheckOptions {
  readonly atLeast?: string;
  readonly consistency?: Consistency;
}

type CheckBody = RawCheck & CheckOptions;
type BatchBody = CheckBody & { readonly checks: readonly unknown[] };

/**
 * Checks: Fastify's compiled schemas validate, nothing else stands between the socket and the question. The plain ones
 * never come this far: `FastLane` has answered them.
 */
@Controller()
export class EligibilityController {
  constructor(
    private readonly queries: QueryBus,
    private readonly parts: Parts,
  ) {}

  @Route(checkByIdRoute)
  checkById(
    @Param() { b, id }: { b: string; id: string },
    @Query() query: { channel: string; purpose: string; sender?: string } & CheckOptions,
  ): Promise<Decision> {
    return withNews(this.parts, () => {
      const topic = readTopic(this.parts, b, query);
      if (topic instanceof Refusal) throw topic;
      return this.decide(b, { recipientId: requireRecipientId(id), topic }, query);
    });
  }

  @Route(checkRoute)
  check(@Param('b') businessId: string, @Body() body: CheckBody): Promise<Decision> {
    return withNews(this.parts, () => {
      const check = readCheck(this.parts, businessId, body);
      if (check instanceof Refusal) throw check;
      return this.decide(businessId, check, body);
    });
  }

  /** An item that is the caller's mistake is answered as such; the others are decided over one reading of the view. */
  @Route(batchRoute)
  async batch(
    @Param('b') businessId: string,
    @Body() body: BatchBody,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    requireBatch(this.parts, body.checks);
    const read = body.checks.map(readItem);
    const items = read.map(({ item }) => item);
    const batch = await readBatchWithNews(this.parts, businessId, items, body);
    const decisions = await this.ask(businessId, batch.checks, body);
    const results = eachAnswered(batch, decisions, (outcome, index): BatchResult => {
      const ref = read[index]?.ref;
      return outcome instanceof Refusal
        ? { ref, error: problemOf(outcome, instanceOf(request.id)) }
        : { ref, decision: outcome };
    });
    reply.header('content-type', JSON_TYPE);
    return batchJson(decisions[0]?.position ?? this.parts.view.status().position, results);
  }

  @Route(lookupRoute)
  lookup(
    @Param('b') businessId: string,
    @Body() { recipients }: { recipients: readonly unknown[] },
    @Req() request: FastifyRequest,
  ) {
    requireBatch(this.parts, recipients);
    const results = recipients.map((recipient) => {
      const named = nameRecipient(this.parts, businessId, recipient);
      return named instanceof Refusal
        ? { error: problemOf(named, instanceOf(request.id)) }
        : { recipientId: named.recipientId };
    });
    return { results };
  }

  private decide(businessId: string, check: Check, options: CheckOptions): Promise<Decision> {
    return this.ask(businessId, [check], options).then(([decision]) => decision as Decision);
  }

  private ask(businessId: string, checks: readonly Check[], { atLeast, consistency }: CheckOptions) {
    const position = requirePosition(atLeast, consistency);
    const fresh = position === undefined ? {} : { atLeast: position };
    return this.queries.execute(
      new CheckEligibility({ businessId, checks, ...fresh, ...(consistency === undefined ? {} : { consistency }) }),
    );
  }
}

/** Written here, because bytes have no type of their own. */
const JSON_TYPE = 'application/json; charset=utf-8';
