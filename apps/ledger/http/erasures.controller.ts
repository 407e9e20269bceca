import { Body, Controller, Headers, Param, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CommandAnswer } from '../commands/answer.js';
import { EraseRecipient } from '../commands/erase-recipient.js';
import { Parts } from '../parts.js';
import { answer, callerOf } from './caller.js';
import { ofEveryAddress } from '../requests/consent-requests.js';
import { erasuresOf } from '../requests/erasure-requests.js';
import { countLenience } from '../requests/lenience.js';
import { Route } from './route.js';
import { erasureRoute } from './routes/consent.routes.js';

@Controller()
export class ErasuresController {
  constructor(
    private readonly commands: CommandBus,
    private readonly parts: Parts,
  ) {}

  /** Every address that the request names is erased; the answer is that of the first, as of when all are recorded. */
  @Route(erasureRoute)
  async erase(
    @Param('b') businessId: string,
    @Headers('idempotency-key') key: unknown,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandAnswer> {
    const faults = request.jsonFaults ?? [];
    const erasures = await erasuresOf(this.parts, businessId, key, body, faults, callerOf(request));
    const warnings = erasures.flatMap((one) => one.warnings);
    countLenience(this.parts, callerOf(request).actor, warnings);
    const outcomes = await Promise.all(erasures.map((one) => this.commands.execute(new EraseRecipient(one))));
    return answer(reply, ofEveryAddress(outcomes));
  }
}
