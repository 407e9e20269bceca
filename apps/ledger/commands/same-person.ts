import {
  EMPTY_STATE,
  MAX_LOOKED_AT,
  activeLinks,
  joinLinked,
  onePersonAs,
  type ActiveLink,
  type RecipientState,
} from '#consent';
import { hasReached, type Position, type ReadEvent } from '#event-store';
import { foldStored } from '#view';
import type { Parts } from '../parts.js';
import { PROVIDER_ACTOR } from './caller.js';
import { readHistory } from './handle.js';

/**
 * The other recipients that were the same person by the links that the ledger held at a position, nearest first: one that
 * was only heard of later was not what anybody meant. What time a link bears does not count, since a clock that runs ahead
 * may have dated it. A number that was left behind is not among them, since its next owner is somebody else.
 */
export async function samePersonAs(parts: Parts, recipientId: string, upTo: Position): Promise<readonly string[]> {
  const isTheirs = ({ kind }: ActiveLink) => kind === 'same_person';
  const states = await linkedStates(parts, [recipientId], { isWanted: isTheirs, upTo });
  return onePersonAs(recipientId, (id) => states.get(id) ?? EMPTY_STATE);
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

/**
 * What the word of a provider, that two recipients are one person, comes to by the stream of one of them. Undefined where
 * it adds nothing: they are linked, in whatever way, as of two only the latest link counts and what a business has said of
 * a changed number no delivery undoes; or the stream cannot be read. And where the provider has named another beside the
 * recipient before, in this life of a number, it has come to somebody else or is known under two ids: which, a delivery
 * does not say.
 */
export function kindSaid(
  recipientId: string,
  other: string,
  events: readonly ReadEvent[],
): 'same_person' | 'same_number' | undefined {
  const state = foldStored(
    EMPTY_STATE,
    events.map(({ event }) => event),
  );
  if (state.unreadable || activeLinks(state).some((link) => link.recipientId === other)) return undefined;
  const said = new Set(events.flatMap((event) => saidByProvider(event) ?? []));
  const others = onePersonAs(recipientId, (id) => (id === recipientId ? state : EMPTY_STATE));
  return others.some((id) => said.has(id)) ? 'same_number' : 'same_person';
}

/** Whom a provider's delivery, not the business, has linked to the stream's recipient. */
function saidByProvider({ event, data, metadata }: ReadEvent): string | undefined {
  const isTheirs = event.type === 'RecipientLinked' && metadata.actor?.startsWith(PROVIDER_ACTOR) === true;
  return isTheirs ? (data as { readonly other: string }).other : undefined;
}
