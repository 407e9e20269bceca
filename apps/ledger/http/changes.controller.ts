import { Controller, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isPosition, type Position } from '#event-store';
import { Refusal, invalid } from '#platform';
import { Authenticator, unauthenticated } from '../authenticate.js';
import { asRefusal } from '../failures.js';
import { Parts } from '../parts.js';
import { principalOf } from './caller.js';
import { EVENT_STREAM, EventStream } from './event-stream.js';
import { Route } from './route.js';
import { changesRoute } from './routes/change.routes.js';

/** The live feed of a business over HTTP. Once it has begun, what goes wrong is its last event and no status. */
@Controller()
export class ChangesController {
  constructor(
    private readonly parts: Parts,
    private readonly authenticator: Authenticator,
  ) {}

  @Route(changesRoute)
  async watch(
    @Param('b') businessId: string,
    @Query('from') from: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const place = placeOf(request.headers['last-event-id'], from, this.parts.store.ledgerId);
    // Fastify answers HEAD wherever GET is: there is nothing to wait for.
    if (request.method === 'HEAD') return void reply.type(EVENT_STREAM).send();
    // Who has left before this was reached is never said to leave: the watch would go on for nobody.
    if (reply.raw.destroyed) return void reply.hijack();
    const watch = this.parts.feed.watch(place === undefined ? { businessId } : { businessId, from: place });
    const stream = new EventStream(reply.raw, watch, (error) => this.refusalOf(error));
    const letGo = this.authenticator.hold(principalOf(request), () => stream.endWith(unauthenticated()));
    try {
      // Before the head is sent, so that a refusal is still an answer of its own.
      const first = await watch.next();
      if (stream.reason) throw stream.reason;
      reply.hijack();
      if (first.done === true) return;
      stream.open();
      this.parts.metrics.httpRequest(request.method, changesRoute.path, 200, reply.elapsedTime / 1_000);
      await stream.tell(first.value);
    } finally {
      letGo();
      void watch.return();
    }
  }

  /** What the caller is told of why the feed ended its watch; of what it did not end itself, that there was something. */
  private refusalOf(error: unknown): Refusal {
    const refusal = asRefusal(error);
    if (refusal instanceof Refusal) return refusal;
    this.parts.log.error({ err: error }, 'a watch of changes failed');
    return new Refusal('INTERNAL', 'Something broke inside the service; the log has the cause.');
  }
}

/** The caller's own last event counts more than the address that it began with. */
function placeOf(lastEventId: unknown, from: string | undefined, ledgerId: string): Position | undefined {
  if (isPosition(lastEventId)) return lastEventId;
  if (lastEventId !== undefined && lastEventId !== '') throw badPlace('Last-Event-ID');
  if (from === undefined || isPosition(from)) return from;
  if (from === 'start') return `${ledgerId}.0`;
  throw badPlace('from');
}

function badPlace(field: string): Refusal {
  return invalid([{ field, code: 'POSITION', message: 'Send a position as an earlier answer or event gave it.' }]);
}
