import type { Instant, Reason, TopicRefusal } from '#consent';

/** LOADING until the topics are read to their ends, STALE while it is not proved that every opt-out has arrived. */
export const GUARD_STATES = ['LOADING', 'LIVE', 'STALE', 'FAILED', 'CLOSED'] as const;
export type GuardState = (typeof GUARD_STATES)[number];

/** Why the guard itself says no, whatever is known of the recipient. */
export type OwnReason =
  | 'GUARD_LOADING'
  | 'GUARD_STALE'
  | 'GUARD_FAILED'
  | 'GUARD_CLOSED'
  /** The question is no question: a member is missing or of the wrong kind. */
  | 'QUESTION_INVALID'
  | 'BUSINESS_NOT_FOUND'
  /** No record of the recipient was ever read; the ledger may know more. */
  | 'RECIPIENT_UNKNOWN';

/** The reasons of the ledger's decision table, of a question that it refuses, and the guard's own. */
export type GuardReason = Reason | TopicRefusal | OwnReason;

export interface GuardQuestion {
  readonly businessId: string;
  readonly recipientId: string;
  readonly channel: string;
  readonly purpose: string;
  /** One of the business's senders; for a reply, only what the person wrote to it opens the window. */
  readonly sender?: string | undefined;
}

export interface GuardDecision {
  readonly eligible: boolean;
  readonly reason: GuardReason;
  /** The event that the answer rests on. */
  readonly basisEventId?: string;
  /** The first instant at which this yes no longer holds, if nothing new arrives before. */
  readonly validUntil?: Instant;
  /** Inside the 24 hours after the person last wrote or called a message may be free-form. */
  readonly windowOpenUntil?: Instant;
  /** Every opt-out up to here was taken into account. */
  readonly position?: string;
}
