import { EMPTY_STATE, MAX_LOOKED_AT, activeLinks, type ActiveLink, type Instant } from '#consent';
import { hasReached, type Position } from '#event-store';
import { foldStored } from '#view';
import type { Parts } from '../parts.js';
import { readHistory } from './handle.js';

/** A place in time, and how far the ledger had come by then. */
export interface AsOf {
  readonly occurredAt: Instant;
  readonly position: Position;
}

/**
 * The other recipients that were the same person by the links that held at an instant and were known then, nearest
 * first: a later link may be another life's, and one that was only heard of later was not what anybody meant. A changed
 * number is not among them, since its next owner is somebody else.
 */
export async function samePersonAs(parts: Parts, recipientId: string, asOf: AsOf): Promise<readonly string[]> {
  const isTheirs = ({ kind, linkedAt }: ActiveLink) => kind === 'same_person' && linkedAt <= asOf.occurredAt;
  const [, ...others] = await linkedWith(parts, [recipientId], { isWanted: isTheirs, upTo: asOf.position });
  return others;
}

interface LinksWanted {
  readonly isWanted?: (link: ActiveLink) => boolean;
  /** Of the ledger, the part that is looked at; absent: all of it. */
  readonly upTo?: Position;
}

/**
 * These recipients, then whoever hangs together with them over links that are wanted, nearest first, as the ledger has
 * it. No more than are looked at to answer for one of them, and one more where there are more.
 */
export async function linkedWith(
  { store }: Parts,
  recipientIds: readonly string[],
  { isWanted = () => true, upTo }: LinksWanted = {},
): Promise<readonly string[]> {
  const found = new Set(recipientIds);
  // A set's iterator also visits what is added while it runs.
  for (const id of found) {
    const { events } = await readHistory(store, `consent-${id}`);
    const known = events.map(({ event }) => event).filter((event) => !upTo || hasReached(upTo, event.position));
    const state = foldStored(EMPTY_STATE, known);
    for (const link of activeLinks(state)) if (isWanted(link)) found.add(link.recipientId);
    if (found.size > MAX_LOOKED_AT) break;
  }
  return [...found].slice(0, MAX_LOOKED_AT + 1);
}
