import { setImmediate as turn } from 'node:timers/promises';
import type { ConsentEvent, Origin } from '#consent';
import { changeRecordOf, doubtRecordOf, type ChangeRecord } from '#contracts';
import type { EventStore, StoredEvent } from '#event-store';
import { readRecipientEvent, recipientOf } from '#view';
import { ToldChange } from './told.js';

/** The streams that hold what is said about a recipient. */
export const CHANGE_PREFIXES = ['consent-', 'conversation-'] as const;

/** Events read without a turn of the event loop: about a millisecond. */
const READ_AT_ONCE = 100;
/** Of a stream whose event does not say whose it is, how many others are asked. */
const ASKED_EVENTS = 50;

/** An event of which it is known whose it is, and which is not yet made into what is told. */
export interface OwnedChange {
  readonly businessId: string;
  told(): ToldChange;
}

/**
 * Reads events of the ledger, letting others have their turn in between. One that cannot be read belongs to the business
 * of its stream; where no event of the stream says which that is, nobody has heard of the recipient and nobody is told.
 */
export async function readChanges(
  store: Pick<EventStore, 'readStream'>,
  events: readonly StoredEvent[],
): Promise<readonly OwnedChange[]> {
  const changes: OwnedChange[] = [];
  for (let index = 0; index < events.length; index += 1) {
    if (index > 0 && index % READ_AT_ONCE === 0) await turn();
    const stored = events[index] as StoredEvent;
    const recipientId = recipientOf(stored.stream);
    if (recipientId === undefined) continue;
    const { event, origin } = readRecipientEvent(stored);
    const businessId = event.data.businessId ?? (await ownerOf(store, recipientId));
    if (businessId === undefined) continue;
    const told = () => new ToldChange(stored.position, recordOf(event, origin, recipientId));
    changes.push({ businessId, told });
  }
  return changes;
}

/** What cannot be made into a record is told as a doubt, like on Kafka. */
function recordOf(event: ConsentEvent, origin: Origin, recipientId: string): ChangeRecord {
  try {
    return changeRecordOf(event, origin, recipientId);
  } catch {
    return doubtRecordOf(event, origin, recipientId);
  }
}

async function ownerOf(store: Pick<EventStore, 'readStream'>, recipientId: string): Promise<string | undefined> {
  for (const prefix of CHANGE_PREFIXES) {
    for (const stored of await store.readStream(prefix + recipientId, { limit: ASKED_EVENTS })) {
      const { businessId } = readRecipientEvent(stored).event.data;
      if (businessId !== undefined) return businessId;
    }
  }
  return undefined;
}
