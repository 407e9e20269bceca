import { Controller, Param, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../http/caller.js';
import { Route } from '../http/route.js';
import { unroutedGetRoute, unroutedReplayRoute } from '../http/routes/webhook.routes.js';
import { Parts } from '../parts.js';
import { DeliveryIntake } from './delivery-intake.js';

const PAGE = 100;

/** What deliveries carried that no command was made from. Bodies stay sealed: only what kind of thing it is, is shown. */
@Controller()
export class UnroutedController {
  constructor(
    private readonly parts: Parts,
    private readonly intake: DeliveryIntake,
  ) {}

  @Route(unroutedGetRoute)
  async list(@Query() { after, limit }: { after?: string; limit?: string }) {
    const size = Number(limit ?? PAGE);
    const unrouted = await this.parts.vault.listUnrouted({ limit: size, ...(after === undefined ? {} : { after }) });
    const next = unrouted.length === size ? unrouted.at(-1)?.id : undefined;
    return next === undefined ? { unrouted } : { unrouted, next };
  }

  @Route(unroutedReplayRoute)
  async replay(@Param('id') id: string, @Req() request: FastifyRequest) {
    return { id, outcome: await this.intake.replay(id, callerOf(request)) };
  }
}
