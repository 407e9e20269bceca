import type { Instant } from './instant.js';
import {
  EMPTY_STATE,
  join,
  keepGrant,
  keepPreference,
  type ContactCell,
  type LinkCell,
  type PreferenceCell,
  type RecipientState,
} from './state.js';
import { ALL, type LinkKind } from './vocabulary.js';

/** How many linked recipients are answered together in full, nearest first; beyond that only their noes cross. */
export const MAX_LINKED = 8;
/** So many are looked at for their noes; where more hang together, one of those not looked at may have said no. */
export const MAX_LOOKED_AT = 64;

export interface ActiveLink {
  readonly recipientId: string;
  readonly kind: LinkKind;
  readonly role?: 'old' | 'new';
  readonly linkedAt: Instant;
}

/** The links that hold: the later of link and unlink, on a tie the link. In the order of the recipient ids. */
export function activeLinks(state: RecipientState): readonly ActiveLink[] {
  return state.links.flatMap((cell: LinkCell) => {
    const link = holding(cell);
    if (!link) return [];
    const role = link.role === undefined ? {} : { role: link.role };
    return [{ recipientId: cell.recipientId, kind: link.kind, linkedAt: link.occurredAt, ...role }];
  });
}

function holding({ link, unlink }: LinkCell): LinkCell['link'] {
  return link && !(unlink && unlink.occurredAt > link.occurredAt) ? link : undefined;
}

type StateOf = (recipientId: string) => RecipientState;

/**
 * The state that answers for a recipient: its own joined with what crosses from those linked to it. `stateOf` gives the
 * states of all that can be reached over `activeLinks`; a member without one counts as knowing nothing.
 *
 * Noes cross every link. What allows crosses only between addresses of one person, and from an old number to the new
 * one. A number left behind has its next life with somebody else, so its lives are kept apart by the dates of its links.
 */
export function joinLinked(
  recipientId: string,
  own: RecipientState,
  stateOf: (recipientId: string) => RecipientState | undefined,
): RecipientState {
  if (own.links.length === 0) return own;
  const memberOf: StateOf = (id) => (id === recipientId ? own : (stateOf(id) ?? EMPTY_STATE));
  const whole = joinWhole(recipientId, memberOf);
  if (whole !== undefined) return whole;
  let joined = leaveBehind(own);
  for (const id of reachable(recipientId, memberOf)) {
    if (id !== recipientId) joined = join(joined, noesOf(memberOf(id)));
  }
  for (const passage of passages(recipientId, memberOf)) {
    if (passage.recipientId !== recipientId)
      joined = join(joined, allowancesOf(memberOf(passage.recipientId), passage));
  }
  return joined;
}

/**
 * The same where no number was ever left behind and all who hang together are one person and few: then everything crosses,
 * and nobody's lives need be told apart. So it is with nearly everybody, and it takes a tenth of the time.
 */
function joinWhole(recipientId: string, stateOf: StateOf): RecipientState | undefined {
  const found = new Set([recipientId]);
  let joined = stateOf(recipientId);
  for (const id of found) {
    const member = stateOf(id);
    for (const cell of member.links) {
      const link = holding(cell);
      if (link === undefined) continue;
      if (link.kind !== 'same_person') return undefined;
      found.add(cell.recipientId);
    }
    if (found.size > MAX_LINKED) return undefined;
    if (id !== recipientId) joined = join(joined, { ...member, links: EMPTY_STATE.links });
  }
  return joined;
}

/** Everybody linked to a recipient over any number of links, the recipient included. */
function reachable(recipientId: string, stateOf: StateOf): ReadonlySet<string> {
  const found = new Set([recipientId]);
  // A set's iterator also visits what is added while it runs.
  for (const id of found) {
    for (const link of activeLinks(stateOf(id))) found.add(link.recipientId);
  }
  return found;
}

/** The moments at which a number was left behind: from each on it belongs to somebody else. */
function handovers(state: RecipientState): readonly NonNullable<LinkCell['link']>[] {
  return state.links.flatMap((cell) => {
    const link = holding(cell);
    return link && link.kind === 'changed_number' && link.role !== 'new' ? [link] : [];
  });
}

/** A number left behind is revoked everywhere as of then, and what its old owner stopped is not confirmed to the new. */
function leaveBehind(own: RecipientState): RecipientState {
  let state = own;
  for (const link of handovers(own)) {
    const { kind: _kind, role: _role, ...basis } = link;
    const confirmations = state.confirmations.filter(
      ({ confirmation }) => confirmation === undefined || confirmation.occurredAt > link.occurredAt,
    );
    const revoked = { ...EMPTY_STATE, revocations: [{ channel: ALL, category: ALL, ...basis } as const] };
    state = join({ ...state, confirmations }, revoked);
  }
  return state;
}

