import { EMPTY_STATE, instantOf, type Instant } from '#consent';
import type { EventStore, Position } from '#event-store';
import { foldStored, recipientOf } from '#view';
import { eventsOf, eventsOfStreams } from './events.js';
import { Trouble } from './failures.js';
import { showEvent, type ShownEvent } from './shown.js';
import type { Answer, Asked, Story } from './story.js';

/** One event of a story and the answer after it. */
export interface Chapter {
  readonly shown: ShownEvent;
  /** Whom it tells of: the recipient itself, somebody linked at some time, or, absent, the register of the business. */
  readonly recipientId?: string;
  readonly answer: Answer;
}

type Reads = Pick<EventStore, 'readAll' | 'readStream'>;

/** The events up to a position that may have changed the answer, in the order of the ledger, added to the story one by one. */
export async function* chaptersOf(store: Reads, story: Story, until: Position): AsyncGenerator<Chapter> {
  const { businessId, recipientId } = story.asked;
  const recipients = await everLinked(store, recipientId);
  const streams = [`business-${businessId}`, ...recipients.flatMap(streamsOf)];
  // Stands in where an event does not say when it was recorded: it was not before the one in front of it.
  let decidedAt: Instant = instantOf(0);
  for await (const stored of eventsOfStreams(store, streams, { until })) {
    story.add(stored);
    const shown = showEvent(stored);
    decidedAt = shown.recordedAt ?? decidedAt;
    if (!concerns(shown, story.asked)) continue;
    const about = recipientOf(stored.stream);
    const answer = await story.answer(decidedAt, stored.position);
    yield { shown, answer, ...(about === undefined ? {} : { recipientId: about }) };
  }
}

export function streamsOf(recipientId: string): readonly string[] {
  return [`consent-${recipientId}`, `conversation-${recipientId}`];
}

/** Of the register only what has to do with the question; what cannot be read may have. */
function concerns({ content }: ShownEvent, { purpose, sender }: Asked): boolean {
  if (content.kind !== 'register') return true;
  const { data } = content.event;
  if ('purposeId' in data) return data.purposeId === purpose;
  return 'senderId' in data && data.senderId === sender;
}

/** More than so many are never linked by the rules, which answer no long before. */
const MOST_LINKED = 1_000;

/**
 * Everybody who was ever linked to a recipient over any number of links, the recipient first: whoever of them is linked
 * at some moment is among them. Rejects with `Trouble` where they are too many.
 */
async function everLinked(store: Reads, recipientId: string): Promise<readonly string[]> {
  const found = new Set([recipientId]);
  // A set's iterator also visits what is added while it runs.
  for (const id of found) {
    let state = EMPTY_STATE;
    for await (const event of eventsOf(store, `consent-${id}`)) state = foldStored(state, [event]);
    for (const { recipientId: other } of state.links) found.add(other);
    if (found.size > MOST_LINKED) throw new Trouble(`more than ${MOST_LINKED} recipients are linked to this one`);
  }
  return [...found];
}
