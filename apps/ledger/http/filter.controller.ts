import { Controller, Param, Query, Req, Res, type OnModuleDestroy } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal, instanceOf } from '#platform';
import { Authenticator, unauthenticated } from '../authenticate.js';
import { withNews } from '../commands/register.js';
import { Parts } from '../parts.js';
import { readTopic, requirePosition, type RawCheck } from '../requests/check-body.js';
import { AnswerLines } from './answer-lines.js';
import { Audience, type Asked } from './audience.js';
import { NDJSON } from './body-parser.js';
import { principalOf } from './caller.js';
import { LineCutter } from './lines.js';
import { Route } from './route.js';
import { filterRoute } from './routes/eligibility.routes.js';
import { SlowBodies } from './slow-bodies.js';

type FilterQuery = RawCheck & { readonly atLeast?: string };

const RETRY_AFTER_MS = 1_000;
const STOPPING = new Refusal('OVERLOADED', 'The service stops; send again what was not answered.', {
  retryAfterMs: RETRY_AFTER_MS,
});
const STANDING = new Refusal('OVERLOADED', 'For too long nothing was sent, or nothing taken.');
const FAILED = new Refusal('INTERNAL', 'Something broke inside the service; the log has the cause.');

/** An audience is filtered as it comes. Once that has begun, what goes wrong is the last line and no status. */
@Controller()
export class FilterController implements OnModuleDestroy {
  private readonly running = new Set<AnswerLines>();

  constructor(
    private readonly queries: QueryBus,
    private readonly parts: Parts,
    private readonly authenticator: Authenticator,
    private readonly slowBodies: SlowBodies,
  ) {}

  @Route(filterRoute)
  async filter(
    @Param('b') businessId: string,
    @Query() { atLeast, ...defaults }: FilterQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const position = requirePosition(atLeast, undefined);
    await withNews(this.parts, () => this.requireTopic(businessId, defaults));
    this.requireRoom();
    reply.hijack();
    reply.raw.writeHead(200, { 'content-type': NDJSON, 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    reply.raw.flushHeaders();
    const asked = { businessId, defaults, instance: instanceOf(request.id) };
    void this.exchange(position === undefined ? asked : { ...asked, atLeast: position }, request, reply);
  }

  /** What is still being filtered when the service stops is ended, and told how far it came. */
  onModuleDestroy(): void {
    for (const one of this.running) one.endWith(STOPPING);
  }

  private requireRoom(): void {
    const { streamsMax } = this.parts.config.filter;
    if (this.running.size < streamsMax) return;
    const detail = `At most ${streamsMax} audiences are filtered at once.`;
    throw new Refusal('OVERLOADED', detail, { retryAfterMs: RETRY_AFTER_MS });
  }

  /** Where every line would have the same fault, that is the answer. */
  private requireTopic(businessId: string, defaults: RawCheck): void {
    if (defaults.channel === undefined || defaults.purpose === undefined) return;
    const topic = readTopic(this.parts, businessId, defaults);
    if (topic instanceof Refusal) throw topic;
  }

  private async exchange(asked: Asked, request: FastifyRequest, { raw }: FastifyReply): Promise<void> {
    const { lineBytes, idleMs } = this.parts.config.filter;
    const audience = new Audience(this.parts, this.queries, asked);
    const lines = new AnswerLines(request.raw, raw, new LineCutter(lineBytes), asked.instance);
    const letGo = this.authenticator.hold(principalOf(request), () => lines.endWith(unauthenticated()));
    this.running.add(lines);
    this.slowBodies.spare(request.raw);
    raw.setTimeout(idleMs, () => lines.endWith(STANDING));
    try {
      await lines.exchange(audience);
    } catch (error) {
      this.parts.log.error({ err: error }, 'an audience could not be filtered to its end');
      lines.endWith(FAILED);
    } finally {
      letGo();
      this.running.delete(lines);
      lines.end(audience.answered);
    }
  }
}
