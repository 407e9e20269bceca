import { Body, Controller, Param, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  registerSender,
  retireSender,
  senderOf,
  type BusinessState,
  type Instant,
  type Sender,
  type SenderDraft,
} from '#consent';
import { Refusal, ValidationPipe } from '#platform';
import { bindAlone } from '../commands/binding.js';
import { ChangeRegister } from '../commands/change-register.js';
import { register } from '../commands/register.js';
import { Parts } from '../parts.js';
import { DeliveryIntake } from '../webhooks/delivery-intake.js';
import { callerOf, principalOf } from './caller.js';
import { SenderDto } from '../requests/dto/business.dto.js';
import { knownChannel } from '../requests/known-channel.js';
import { Route } from './route.js';
import { senderDeleteRoute, senderPutRoute, sendersGetRoute } from './routes/business.routes.js';

@Controller()
export class SendersController {
  /** Bindings are made one after the other, so that two businesses cannot both find a provider's id free. */
  private binding: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly commands: CommandBus,
    private readonly parts: Parts,
    private readonly intake: DeliveryIntake,
  ) {}

  @Route(senderPutRoute)
  async put(
    @Param() { b: businessId, s: senderId }: { b: string; s: string },
    @Body(ValidationPipe) body: SenderDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const sender = { senderId, ...body, channel: knownChannel(body.channel, 'channel') };
    requireOwnChannel(sender);
    if (this.touchesBinding(businessId, sender) && !principalOf(request).admin) throw adminAlone();
    const bind = async () => {
      this.requireFree(businessId, sender);
      return this.change(businessId, `senders/${senderId}`, request, (known, now) =>
        registerSender(known, businessId, sender, now),
      );
    };
    const { created, state } = await this.inTurn(() => bindAlone(this.parts, sender, bind));
    if (body.providerId !== undefined) await this.intake.replayOf(body.provider, body.providerId, callerOf(request));
    reply.status(created ? 201 : 200);
    return senderView(senderOf(state, senderId) ?? sender);
  }

  @Route(senderDeleteRoute)
  async retire(@Param() { b: businessId, s: senderId }: { b: string; s: string }, @Req() request: FastifyRequest) {
    const { state } = await this.change(businessId, `senders/${senderId}/retire`, request, (current) =>
      retireSender(current, businessId, senderId),
    );
    const retired = senderOf(state, senderId);
    return retired && senderView(retired);
  }

  @Route(sendersGetRoute)
  list(@Param('b') businessId: string) {
    return { senders: register(this.parts, businessId).senders.map(senderView) };
  }

  private change(
    businessId: string,
    operation: string,
    request: FastifyRequest,
    decide: (state: BusinessState, now: Instant) => ReturnType<typeof registerSender>,
  ) {
    return this.commands.execute(new ChangeRegister({ businessId, operation, caller: callerOf(request), decide }));
  }

  /** To name a provider's id is to bind it; to name another provider is to give it up. */
  private touchesBinding(businessId: string, { senderId, provider, providerId }: SenderDraft): boolean {
    const known = senderOf(register(this.parts, businessId), senderId);
    return providerId !== undefined || (known?.providerId !== undefined && known.provider !== provider);
  }

  private inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.binding.then(task, task);
    this.binding = turn;
    return turn;
  }

  /** A retired sender keeps routing to its last business, but no longer stands in another's way. */
  private requireFree(businessId: string, { provider, providerId }: SenderDraft): void {
    const route = providerId === undefined ? undefined : this.parts.view.catalogue.senderBy(provider, providerId);
    if (!route || route.businessId === businessId || route.sender.retired) return;
    const message = 'The provider id is bound to another business; retire that sender first.';
    throw new Refusal('SENDER_TAKEN', message, { errors: [{ field: 'providerId', code: 'SENDER_TAKEN', message }] });
  }
}

/** WhatsApp's deliveries are recorded on WhatsApp, where a sender registered on another channel would never be found. */
function requireOwnChannel({ provider, channel }: Sender): void {
  if (provider !== 'whatsapp_cloud' || channel === 'whatsapp') return;
  const message = 'A sender of whatsapp_cloud is on the channel whatsapp.';
  throw new Refusal('VALIDATION_FAILED', message, { errors: [{ field: 'channel', code: 'IS_IN', message }] });
}

function adminAlone(): Refusal {
  const message = 'Binding a provider id takes the admin key: whoever binds it receives its people’s opt-outs.';
  return new Refusal('FORBIDDEN', message, { errors: [{ field: 'providerId', code: 'ADMIN_KEY', message }] });
}

function senderView({ senderId, channel, provider, address, providerId, retired }: Sender) {
  const bound = providerId === undefined ? {} : { providerId };
  return { senderId, channel, provider, address, ...bound, retired: retired === true };
}