function noesOf(member: RecipientState): RecipientState {
  const { revocations, blocks, erased, unreadable } = member;
  const preferences = member.preferences.flatMap((cell) => standingStop(cell, member));
  return {
    ...EMPTY_STATE,
    revocations,
    blocks,
    preferences,
    ...(erased ? { erased } : {}),
    ...(unreadable ? { unreadable } : {}),
  };
}

/** A stop that its own person did not lift. A resume after a handover is the next owner's and lifts nothing before it. */
function standingStop({ channel, sender, stop, resume }: PreferenceCell, member: RecipientState): PreferenceCell[] {
  if (!stop) return [];
  const isTheirs = resume !== undefined && handovers(member).every(({ occurredAt }) => resume.occurredAt <= occurredAt);
  return isTheirs && resume.occurredAt > stop.occurredAt ? [] : [{ channel, sender, stop }];
}

/** A recipient's time with one person: after one handover, up to and including the next. */
interface Life {
  readonly after: Instant;
  readonly until: Instant;
}

const ALWAYS = '~';
const NEVER = '';

function lifeAt(instant: Instant, state: RecipientState): Life {
  let life: Life = { after: NEVER, until: ALWAYS };
  for (const { occurredAt } of handovers(state)) {
    if (occurredAt < instant && occurredAt > life.after) life = { ...life, after: occurredAt };
    if (occurredAt >= instant && occurredAt < life.until) life = { ...life, until: occurredAt };
  }
  return life;
}

function isWithin(instant: Instant, life: Life): boolean {
  return instant > life.after && instant <= life.until;
}

/** One life of a member from which what allows may cross to the recipient who is asked about. */
interface Passage {
  readonly recipientId: string;
  readonly life: Life;
  /** Grants up to and including this instant cross; `ALWAYS` on a way that never passes a changed number. */
  readonly grantsUntil: Instant;
}

/**
 * The other recipients that are the same person today, nearest first: over links of one person, each within the life that
 * it is of. A number that was left behind since is not among them, and nobody beyond it.
 */
export function onePersonAs(recipientId: string, stateOf: StateOf): readonly string[] {
  const found = passages(recipientId, stateOf, MAX_LOOKED_AT).filter(
    ({ life, grantsUntil }) => grantsUntil === ALWAYS && life.until === ALWAYS,
  );
  return found.map((passage) => passage.recipientId).filter((id) => id !== recipientId);
}

/** Walks the links breadth first, nearest members first, until no passage grows wider. */
function passages(recipientId: string, stateOf: StateOf, most: number = MAX_LINKED): readonly Passage[] {
  const start: Passage = { recipientId, life: lifeAt(ALWAYS, stateOf(recipientId)), grantsUntil: ALWAYS };
  const found = new Map([[keyOf(start), start]]);
  const members = new Set([recipientId]);
  const queue = [start];
  for (const from of queue) {
    for (const link of activeLinks(stateOf(from.recipientId))) {
      const next = through(from, link, stateOf);
      if (!next || (members.size >= most && !members.has(next.recipientId))) continue;
      if ((found.get(keyOf(next))?.grantsUntil ?? NEVER) >= next.grantsUntil) continue;
      found.set(keyOf(next), next);
      members.add(next.recipientId);
      queue.push(next);
    }
  }
  return [...found.values()];
}

function keyOf({ recipientId, life }: Passage): string {
  return `${life.until} ${recipientId}`;
}

/**
 * What crosses one more link: nothing from a new number to the old one, nor where only the number is the same, and a link
 * of another life leads nowhere.
 */
function through(from: Passage, link: ActiveLink, stateOf: StateOf): Passage | undefined {
  const { recipientId, linkedAt } = link;
  if (!isWithin(linkedAt, from.life)) return undefined;
  const to = { recipientId, life: lifeAt(linkedAt, stateOf(recipientId)) };
  if (link.kind === 'same_person') return { ...to, grantsUntil: from.grantsUntil };
  if (link.kind !== 'changed_number' || link.role !== 'new') return undefined;
  return { ...to, grantsUntil: linkedAt < from.grantsUntil ? linkedAt : from.grantsUntil };
}

function allowancesOf(member: RecipientState, { life, grantsUntil }: Passage): RecipientState {
  let state = grantsUntil === ALWAYS ? sharedByOnePerson(member, life) : EMPTY_STATE;
  for (const grant of member.grants) {
    if (isWithin(grant.occurredAt, life) && grant.occurredAt <= grantsUntil) state = keepGrant(state, grant);
  }
  return state;
}

function sharedByOnePerson(member: RecipientState, life: Life): RecipientState {
  const contacts = member.contacts.filter(({ occurredAt }: ContactCell) => isWithin(occurredAt, life));
  const confirmations = member.confirmations.filter(({ stoppedAt, confirmation }) =>
    isWithin(confirmation?.occurredAt ?? stoppedAt, life),
  );
  let state: RecipientState = { ...EMPTY_STATE, contacts, confirmations };
  for (const cell of member.preferences) {
    if (cell.resume && isWithin(cell.resume.occurredAt, life)) state = keepPreference(state, cell);
  }
  return state;
}
