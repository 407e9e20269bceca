import { Body, Controller, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { instantOf } from '#consent';
import { Refusal, ValidationPipe } from '#platform';
import { makeApiKey, type ApiKey } from '#vault';
import { Parts } from '../parts.js';
import { Authenticator } from '../authenticate.js';
import { ApiKeyDto } from '../requests/dto/business.dto.js';
import { Route } from './route.js';
import {
  globalKeyDeleteRoute,
  globalKeyPostRoute,
  keyDeleteRoute,
  keyPostRoute,
  keysGetRoute,
} from './routes/key.routes.js';

/** Keys are made and deleted in the vault, not in the ledger: a secret is no part of anybody's story. */
@Controller()
export class KeysController {
  constructor(
    private readonly parts: Parts,
    private readonly authenticator: Authenticator,
  ) {}

  @Route(globalKeyPostRoute)
  postGlobal(@Body(ValidationPipe) body: ApiKeyDto) {
    return this.make(body, undefined);
  }

  @Route(globalKeyDeleteRoute)
  deleteGlobal(@Param('keyId') keyId: string, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.remove(keyId, undefined, reply);
  }

  @Route(keyPostRoute)
  post(@Param('b') businessId: string, @Body(ValidationPipe) body: ApiKeyDto) {
    return this.make(body, businessId);
  }

  @Route(keysGetRoute)
  async list(@Param('b') businessId: string) {
    return { keys: (await this.parts.vault.listApiKeys(businessId)).map(keyView) };
  }

  @Route(keyDeleteRoute)
  delete(@Param() { b, keyId }: { b: string; keyId: string }, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.remove(keyId, b, reply);
  }

  /** The secret is in this answer and nowhere else. */
  private async make({ name, scopes }: ApiKeyDto, businessId: string | undefined) {
    const createdAt = instantOf(this.parts.clock.now());
    const business = businessId === undefined ? {} : { businessId };
    const { key, secret } = makeApiKey({ name, scopes, createdAt, ...business });
    await this.parts.vault.putApiKey(key);
    return { ...keyView(key), secret };
  }

  private async remove(keyId: string, businessId: string | undefined, reply: FastifyReply): Promise<void> {
    const key = await this.parts.vault.findApiKey(keyId);
    if (!key || (businessId !== undefined && key.businessId !== businessId)) {
      throw new Refusal('NOT_FOUND', 'There is no such key.');
    }
    await this.parts.vault.deleteApiKey(keyId);
    this.authenticator.forget(keyId);
    reply.status(204);
  }
}

function keyView({ keyId, businessId, name, scopes, createdAt }: ApiKey) {
  return { keyId, name, scopes, createdAt, ...(businessId === undefined ? {} : { businessId }) };
}
