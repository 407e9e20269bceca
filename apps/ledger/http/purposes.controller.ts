import { Body, Controller, Param, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BUILT_IN_PURPOSES, purposeOf, registerPurpose, retirePurpose, type Purpose } from '#consent';
import { Refusal, ValidationPipe } from '#platform';
import { ChangeRegister } from '../commands/change-register.js';
import { register } from '../commands/register.js';
import { Parts } from '../parts.js';
import { callerOf } from './caller.js';
import { PurposeDto } from '../requests/dto/business.dto.js';
import { Route } from './route.js';
import { purposeDeleteRoute, purposePutRoute, purposesGetRoute } from './routes/business.routes.js';

@Controller()
export class PurposesController {
  constructor(
    private readonly commands: CommandBus,
    private readonly parts: Parts,
  ) {}

  @Route(purposePutRoute)
  async put(
    @Param() { b: businessId, p: purposeId }: { b: string; p: string },
    @Body(ValidationPipe) body: PurposeDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const purpose = { purposeId, category: body.category, title: body.title, requires: requirementOf(body) };
    const { state, created } = await this.commands.execute(
      new ChangeRegister({
        businessId,
        operation: `purposes/${purposeId}`,
        caller: callerOf(request),
        decide: (current) => registerPurpose(current, businessId, purpose),
      }),
    );
    reply.status(created ? 201 : 200);
    return purposeView(purposeOf(state, purposeId) ?? purpose);
  }

  @Route(purposeDeleteRoute)
  async retire(@Param() { b: businessId, p: purposeId }: { b: string; p: string }, @Req() request: FastifyRequest) {
    const { state } = await this.commands.execute(
      new ChangeRegister({
        businessId,
        operation: `purposes/${purposeId}/retire`,
        caller: callerOf(request),
        decide: (current) => retirePurpose(current, businessId, purposeId),
      }),
    );
    return state.purposes.filter((purpose) => purpose.purposeId === purposeId).map(purposeView)[0];
  }

  @Route(purposesGetRoute)
  list(@Param('b') businessId: string) {
    return { purposes: [...BUILT_IN_PURPOSES, ...register(this.parts, businessId).purposes].map(purposeView) };
  }
}

/** Marketing cannot do without consent; everything else requires it unless the business says otherwise. */
function requirementOf({ category, requires }: PurposeDto) {
  if (requires !== 'no_objection' || category === 'utility' || category === 'authentication')
    return requires ?? 'consent';
  const message = 'Only a utility or authentication purpose may require no_objection.';
  throw new Refusal('VALIDATION_FAILED', message, {
    errors: [{ field: 'requires', code: 'REQUIRES_CONSENT', message }],
  });
}

function purposeView(purpose: Purpose) {
  return { ...purpose, retired: purpose.retired === true };
}
