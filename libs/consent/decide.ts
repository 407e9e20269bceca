import {
  CLOCK_TOLERANCE_MS,
  CONFIRMATION_MS,
  CONFIRMATION_PAUSE_MS,
  isAutomaticStop,
  windowEnd,
} from './channel-policy.js';
import type { ConsentGranted, ConsentRevoked, UserMessaged } from './consent.js';
import { latestObjection } from './eligibility.js';
import {
  addMs,
  claimedUnless,
  earliestOf,
  epochMsOf,
  latestMeaningOf,
  latestOf,
  type ClaimedTime,
  type Instant,
} from './instant.js';
import type { Basis, ConfirmationCell, RecipientState } from './state.js';
import {
  ALL,
  type All,
  type Category,
  type Channel,
  type DisclosureRef,
  type GrantMethod,
  type MessageKind,
  type RevocationMethod,
} from './vocabulary.js';

/** A purpose as the business's register knows it at the moment of the decision. */
export interface PurposeFact {
  readonly id: string;
  readonly category: Category;
}

export interface Grant {
  readonly businessId: string;
  readonly channels: readonly Channel[];
  readonly purposes: readonly PurposeFact[];
  readonly method: GrantMethod;
  readonly disclosure?: DisclosureRef;
  readonly evidenceSha256?: string;
  readonly claimed: ClaimedTime;
  /** The time as the source wrote it, kept where the ledger counts another. */
  readonly claimedText?: string;
  readonly expiresAt?: Instant;
  /** When it was heard of, where that was before now: it may be decided again because a no was faster. */
  readonly heardAt?: Instant;
  readonly now: Instant;
}

export interface Revocation {
  readonly businessId: string;
  readonly channels: readonly Channel[] | readonly [All];
  readonly purposes: readonly string[];
  readonly categories: readonly Category[] | readonly [All];
  readonly method: RevocationMethod;
  readonly sender?: string | undefined;
  readonly evidenceSha256?: string | undefined;
  readonly claimed: ClaimedTime;
  readonly claimedText?: string | undefined;
  /** The newest contact in the person's conversation, which an undated no must not fall behind. */
  readonly newestContactAt?: Instant | undefined;
  /** The newest grant or contact of those linked to the person, which allows messages to the person too. */
  readonly newestLinkedAt?: Instant | undefined;
  /** When those linked to the person were stopped by a machine: one confirmation is enough for all of them. */
  readonly linkedConfirmations?: readonly ConfirmationCell[] | undefined;
  /** The latest time at which anything in these streams was recorded: later than `now` means the clock went back. */
  readonly newestRecordedAt?: Instant | undefined;
  /** Set where the person's stream could not be read: what is known of the person is then too little to confirm by. */
  readonly unread?: true | undefined;
  readonly now: Instant;
}

export interface Message {
  readonly businessId: string;
  readonly channel: Channel;
  readonly sender: string;
  readonly kind: MessageKind;
  readonly claimed: ClaimedTime;
  readonly claimedText?: string;
  /** When the opt-out that this message carried counts: the message never counts later, or the STOP would open a window. */
  readonly notAfter?: Instant;
  readonly now: Instant;
}

const BEGINNING_OF_TIME: Instant = '1970-01-01T00:00:00.000Z';

export type Ineffective = 'REVOKED_LATER' | 'ALREADY_EXPIRED';
export type Refusal = 'OCCURRED_IN_FUTURE' | 'OCCURRED_AT_REQUIRED';

export type GrantDecision =
  | { readonly refused: Refusal }
  | { readonly event: ConsentGranted; readonly ineffectiveBecause?: Ineffective; readonly partly?: Ineffective };

/** The methods whose records are written down after the fact: without a date they could undo every later STOP. */
const DATED_METHODS: readonly GrantMethod[] = ['import', 'paper_form', 'phone_call', 'in_person', 'qr_code'];

/**
 * A grant never counts later than now, nor than it was heard of: waiting must not carry it past a no. One that is dated too
 * far ahead, or by something that is no time, is refused.
 */
export function decideGrant(state: RecipientState, grant: Grant): GrantDecision {
  const claimedAt = earliestOf(grant.claimed);
  const mustBeDated = grant.claimed.precision === 'unreadable' || DATED_METHODS.includes(grant.method);
  if (claimedAt === undefined && mustBeDated) return { refused: 'OCCURRED_AT_REQUIRED' };
  if (claimedAt !== undefined && claimedAt > addMs(grant.now, CLOCK_TOLERANCE_MS)) {
    return { refused: 'OCCURRED_IN_FUTURE' };
  }
  const latest = grant.heardAt !== undefined && grant.heardAt < grant.now ? grant.heardAt : grant.now;
  const occurredAt = claimedAt === undefined || claimedAt > latest ? latest : claimedAt;
  const event: ConsentGranted = {
    type: 'ConsentGranted',
    data: {
      businessId: grant.businessId,
      channels: grant.channels,
      purposes: grant.purposes.map(({ id }) => id),
      method: grant.method,
      occurredAt,
      ...claimedUnless(occurredAt, grant),
      ...(grant.disclosure ? { disclosure: grant.disclosure } : { flagged: 'no_disclosure' }),
      ...(grant.evidenceSha256 === undefined ? {} : { evidenceSha256: grant.evidenceSha256 }),
      ...(grant.expiresAt === undefined ? {} : { expiresAt: grant.expiresAt }),
    },
  };
  return { event, ...effectOf(state, grant, occurredAt) };
}

