import { createHash } from 'node:crypto';
import { Body, Controller, Headers, Param, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { disclosureOf, publishDisclosure, registerBusiness, type BusinessState } from '#consent';
import { Refusal, ValidationPipe } from '#platform';
import { ChangeRegister } from '../commands/change-register.js';
import { register } from '../commands/register.js';
import { Parts } from '../parts.js';
import { callerOf, markReplayed } from './caller.js';
import { BusinessDto, DisclosureDto } from '../requests/dto/business.dto.js';
import { idempotencyKey } from '../requests/idempotency-key.js';
import { knownChannel } from '../requests/known-channel.js';
import { Route } from './route.js';
import {
  businessGetRoute,
  businessPutRoute,
  disclosureGetRoute,
  disclosurePostRoute,
} from './routes/business.routes.js';

@Controller()
export class BusinessesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly parts: Parts,
  ) {}

  @Route(businessPutRoute)
  async put(
    @Param('b') businessId: string,
    @Body(ValidationPipe) { policy, ...profile }: BusinessDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { state, created } = await this.commands.execute(
      new ChangeRegister({
        businessId,
        operation: 'business',
        caller: callerOf(request),
        decide: (register) => registerBusiness(register, businessId, profile, policy),
      }),
    );
    reply.status(created ? 201 : 200);
    return businessView(businessId, state);
  }

  @Route(businessGetRoute)
  get(@Param('b') businessId: string) {
    return businessView(businessId, register(this.parts, businessId));
  }

  /** `dryRun=true` publishes nothing and says what publishing would find. Texts are not looked at yet: that is nothing. */
  @Route(disclosurePostRoute)
  async publish(
    @Param() { b: businessId, d: disclosureId }: { b: string; d: string },
    @Query('dryRun') dryRun: string | undefined,
    @Headers('idempotency-key') key: unknown,
    @Body(ValidationPipe) body: DisclosureDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const channels = body.channels.map((channel) => knownChannel(channel, 'channels'));
    const sha256 = createHash('sha256').update(body.text).digest('hex');
    if (dryRun === 'true') return { disclosureId, sha256, findings: [] };
    const { events, replayed } = await this.commands.execute(
      new ChangeRegister({
        businessId,
        operation: `disclosures/${disclosureId}`,
        ...idempotencyKey(key),
        request: body,
        caller: callerOf(request),
        decide: (state, now) =>
          publishDisclosure(state, businessId, { ...body, channels, disclosureId, sha256, publishedAt: now }),
      }),
    );
    const [published] = events;
    if (published?.type !== 'DisclosurePublished') throw new Error('publishing a disclosure left no event');
    markReplayed(reply, replayed);
    return { disclosureId, version: published.data.version, sha256: published.data.sha256, findings: [] };
  }

  @Route(disclosureGetRoute)
  getDisclosure(@Param() { b, d, n }: { b: string; d: string; n: string }) {
    const found = disclosureOf(register(this.parts, b), d, Number(n));
    if (!found) throw new Refusal('DISCLOSURE_NOT_FOUND', 'No such version of the disclosure is published.');
    return { ...found, retired: found.retired === true };
  }
}

function businessView(businessId: string, { profile, policy }: BusinessState) {
  return { businessId, ...profile, policy };
}
