import { ERASURE_REQUESTERS, isOneOf, type ErasureRequester } from '#consent';
import { MOST_JSON_FAULTS, type FieldError } from '#platform';
import type { Warning } from '../commands/answer.js';
import type { Caller } from '../commands/caller.js';
import type { ErasureRequest } from '../commands/erase-recipient.js';
import { hearOf } from '../commands/register.js';
import type { Parts } from '../parts.js';
import { ownRevoked, recipientWarnings, requireObject, unreadWarning } from './consent-requests.js';
import { lenientIdempotencyKey } from './idempotency-key.js';
import { namingWarnings } from './name-recipient.js';
import { faultWarnings } from './revocation-body.js';

const FIELDS: readonly string[] = ['recipient', 'requestedBy', 'reason'];

type Fields = Readonly<Record<string, unknown>>;

/**
 * One erasure for each address that the body names. As an opt-out it is turned away only where it names nobody. What is
 * personal in it is neither kept nor made part of an id: a reason, and a requester in other words than ours.
 */
export async function erasuresOf(
  parts: Parts,
  businessId: string,
  keyHeader: unknown,
  body: unknown,
  faults: readonly FieldError[],
  caller: Caller,
): Promise<readonly ErasureRequest[]> {
  const fields = requireObject(body);
  await hearOf(parts, businessId);
  const { recipients, unread } = await ownRevoked(parts, businessId, fields.recipient);
  const warnings: Warning[] = [
    ...faultWarnings(fields, faults, FIELDS),
    ...namingWarnings(fields.recipient),
    ...unread.map(unreadWarning),
  ];
  const requester = readRequester(fields, faults, warnings);
  if ((fields.reason ?? undefined) !== undefined) warnings.push(REASON_NOT_KEPT);
  const { key, warnings: keyWarnings } = lenientIdempotencyKey(keyHeader);
  const recipientIds = recipients.map(({ recipientId }) => recipientId).sort();
  return recipients.map((recipient) => ({
    businessId,
    recipientId: recipient.recipientId,
    ...requester,
    warnings: [...warnings, ...keyWarnings, ...recipientWarnings(recipient, recipients.length, 'erased')],
    ...(key === undefined ? {} : { key }),
    request: { operation: 'erasures', recipientIds, ...requester },
    caller,
  }));
}

/** A name that the JSON gives twice is no requester at all; nor is any where there are too many faults to tell. */
function readRequester(
  { requestedBy }: Fields,
  faults: readonly FieldError[],
  warnings: Warning[],
): { requestedBy?: ErasureRequester } {
  if (requestedBy === undefined || requestedBy === null) return {};
  const doubtful = faults.length >= MOST_JSON_FAULTS || faults.some(({ field }) => field.startsWith('requestedBy'));
  if (!doubtful && isOneOf(ERASURE_REQUESTERS, requestedBy)) return { requestedBy };
  warnings.push({ field: 'requestedBy', message: `Not one of ${ERASURE_REQUESTERS.join(', ')}: it was not kept.` });
  return {};
}

const REASON_NOT_KEPT: Warning = {
  field: 'reason',
  message: 'Not kept: nothing that may be personal is kept of somebody who is erased.',
};
