import type { RecipientErased } from './consent.js';
import { latestOf, type Instant } from './instant.js';
import type { RecipientState } from './state.js';

/**
 * On whose request a person is erased: their own (or of somebody who speaks for them), the business's as the controller
 * of the data, or an authority's. Nothing else is kept, since any other word may say who somebody is.
 */
export const ERASURE_REQUESTERS = ['person', 'controller', 'authority'] as const;
export type ErasureRequester = (typeof ERASURE_REQUESTERS)[number];

export interface Erasure {
  readonly businessId: string;
  readonly requestedBy?: ErasureRequester;
  /** The newest contact in the person's conversation, which the erasure must not fall behind. */
  readonly newestContactAt?: Instant;
  /** The newest grant or contact of those linked to the person, which allows messages to the person too. */
  readonly newestLinkedAt?: Instant;
  readonly now: Instant;
}

/**
 * An erasure is never refused, and no clock that ran ahead outlives it: it counts at the latest of now and whatever the
 * person's streams, and those of whoever is linked to them, already hold.
 */
export function decideErasure(state: RecipientState, erasure: Erasure): RecipientErased {
  const { businessId, requestedBy, newestContactAt, newestLinkedAt, now } = erasure;
  const known = [...state.grants, ...state.contacts, ...state.revocations].map(({ occurredAt }) => occurredAt);
  return {
    type: 'RecipientErased',
    data: {
      businessId,
      occurredAt: latestOf(now, newestContactAt, newestLinkedAt, ...known),
      ...(requestedBy === undefined ? {} : { requestedBy }),
    },
  };
}
