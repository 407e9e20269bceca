import { activeLinks, joinLinked, MAX_LOOKED_AT, type Basis, type RecipientState } from '#consent';

export type StateOf = (recipientId: string) => RecipientState | undefined;

/** Everybody linked to a recipient over any number of links, itself included; undefined where they are too many. */
export function membersOf(recipientId: string, stateOf: StateOf): ReadonlySet<string> | undefined {
  const found = new Set([recipientId]);
  // A set's iterator also visits what is added while it runs.
  for (const id of found) {
    const state = stateOf(id);
    if (state === undefined || state.links.length === 0) continue;
    for (const link of activeLinks(state)) found.add(link.recipientId);
    if (found.size > MAX_LOOKED_AT) return undefined;
  }
  return found;
}

/** The state that answers for a recipient together with those linked to it; unreadable where they are too many. */
export function stateWithLinked(recipientId: string, own: RecipientState, stateOf: StateOf): RecipientState {
  if (own.links.length === 0) return own;
  const states = new Map([[recipientId, own]]);
  const stateOnce = (id: string) => {
    const known = states.get(id) ?? stateOf(id);
    if (known) states.set(id, known);
    return known;
  };
  if (membersOf(recipientId, stateOnce) === undefined) return { ...own, unreadable: doubtFrom(own) };
  return joinLinked(recipientId, own, (id) => states.get(id));
}

/** Some link is what the doubt rests on. */
function doubtFrom({ links }: RecipientState): Basis {
  const [newest] = links.flatMap(({ link, unlink }) => link ?? unlink ?? []).toSorted(byNewest);
  return { ...(newest as Basis), type: 'Unreadable' };
}

function byNewest(one: Basis, other: Basis): number {
  return one.occurredAt > other.occurredAt ? -1 : 1;
}