function effectOf(state: RecipientState, grant: Grant, occurredAt: Instant) {
  if (grant.expiresAt !== undefined && grant.expiresAt <= grant.now) {
    return { ineffectiveBecause: 'ALREADY_EXPIRED' } as const;
  }
  const outdone = grant.channels.flatMap((channel) =>
    grant.purposes.map(({ id, category }) => {
      const objection = latestObjection(state, { channel, purpose: id, category });
      return objection !== undefined && objection.occurredAt >= occurredAt;
    }),
  );
  if (outdone.every(Boolean)) return { ineffectiveBecause: 'REVOKED_LATER' } as const;
  return outdone.some(Boolean) ? ({ partly: 'REVOKED_LATER' } as const) : {};
}

/** A revocation is never refused: whatever is wrong with its time makes it count as late as it possibly can. */
export function decideRevocation(state: RecipientState, asked: Revocation): ConsentRevoked {
  const { channels, categories } = scopeOf(asked);
  const occurredAt = revokedAt(state, asked);
  const confirmUntil = confirmationFor(state, asked, { channels, occurredAt });
  return {
    type: 'ConsentRevoked',
    data: {
      businessId: asked.businessId,
      channels,
      purposes: asked.purposes,
      categories,
      method: asked.method,
      occurredAt,
      ...claimedUnless(occurredAt, asked),
      ...(asked.sender === undefined ? {} : { sender: asked.sender }),
      ...(asked.evidenceSha256 === undefined ? {} : { evidenceSha256: asked.evidenceSha256 }),
      ...(confirmUntil === undefined ? {} : { confirmUntil }),
    },
  };
}

/** A no that names nothing means everything: it must never be recorded as one that stops nothing. */
function scopeOf({ channels, purposes, categories }: Revocation) {
  const namesNothing = purposes.length === 0 && categories.length === 0;
  return {
    channels: channels.length === 0 ? ([ALL] as const) : channels,
    categories: namesNothing ? ([ALL] as const) : categories,
  };
}

/**
 * Undated, unreadable and future times count at the latest of now and whatever the person's streams already hold, and
 * those of whoever is linked to them, so that a fast clock elsewhere cannot lift a grant above the no. A ledger clock that
 * went back is treated the same.
 */
function revokedAt(state: RecipientState, revocation: Revocation): Instant {
  const { now, newestContactAt, newestLinkedAt, newestRecordedAt } = revocation;
  const claimedAt = latestMeaningOf(revocation.claimed);
  const clockWentBack = newestRecordedAt !== undefined && newestRecordedAt > now;
  if (claimedAt !== undefined && claimedAt <= now && !clockWentBack) return claimedAt;
  const known = [...state.grants, ...state.contacts, ...resumesIn(state)].map(({ occurredAt }) => occurredAt);
  return latestOf(now, newestContactAt, newestLinkedAt, ...known);
}

/** What lifts a provider's own stop: the next one must not fall behind it. */
function resumesIn({ preferences }: RecipientState): readonly Basis[] {
  return preferences.flatMap(({ resume }) => resume ?? []);
}

function confirmationFor(
  state: RecipientState,
  asked: Revocation,
  { channels, occurredAt }: { readonly channels: readonly string[]; readonly occurredAt: Instant },
): Instant | undefined {
  if (!isAutomaticStop(asked.method) || asked.unread) return undefined;
  const recent = [...state.confirmations, ...(asked.linkedConfirmations ?? [])].some(
    ({ channel, stoppedAt }) => (channel === ALL || channels.includes(channel)) && isSoonAround(stoppedAt, occurredAt),
  );
  return recent || channels.includes(ALL) ? undefined : addMs(providersInstant(asked), CONFIRMATION_MS);
}

/** Also where the other opt-out is the later one: deliveries overtake each other, and one confirmation is enough. */
function isSoonAround(one: Instant, other: Instant): boolean {
  return Math.abs(epochMsOf(one) - epochMsOf(other)) < CONFIRMATION_PAUSE_MS;
}

/**
 * The five minutes run from when the provider says the person acted, not from the rounding that makes the no win. Of a
 * day they run from its end at the latest: a list of last month's opt-outs must not set off confirmations today.
 */
function providersInstant({ claimed, now }: Revocation): Instant {
  const isExact = claimed.precision === 'instant' || claimed.precision === 'second';
  const at = isExact ? claimed.at : (latestMeaningOf(claimed) ?? now);
  return at < now ? at : now;
}

/**
 * A message counts when it was sent, but never later than now nor than the opt-out that it carried. One that is dated by
 * something that is no time may be of any age, so it counts from the beginning of time and opens nothing.
 */
export function decideMessage(message: Message): {
  readonly event: UserMessaged;
  readonly ineffectiveBecause?: Ineffective;
} {
  const undated = message.claimed.precision === 'unreadable' ? BEGINNING_OF_TIME : message.now;
  const claimedAt = earliestOf(message.claimed) ?? undated;
  const cap = message.notAfter !== undefined && message.notAfter < message.now ? message.notAfter : message.now;
  const occurredAt = claimedAt > cap ? cap : claimedAt;
  const event: UserMessaged = {
    type: 'UserMessaged',
    data: {
      businessId: message.businessId,
      channel: message.channel,
      sender: message.sender,
      kind: message.kind,
      occurredAt,
      ...claimedUnless(occurredAt, message),
    },
  };
  const closed = windowEnd(occurredAt) <= message.now;
  return closed ? { event, ineffectiveBecause: 'ALREADY_EXPIRED' } : { event };
}
