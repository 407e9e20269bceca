import { Metadata } from '@grpc/grpc-js';
import type { CommandBus } from '@nestjs/cqrs';
import { COMMAND_RESPONSE, GRANT_REQUEST, RECORD_MESSAGE_REQUEST } from '#grpc-messages';
import { validated } from '#platform';
import type { Outcome } from '../commands/answer.js';
import { GrantConsent } from '../commands/grant-consent.js';
import { RecordMessage } from '../commands/record-message.js';
import { RevokeConsent } from '../commands/revoke-consent.js';
import type { Parts } from '../parts.js';
import { grantOf, messageOf, ofEveryAddress, revocationsOf } from '../requests/consent-requests.js';
import { GrantDto, MessageDto } from '../requests/dto/consent.dto.js';
import { countLenience } from '../requests/lenience.js';
import { requireBusinessWithNews, type Asked } from './asked.js';
import type { Reply } from './calls.js';
import { grantBody, messageBody } from './consent-messages.js';
import { SERVED, type ServedMethod } from './methods.js';
import { readRevocationMessage } from './revocation-message.js';
import { protoPath } from './status.js';

/** Commands over gRPC: the readers and handlers of HTTP. */
export class ConsentCalls {
  constructor(
    private readonly parts: Parts,
    private readonly commands: CommandBus,
  ) {}

  async grant(asked: Asked, message: Buffer): Promise<Reply> {
    const request = GRANT_REQUEST.decode(message);
    const businessId = await this.business(asked, SERVED.grant, request.businessId);
    const body = validated(GrantDto, grantBody(request));
    const grant = await grantOf(this.parts, businessId, asked.idempotencyKey, body, asked.caller);
    return replyOf(await this.commands.execute(new GrantConsent(grant)));
  }

  /** Every address that the message names is revoked; the answer is that of the first, as of when all are recorded. */
  async revoke(asked: Asked, message: Buffer): Promise<Reply> {
    const { businessId: named, body, faults } = readRevocationMessage(message);
    const businessId = await this.business(asked, SERVED.revoke, named);
    const { caller } = asked;
    const revocations = await revocationsOf(this.parts, businessId, asked.idempotencyKey, body, faults, caller);
    const warnings = revocations.flatMap((one) => one.warnings);
    countLenience(this.parts, caller.actor, warnings);
    const outcomes = await Promise.all(revocations.map((one) => this.commands.execute(new RevokeConsent(one))));
    return replyOf(ofEveryAddress(outcomes));
  }

  async recordMessage(asked: Asked, message: Buffer): Promise<Reply> {
    const request = RECORD_MESSAGE_REQUEST.decode(message);
    const businessId = await this.business(asked, SERVED.recordMessage, request.businessId);
    const body = validated(MessageDto, messageBody(request));
    const recorded = await messageOf(this.parts, businessId, asked.idempotencyKey, body, asked.caller);
    return replyOf(await this.commands.execute(new RecordMessage(recorded)));
  }

  private business({ principal }: Asked, method: ServedMethod, named: string): Promise<string> {
    return requireBusinessWithNews(this.parts, principal, method, named);
  }
}

function replyOf({ answer, replayed }: Outcome): Reply {
  const { warnings, ...rest } = answer;
  const told = warnings?.map(({ field, message }) => ({ field: protoPath(field), message }));
  const bytes = COMMAND_RESPONSE.encode({ answer: told ? { ...rest, warnings: told } : rest });
  if (!replayed) return { bytes };
  const trailer = new Metadata();
  trailer.set('idempotent-replayed', 'true');
  return { bytes, trailer };
}
