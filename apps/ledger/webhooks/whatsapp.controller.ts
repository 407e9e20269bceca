import { Body, Controller, Headers, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Refusal } from '#platform';
import { verifySignature, verifySubscription } from '#providers';
import { Route } from '../http/route.js';
import { whatsappDeliveryRoute, whatsappVerificationRoute } from '../http/routes/webhook.routes.js';
import { Parts } from '../parts.js';
import { DeliveryIntake } from './delivery-intake.js';

/** WhatsApp Cloud API webhooks: signed, and nothing of them is parsed before the signature holds. */
@Controller()
export class WhatsappController {
  constructor(
    private readonly parts: Parts,
    private readonly intake: DeliveryIntake,
  ) {}

  @Route(whatsappVerificationRoute)
  verify(@Query() query: Record<string, unknown>): string {
    const { verifyToken } = this.parts.config.whatsapp;
    if (verifyToken === undefined) throw notConfigured('WHATSAPP_VERIFY_TOKEN');
    const challenge = verifySubscription(query, verifyToken);
    if (challenge === undefined) throw new Refusal('FORBIDDEN', 'The verify token is not the one configured here.');
    return challenge;
  }

  @Route(whatsappDeliveryRoute)
  async deliver(
    @Body() rawBody: unknown,
    @Headers('x-hub-signature-256') signature: unknown,
    @Req() request: FastifyRequest,
  ) {
    const { appSecret } = this.parts.config.whatsapp;
    if (appSecret === undefined) throw notConfigured('WHATSAPP_APP_SECRET');
    const bytes = Buffer.isBuffer(rawBody) ? rawBody : Buffer.alloc(0);
    if (!verifySignature(bytes, signature, appSecret)) {
      throw new Refusal('UNAUTHENTICATED', 'The signature does not match the body.');
    }
    await this.intake.take(bytes, { actor: 'webhook:whatsapp', requestId: request.id });
    return { received: true };
  }
}

function notConfigured(name: string): Refusal {
  return new Refusal('NOT_CONFIGURED', `Set ${name} to receive WhatsApp's webhooks.`);
}
