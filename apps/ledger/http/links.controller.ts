import { Body, Controller, Headers, Param, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ValidationPipe } from '#platform';
import type { CommandAnswer } from '../commands/answer.js';
import { LinkRecipients, UnlinkRecipients } from '../commands/link-recipients.js';
import { Parts } from '../parts.js';
import { answer, callerOf } from './caller.js';
import { LinkDto } from '../requests/dto/link.dto.js';
import { linkOf } from '../requests/link-requests.js';
import { Route } from './route.js';
import { linkRoute, unlinkRoute } from './routes/link.routes.js';

@Controller()
export class LinksController {
  constructor(
    private readonly commands: CommandBus,
    private readonly parts: Parts,
  ) {}

  @Route(linkRoute)
  async link(
    @Param('b') businessId: string,
    @Headers('idempotency-key') key: unknown,
    @Body(ValidationPipe) body: LinkDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandAnswer> {
    const link = await linkOf(this.parts, businessId, key, body, callerOf(request));
    return answer(reply, await this.commands.execute(new LinkRecipients(link)));
  }

  @Route(unlinkRoute)
  async unlink(
    @Param('b') businessId: string,
    @Headers('idempotency-key') key: unknown,
    @Body(ValidationPipe) body: LinkDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<CommandAnswer> {
    const link = await linkOf(this.parts, businessId, key, body, callerOf(request));
    return answer(reply, await this.commands.execute(new UnlinkRecipients(link)));
  }
}
