import { encode } from './codec.js';
import { eventsOfPart } from './event-parts.js';
import type { RecipientRow } from './port.js';
import { projectRecipient, recipientOf } from './project.js';

/** The rows of one part, in the order of their keys: recipient id, business id, packed state, and so on. */
export interface FoldedPart {
  readonly rows: readonly string[];
  readonly events: number;
}

const unheard = (): void => undefined;

/** Folds and packs everybody of a complete part. */
export function foldPart(directory: string, part: number): FoldedPart {
  const rows = new Map<string, RecipientRow>();
  let events = 0;
  for (const event of eventsOfPart(directory, part)) {
    const recipientId = recipientOf(event.stream) as string;
    rows.set(recipientId, projectRecipient(rows.get(recipientId), event, unheard));
    events += 1;
  }
  const packed = [...rows.keys()].sort().flatMap((recipientId) => {
    const { businessId, state } = rows.get(recipientId) as RecipientRow;
    return [recipientId, businessId, encode(state, recipientId)];
  });
  return { rows: packed, events };
}
