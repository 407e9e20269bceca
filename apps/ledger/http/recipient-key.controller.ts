import { Controller, Param, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { recordKeyHandOut } from '../commands/record-reading.js';
import { Parts } from '../parts.js';
import { callerOf } from './caller.js';
import { Route } from './route.js';
import { recipientKeyRoute } from './routes/key.routes.js';

@Controller()
export class RecipientKeyController {
  constructor(private readonly parts: Parts) {}

  /** Whoever has the key can test addresses against ids: it is on record before it is answered. */
  @Route(recipientKeyRoute)
  async handOut(@Param('b') businessId: string, @Req() request: FastifyRequest) {
    await recordKeyHandOut(this.parts, { businessId, caller: callerOf(request) });
    return { businessId, key: this.parts.ids.keyFor(businessId).toString('base64url'), version: 'v1' };
  }
}
