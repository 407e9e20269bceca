import type { Instant } from './instant.js';
import { EMPTY_STATE, join, keepGrant, type LinkCell, type RecipientState } from './state.js';
import { ALL } from './vocabulary.js';

/** How many linked recipients are answered together in full; beyond that only their noes cross. */
export const MAX_LINKED = 8;

export interface ActiveLink {
  readonly recipientId: string;
  readonly kind: 'same_person' | 'changed_number';
  readonly role?: 'old' | 'new';
  readonly linkedAt: Instant;
}

/** The links that hold: the later of link and unlink, on a tie the link. */
export function activeLinks(state: RecipientState): readonly ActiveLink[] {
  return state.links.flatMap(({ recipientId, link, unlink }: LinkCell) => {
    if (!link || (unlink && unlink.occurredAt > link.occurredAt)) return [];
    const role = link.role === undefined ? {} : { role: link.role };
    return [{ recipientId, kind: link.kind, linkedAt: link.occurredAt, ...role }];
  });
}

/** What may cross from a member to the recipient who is asked about. */
interface Passage {
  readonly recipientId: string;
  /** Grants up to and including this instant cross; undefined: none do. */
  readonly grantsUntil: Instant | undefined;
  /** Contacts and confirmations cross between addresses of the same person only. */
  readonly samePerson: boolean;
}

const NO_LIMIT = '~';

/**
 * The state that answers for a recipient: its own joined with what crosses from those linked to it. `stateOf` gives the
 * states of the members that `linkedIds` named; a member without one counts as knowing nothing.
 */
export function joinLinked(
  recipientId: string,
  own: RecipientState,
  stateOf: (recipientId: string) => RecipientState | undefined,
): RecipientState {
  if (own.links.length === 0) return own;
  let joined = leaveBehind(own);
  for (const passage of passages(recipientId, own, stateOf)) {
    const member = stateOf(passage.recipientId);
    if (member) joined = join(joined, crossing(member, passage));
  }
  return joined;
}

/** A number left behind belongs to somebody else from the change on: it is revoked everywhere as of then. */
function leaveBehind(own: RecipientState): RecipientState {
  let state = own;
  for (const { link, unlink } of own.links) {
    const holds = link && !(unlink && unlink.occurredAt > link.occurredAt);
    if (!holds || link.kind !== 'changed_number' || link.role === 'new') continue;
    const { kind: _kind, role: _role, ...basis } = link;
    const confirmations = state.confirmations.filter(({ stoppedAt }) => stoppedAt > link.occurredAt);
    state = join(
      { ...state, confirmations },
      { ...EMPTY_STATE, revocations: [{ channel: ALL, category: ALL, ...basis }] },
    );
  }
  return state;
}

function crossing(member: RecipientState, { grantsUntil, samePerson }: Passage): RecipientState {
  const { revocations, preferences, blocks, erased, unreadable } = member;
  let state: RecipientState = { ...EMPTY_STATE, revocations, preferences, blocks };
  if (erased) state = { ...state, erased };
  if (unreadable) state = { ...state, unreadable };
  if (samePerson) state = { ...state, contacts: member.contacts, confirmations: member.confirmations };
  for (const grant of member.grants) {
    if (grantsUntil !== undefined && grant.occurredAt <= grantsUntil) state = keepGrant(state, grant);
  }
  return state;
}

/** Walks the links breadth first, nearest members first, until no member's passage grows wider. */
function passages(
  recipientId: string,
  own: RecipientState,
  stateOf: (recipientId: string) => RecipientState | undefined,
): readonly Passage[] {
  const found = new Map<string, Passage>([[recipientId, { recipientId, grantsUntil: NO_LIMIT, samePerson: true }]]);
  const queue = [recipientId];
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    const from = found.get(id) as Passage;
    for (const link of activeLinks(id === recipientId ? own : (stateOf(id) ?? EMPTY_STATE))) {
      const known = found.get(link.recipientId);
      const wider = widest(known, through(from, link, found.size > MAX_LINKED - 1 && !known));
      if (wider === known) continue;
      found.set(link.recipientId, wider);
      queue.push(link.recipientId);
    }
  }
  found.delete(recipientId);
  return [...found.values()];
}

/** What crosses one more link: grants of an old number reach the new one if they were given before the change. */
function through(from: Passage, link: ActiveLink, beyondLimit: boolean): Passage {
  const nothing = { recipientId: link.recipientId, grantsUntil: undefined, samePerson: false };
  if (beyondLimit || from.grantsUntil === undefined) return nothing;
  if (link.kind === 'same_person') return { ...from, recipientId: link.recipientId };
  if (link.role !== 'new') return nothing;
  const grantsUntil = link.linkedAt < from.grantsUntil ? link.linkedAt : from.grantsUntil;
  return { recipientId: link.recipientId, grantsUntil, samePerson: false };
}

function widest(known: Passage | undefined, offered: Passage): Passage {
  if (!known) return offered;
  const samePerson = known.samePerson || offered.samePerson;
  const grantsUntil =
    (known.grantsUntil ?? '') >= (offered.grantsUntil ?? '') ? known.grantsUntil : offered.grantsUntil;
  const unchanged = samePerson === known.samePerson && grantsUntil === known.grantsUntil;
  return unchanged ? known : { recipientId: known.recipientId, grantsUntil, samePerson };
}
