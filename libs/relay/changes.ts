import { setImmediate as turn } from 'node:timers/promises';
import type { ConsentEvent } from '#consent';
import type { StoredEvent } from '#event-store';
import { readRecipientEvent, recipientOf, type ReadRecipientEvent } from '#view';

/** The streams that hold what is said about a recipient. */
export const CHANGE_PREFIXES = ['consent-', 'conversation-'] as const;
export const OPT_OUT_PREFIXES = ['consent-'] as const;

/** A recipient's stored event as the rules read it. */
export interface Change extends ReadRecipientEvent {
  readonly stored: StoredEvent;
  readonly recipientId: string;
}

/** Events read without a turn of the event loop: about a millisecond. */
const READ_AT_ONCE = 100;

/** Reads events, letting others have their turn in between. Events of other streams are left out. */
export async function changesIn(
  events: readonly StoredEvent[],
  wanted: (event: ConsentEvent) => boolean = () => true,
): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (let index = 0; index < events.length; index += 1) {
    if (index > 0 && index % READ_AT_ONCE === 0) await turn();
    const stored = events[index] as StoredEvent;
    const recipientId = recipientOf(stored.stream);
    if (recipientId === undefined) continue;
    const read = readRecipientEvent(stored);
    if (wanted(read.event)) changes.push({ stored, recipientId, ...read });
  }
  return changes;
}

/** What goes to the topic of opt-outs: every no, and what changes whose noes count. */
export function isOptOut({ type }: ConsentEvent): boolean {
  switch (type) {
    case 'ConsentRevoked':
    case 'RecipientErased':
    case 'RecipientLinked':
    case 'RecipientUnlinked':
    case 'Unreadable':
      return true;
    case 'ConsentGranted':
    case 'PreferenceResumed':
    case 'UserMessaged':
      return false;
  }
}

/** What is also told under the key of everybody linked. */
export function crossesLinks({ type }: ConsentEvent): boolean {
  return type === 'ConsentRevoked' || type === 'RecipientErased';
}
