import { fold, type RecipientState } from '#consent';
import { hasReached, type EventStore, type Position, type Revision, type StoredEvent } from '#event-store';
import { stateWithLinked } from './linked-states.js';
import type { BusinessRow, RecipientRow } from './port.js';
import { projectBusiness, projectRecipient, readRecipientEvent } from './project.js';
import { stateFor } from './recipient-row.js';

/** Events read at once; a conversation may hold any number. */
const PAGE_SIZE = 500;

type Streams = Pick<EventStore, 'head' | 'readStream'>;

/**
 * What the ledger itself says of a recipient and those linked to it: never stale, and independent of the view.
 * `position` was the head before the first stream was read, so all of it is in the state. Undefined: nothing is recorded
 * for this business. Rejects where the ledger cannot be read.
 */
export async function stateFromLedger(
  store: Streams,
  businessId: string,
  recipientId: string,
): Promise<{ readonly state: RecipientState | undefined; readonly position: Position }> {
  const position = await store.head();
  const readState = async (id: string) => stateFor(await rowFromLedger(store, id), businessId);
  const readStates = async (ids: readonly string[]) => {
    const states: (RecipientState | undefined)[] = [];
    for (const id of ids) states.push(await readState(id));
    return states;
  };
  const own = await readState(recipientId);
  return { state: own && (await stateWithLinked(recipientId, own, readStates)), position };
}

/** Adds a recipient's stored events to a state, as the view does; what cannot be read marks it unreadable. */
export function foldStored(state: RecipientState, events: readonly StoredEvent[]): RecipientState {
  return events.reduce((before, stored) => {
    const { event, origin } = readRecipientEvent(stored);
    return fold(before, event, origin);
  }, state);
}

/**
 * The row as a view at `upTo` holds it; absent: with everything that the ledger holds by now. The conversation is read
 * first: an opt-out is recorded before the message that carried it, so who sees that message has yet to read the no.
 */
export async function rowFromLedger(
  store: Pick<EventStore, 'readStream'>,
  recipientId: string,
  upTo?: Position,
): Promise<RecipientRow | undefined> {
  let row: RecipientRow | undefined;
  for (const stream of [`conversation-${recipientId}`, `consent-${recipientId}`]) {
    for await (const event of eventsOf(store, stream)) {
      if (upTo !== undefined && !hasReached(upTo, event.position)) break;
      row = projectRecipient(row, event, () => undefined);
    }
  }
  return row;
}

/** A register with everything that the ledger holds of it. */
export async function businessFromLedger(
  store: Pick<EventStore, 'readStream'>,
  businessId: string,
): Promise<BusinessRow | undefined> {
  let row: BusinessRow | undefined;
  for await (const event of eventsOf(store, `business-${businessId}`)) {
    row = projectBusiness(row, businessId, event, () => undefined);
  }
  return row;
}

async function* eventsOf(store: Pick<EventStore, 'readStream'>, stream: string): AsyncGenerator<StoredEvent> {
  for (let from: Revision | undefined = '0'; from !== undefined;) {
    const page: readonly StoredEvent[] = await store.readStream(stream, { from, limit: PAGE_SIZE });
    yield* page;
    const last = page.at(-1);
    from = last !== undefined && page.length === PAGE_SIZE ? String(Number(last.revision) + 1) : undefined;
  }
}
