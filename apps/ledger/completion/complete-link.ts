import { instantOf, otherHalfOf, type RecipientLinked, type RecipientUnlinked } from '#consent';
import { writeEvent, type EventMetadata, type NewEvent, type StoredEvent } from '#event-store';
import { readRecipientEvent, recipientOf } from '#view';
import { metadataOf, traceIn } from '../commands/caller.js';
import { handle } from '../commands/handle.js';
import { requireOwn } from '../ownership.js';
import type { Parts } from '../parts.js';

/** A link, or its undoing, as it stands in the stream of one of the two. */
interface Half {
  readonly recipientId: string;
  readonly event: RecipientLinked | RecipientUnlinked;
  readonly metadata: Partial<EventMetadata> & Pick<EventMetadata, 'commandId'>;
  readonly recordedAt: string;
  /** The id of the event that must stand in the other stream. */
  readonly otherEventId: string;
}

/**
 * Sees to it that what stands in one of the two streams stands in the other too. Resolves once it does; an event that is
 * no half of a link, or that no command of this service wrote, is let be. The half that is made up for lacks its sealed
 * part: the other's address is under the other's key alone.
 */
export async function completeLink(parts: Parts, stored: StoredEvent): Promise<void> {
  const half = halfIn(parts, stored);
  if (half === undefined) return;
  const { other, businessId } = half.event.data;
  const { answer: isMadeUpFor } = await handle<boolean>(parts, {
    stream: `consent-${other}`,
    lane: 'normal',
    maxAttempts: parts.config.limits.appendRetries,
    decide: async ({ events }) => {
      if (events.some(({ event }) => event.id === half.otherEventId)) return { answer: false };
      await requireOwn(parts, businessId, other);
      return { events: [otherEvent(parts, half)], answer: true };
    },
  });
  if (!isMadeUpFor) return;
  parts.metrics.command(half.event.type, 'recorded');
  parts.log.warn({ eventId: half.otherEventId }, 'a link that had been broken off is complete');
}

function halfIn({ ids }: Parts, stored: StoredEvent): Half | undefined {
  const recipientId = recipientOf(stored.stream);
  if (recipientId === undefined || !/^Recipient(Linked|Unlinked)$/.test(stored.type)) return undefined;
  const { event, origin, metadata } = readRecipientEvent(stored);
  const { commandId } = metadata;
  if (commandId === undefined || (event.type !== 'RecipientLinked' && event.type !== 'RecipientUnlinked'))
    return undefined;
  const halves = [ids.eventId(commandId, 0), ids.eventId(commandId, 1)];
  const otherEventId = halves.find((id) => id !== stored.id);
  if (!halves.includes(stored.id) || otherEventId === undefined) return undefined;
  return { recipientId, event, metadata: { ...metadata, commandId }, recordedAt: origin.recordedAt, otherEventId };
}

function otherEvent({ clock }: Parts, { recipientId, event, metadata, recordedAt, otherEventId }: Half): NewEvent {
  const { type, data } = otherHalfOf(recipientId, event, recordedAt);
  const { commandId, fingerprint, $correlationId = commandId, traceparent } = metadata;
  const times = { occurredAt: data.occurredAt, recordedAt: instantOf(clock.now()) };
  const caller = { actor: 'system', requestId: $correlationId, ...traceIn(traceparent) };
  return writeEvent(otherEventId, type, data, metadataOf(caller, commandId, times, fingerprint));
}
