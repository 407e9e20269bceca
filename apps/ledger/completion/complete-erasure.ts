import { ERASURE_REQUESTERS, isOneOf, type RecipientErased } from '#consent';
import { readEvent, type ReadEvent, type StoredEvent } from '#event-store';
import { readRecipientEvent, recipientOf } from '#view';
import { eraseOne, type ErasureRequest } from '../commands/erase-recipient.js';
import { readHistory } from '../commands/handle.js';
import { samePersonAs } from '../commands/same-person.js';
import { requireOwn } from '../ownership.js';
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
  for (const other of await samePersonAs(parts, recipientId, event.data.occurredAt)) {
    const { events } = await readHistory(parts.store, `consent-${other}`);
    if (events.some((one) => covers(one, stored.id, event))) continue;
    await requireOwn(parts, event.data.businessId, other);
    await eraseOne(parts, requestOf(other, stored.id, event));
    parts.log.warn({ eventId: stored.id }, 'an erasure that had been broken off is complete for a linked address');
  }
}

/** Whether an event is that consequence, or erased all the same, and no earlier. */
function covers({ event: { type }, data, metadata }: ReadEvent, cause: string, erased: RecipientErased): boolean {
  if (type !== 'RecipientErased') return false;
  const { occurredAt = '' } = data as Partial<RecipientErased['data']>;
  return metadata.$causationId === cause || occurredAt >= erased.data.occurredAt;
}

/** The cause is the key, so that however many complete it, one event comes of it. */
function requestOf(recipientId: string, cause: string, { data }: RecipientErased): ErasureRequest {
  const { businessId, requestedBy } = data;
  return {
    ...{ businessId, recipientId, warnings: [], key: cause },
    ...(isOneOf(ERASURE_REQUESTERS, requestedBy) ? { requestedBy } : {}),
    request: { operation: 'erasures', cause },
    caller: { actor: 'system', requestId: cause, causedBy: cause },
  };
}
