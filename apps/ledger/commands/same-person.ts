import { EMPTY_STATE, MAX_LOOKED_AT, activeLinks, joinLinked, type ActiveLink, type RecipientState } from '#consent';
import { hasReached, type Position } from '#event-store';
import { foldStored } from '#view';
import type { Parts } from '../parts.js';
import { readHistory } from './handle.js';

/**
 * The other recipients that were the same person by the links that the ledger held at a position, nearest first: one that
 * was only heard of later was not what anybody meant. What time a link bears does not count, since a clock that runs ahead
 * may have dated it. A changed number is not among them, since its next owner is somebody else.
 */
export async function samePersonAs(parts: Parts, recipientId: string, upTo: Position): Promise<readonly string[]> {
  const isTheirs = ({ kind }: ActiveLink) => kind === 'same_person';
  const [, ...others] = await linkedWith(parts, [recipientId], { isWanted: isTheirs, upTo });
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
  parts: Parts,
  recipientIds: readonly string[],
  wanted: LinksWanted = {},
): Promise<readonly string[]> {
  return [...(await linkedStates(parts, recipientIds, wanted)).keys()];
}

/** The same with what the consent stream of each holds; of the one more nothing. */
export async function linkedStates(
  { store }: Parts,
  recipientIds: readonly string[],
  { isWanted = () => true, upTo }: LinksWanted = {},
): Promise<ReadonlyMap<string, RecipientState>> {
  const found = new Set(recipientIds);
  const states = new Map<string, RecipientState>();
  // A set's iterator also visits what is added while it runs.
  for (const id of found) {
    const { events } = await readHistory(store, `consent-${id}`);
    const known = events.map(({ event }) => event).filter((event) => !upTo || hasReached(upTo, event.position));
    const state = foldStored(EMPTY_STATE, known);
    states.set(id, state);
    for (const link of activeLinks(state)) if (isWanted(link)) found.add(link.recipientId);
    if (found.size > MAX_LOOKED_AT) break;
  }
  const looked = [...found].slice(0, MAX_LOOKED_AT + 1);
  return new Map(looked.map((id) => [id, states.get(id) ?? EMPTY_STATE]));
}

/** A person's state joined with what crosses from the consent streams of those linked to them: all noes are in it. */
export async function joinedWithLinked(
  parts: Parts,
  recipientId: string,
  own: RecipientState,
  upTo?: Position,
): Promise<RecipientState> {
  if (own.links.length === 0) return own;
  const states = await linkedStates(parts, [recipientId], upTo === undefined ? {} : { upTo });
  return joinLinked(recipientId, own, (id) => states.get(id));
}
