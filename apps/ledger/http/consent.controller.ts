import { Body, Controller, Headers, Param, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ValidationPipe } from '#platform';
import type { CommandAnswer } from '../commands/answer.js';
import { GrantConsent } from '../commands/grant-consent.js';
import { RecordMessage } from '../commands/record-message.js';
import { RevokeConsent } from '../commands/revoke-consent.js';
import { Parts } from '../parts.js';
import { answer, callerOf } from './caller.js';
import { grantOf, messageOf, ofEveryAddress, revocationsOf } from '../requests/consent-requests.js';
import { GrantDto, MessageDto } from '../requests/dto/consent.dto.js';
import { countLenience } from '../requests/lenience.js';
import { Route } from './route.js';
import { grantRoute, messageRoute, revocationRoute } from './routes/consent.routes.js';

@Controller()
export class ConsentController {
  constructor(
    private readonly commands: CommandBus,
    private readonly parts: Parts,
  ) {}

  @Route(grantRoute)
  async grant(
    @Param('b') businessId: string,
    @Headers('idempotency-key') key: unknown,
    @Body(ValidationPipe) body: GrantDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandAnswer> {
    const grant = await grantOf(this.parts, businessId, key, body, callerOf(request));
    return answer(reply, await this.commands.execute(new GrantConsent(grant)));
  }

  /** Every address that the request names is revoked; the answer is that of the first, as of when all are recorded. */
  @Route(revocationRoute)
  async revoke(
    @Param('b') businessId: string,
    @Headers('idempotency-key') key: unknown,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandAnswer> {
    const revocations = await revocationsOf(
      this.parts,
      businessId,
      key,
      body,
      request.jsonFaults ?? [],
      callerOf(request),
    );
    const warnings = revocations.flatMap((one) => one.warnings);
    countLenience(this.parts, callerOf(request).actor, warnings);
    const outcomes = await Promise.all(revocations.map((one) => this.commands.execute(new RevokeConsent(one))));
    return answer(reply, ofEveryAddress(outcomes));
  }

  @Route(messageRoute)
  async message(
    @Param('b') businessId: string,
    @Headers('idempotency-key') key: unknown,
    @Body(ValidationPipe) body: MessageDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandAnswer> {
    const message = await messageOf(this.parts, businessId, key, body, callerOf(request));
    return answer(reply, await this.commands.execute(new RecordMessage(message)));
  }
}
