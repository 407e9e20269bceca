import { Refusal } from '#platform';
import type { Caller } from '../commands/caller.js';
import type { LinkRequest, LinkedRecipient } from '../commands/link-recipients.js';
import type { Parts } from '../parts.js';
import { addressOf, claimOf, strictRecipient } from './consent-requests.js';
import type { LinkDto } from './dto/link.dto.js';
import { idempotencyKey } from './idempotency-key.js';

/** From a validated body to the command: names both people, each strictly, and refuses one who is both. */
export async function linkOf(
  parts: Parts,
  businessId: string,
  key: unknown,
  body: LinkDto,
  caller: Caller,
): Promise<LinkRequest> {
  const recipient = await personOf(parts, businessId, body, 'recipient');
  const other = await personOf(parts, businessId, body, 'other');
  if (recipient.recipientId === other.recipientId) throw oneAndTheSame();
  const { kind } = body;
  const times = claimOf(body.occurredAt);
  return { businessId, recipient, other, kind, ...times, ...idempotencyKey(key), request: { ...body }, caller };
}

async function personOf(
  parts: Parts,
  businessId: string,
  body: LinkDto,
  field: 'recipient' | 'other',
): Promise<LinkedRecipient> {
  const named = await strictRecipient(parts, businessId, body[field], field);
  return { recipientId: named.recipientId, personal: addressOf(named) };
}

function oneAndTheSame(): Refusal {
  const message = 'Name two recipients; these are one and the same.';
  return new Refusal('VALIDATION_FAILED', message, { errors: [{ field: 'other', code: 'SAME_RECIPIENT', message }] });
}
