import { CLOCK_TOLERANCE_MS } from './channel-policy.js';
import type { RecipientLinked, RecipientUnlinked } from './consent.js';
import {
  addMs,
  claimedUnless,
  earliestOf,
  latestMeaningOf,
  readClaimedTime,
  type ClaimedTime,
  type Instant,
} from './instant.js';
import type { LinkCell, RecipientState } from './state.js';
import type { LinkKind } from './vocabulary.js';

/** What is said of two recipients, as it is to stand in the stream of one of them. */
export interface Link {
  readonly businessId: string;
  readonly other: string;
  readonly kind: LinkKind;
  /** Of a changed number: whether the stream's own recipient is the one left behind or the one taken up. */
  readonly role?: 'old' | 'new';
  readonly claimed: ClaimedTime;
  /** The time as the source wrote it, kept where the ledger counts another. */
  readonly claimedText?: string;
  readonly now: Instant;
}

export type Unlink = Omit<Link, 'kind' | 'role'>;

/** Something recorded of the two already counts later, so the event is history without effect. */
export type OutdoneLink = 'UNLINKED_LATER' | 'LINKED_LATER';
export type LinkRefusal = 'OCCURRED_IN_FUTURE' | 'OCCURRED_AT_REQUIRED';

export type LinkDecision =
  { readonly refused: LinkRefusal } | { readonly event: RecipientLinked; readonly ineffectiveBecause?: OutdoneLink };
export type UnlinkDecision =
  { readonly refused: LinkRefusal } | { readonly event: RecipientUnlinked; readonly ineffectiveBecause?: OutdoneLink };

/** Both roles of a number change: what the other stream's recipient is. */
const OTHER_ROLE = { old: 'new', new: 'old' } as const;

/** A link allows as well as denies, so one without a time, or dated too far ahead, is refused as a grant is. */
export function decideLink(state: RecipientState, link: Link): LinkDecision {
  const refused = refusalOf(link);
  if (refused) return { refused };
  const event = linkedEvent(link);
  const known = cellOf(state, link.other);
  if ((known?.unlink?.occurredAt ?? '') > event.data.occurredAt) return { event, ineffectiveBecause: 'UNLINKED_LATER' };
  if ((known?.link?.occurredAt ?? '') > event.data.occurredAt) return { event, ineffectiveBecause: 'LINKED_LATER' };
  return { event };
}

function linkedEvent(link: Link): RecipientLinked {
  const { businessId, other, kind, role } = link;
  const occurredAt = linkedAt(link);
  const said = { businessId, other, kind, ...(role ? { role } : {}) };
  return { type: 'RecipientLinked', data: { ...said, occurredAt, ...claimedUnless(occurredAt, link) } };
}

/**
 * A time that is not exact counts so that no side turns a no into a yes: a number left behind is revoked as of the latest
 * instant that the time can mean, and what a link allows ends, or begins, at the earliest.
 */
function linkedAt({ claimed, role, now }: Pick<Link, 'claimed' | 'role' | 'now'>): Instant {
  const meant = role === 'old' ? latestMeaningOf(claimed) : earliestOf(claimed);
  return meant === undefined || meant > now ? now : meant;
}

/**
 * The two hang together up to and including the time that is named, and no longer from the millisecond after: a link
 * wins a tie, and the very body that linked two must be able to unlink them.
 */
export function decideUnlink(state: RecipientState, unlink: Unlink): UnlinkDecision {
  const refused = refusalOf(unlink);
  if (refused) return { refused };
  const { businessId, other, claimed, now } = unlink;
  const after = addMs(latestMeaningOf(claimed) ?? now, 1);
  const occurredAt = after > now ? now : after;
  const data = { businessId, other, occurredAt, ...claimedUnless(occurredAt, unlink) };
  const event: RecipientUnlinked = { type: 'RecipientUnlinked', data };
  const outdone = (cellOf(state, other)?.link?.occurredAt ?? '') >= occurredAt;
  return outdone ? { event, ineffectiveBecause: 'LINKED_LATER' } : { event };
}

/**
 * The same fact as it stands in the other recipient's stream. `recordedAt` is that of the half which is known: by it the
 * time is cut off there, and so it must be here.
 */
export function otherHalfOf(
  recipientId: string,
  { type, data }: RecipientLinked | RecipientUnlinked,
  recordedAt: Instant,
): RecipientLinked | RecipientUnlinked {
  const { businessId, occurredAt, claimedAt } = data;
  if (type === 'RecipientUnlinked') {
    const claim = claimedAt === undefined ? {} : { claimedAt };
    return { type, data: { businessId, other: recipientId, occurredAt, ...claim } };
  }
  const claimedText = claimedAt ?? occurredAt;
  const role = data.role && OTHER_ROLE[data.role];
  return linkedEvent({
    ...{ businessId, other: recipientId, kind: data.kind, claimedText, now: recordedAt },
    ...(role ? { role } : {}),
    claimed: readClaimedTime(claimedText),
  });
}

function refusalOf({ claimed, now }: Pick<Link, 'claimed' | 'now'>): LinkRefusal | undefined {
  const claimedAt = earliestOf(claimed);
  if (claimedAt === undefined) return 'OCCURRED_AT_REQUIRED';
  return claimedAt > addMs(now, CLOCK_TOLERANCE_MS) ? 'OCCURRED_IN_FUTURE' : undefined;
}

function cellOf({ links }: RecipientState, other: string): LinkCell | undefined {
  return links.find(({ recipientId }) => recipientId === other);
}
