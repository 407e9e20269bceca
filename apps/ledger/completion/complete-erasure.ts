import { ERASURE_REQUESTERS, isOneOf, type RecipientErased } from '#consent';
import { readEvent, type ReadEvent, type StoredEvent } from '#event-store';
import { readRecipientEvent, recipientOf } from '#view';
import { consequenceOf, eraseOne, type ErasureRequest } from '../commands/erase-recipient.js';
import { readHistory } from '../commands/handle.js';
import { samePersonAs } from '../commands/same-person.js';
import { requireOwn } from '../ownership.js';
import { orLeave } from './or-leave.js';
import type { Parts } from '../parts.js';

/**
 * Sees to it that a person who was erased under one address is erased under those linked as the same person too. Resolves
 * once they are. What is already the consequence of another erasure has no consequences of its own.
 */
export async function completeErasure(parts: Parts, stored: StoredEvent): Promise<void> {
  const recipientId = recipientOf(stored.stream);
  if (stored.type !== 'RecipientErased' || recipientId === undefined) return;
  const { event } = readRecipientEvent(stored);
  const { metadata } = readEvent(stored);
  const { commandId, $causationId } = metadata;
  if (event.type !== 'RecipientErased' || commandId === undefined || $causationId !== commandId) return;
  for (const other of await samePersonAs(parts, recipientId, stored.position)) {
    await orLeave(parts, stored, () => completeFor(parts, other, stored.id, event));
  }
}

async function completeFor(parts: Parts, other: string, cause: string, event: RecipientErased): Promise<void> {
  const { events } = await readHistory(parts.store, `consent-${other}`);
  if (events.some((one) => covers(one, cause, event))) return;
  await requireOwn(parts, event.data.businessId, other);
  await eraseOne(parts, requestOf(other, cause, event));
  parts.log.warn({ eventId: cause }, 'an erasure that had been broken off is complete for a linked address');
}

/** Whether an event is that consequence, or erased all the same, and no earlier. */
function covers({ event: { type }, data, metadata }: ReadEvent, cause: string, erased: RecipientErased): boolean {
  if (type !== 'RecipientErased') return false;
  // One that cannot be read has no data.
  const { occurredAt = '' } = (data ?? {}) as Partial<RecipientErased['data']>;
  return metadata.$causationId === cause || occurredAt >= erased.data.occurredAt;
}

function requestOf(recipientId: string, cause: string, { data }: RecipientErased): ErasureRequest {
  const { businessId, requestedBy } = data;
  return consequenceOf(cause, {
    ...{ businessId, recipientId, warnings: [] },
    ...(isOneOf(ERASURE_REQUESTERS, requestedBy) ? { requestedBy } : {}),
    caller: { actor: 'system', requestId: cause, causedBy: cause },
  });
}
