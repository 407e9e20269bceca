import type { Basis, RecipientState } from '#consent';
import type { StateRecord } from './records.js';

export interface OwnState {
  readonly businessId: string;
  readonly recipientId: string;
  /** Of the copy that the state was read from: everything up to here is in it. */
  readonly position: string;
  /** The recipient's own, with its links; whoever decides joins those of linked recipients to it. */
  readonly state: RecipientState;
}

/**
 * The record of a state. What only explains an answer (stream, revision, when the ledger heard, method, disclosure) is
 * left out: every decision over the record, and its event, is the one over the state.
 */
export function stateRecordOf({ businessId, recipientId, position, state }: OwnState): StateRecord {
  const { erased, unreadable } = state;
  return {
    businessId,
    recipientId,
    position,
    erased: erased !== undefined,
    unreadable: unreadable !== undefined,
    grants: state.grants.map(({ channel, purpose, occurredAt, eventId, expiresAt }) => ({
      ...{ channel, purpose, occurredAt, eventId },
      ...(expiresAt === undefined ? {} : { expiresAt }),
    })),
    revocations: state.revocations.map(({ channel, purpose, category, occurredAt, eventId }) => ({
      channel,
      ...(purpose === undefined ? {} : { purpose }),
      ...(category === undefined ? {} : { category }),
      ...{ occurredAt, eventId },
    })),
    preferences: state.preferences.map(preferenceOf),
    blocks: state.blocks.map(({ channel, occurredAt, eventId }) => ({ channel, occurredAt, eventId })),
    contacts: state.contacts.map(({ channel, sender, occurredAt, eventId }) => ({
      ...{ channel, sender, occurredAt, eventId },
    })),
    confirmations: state.confirmations.flatMap(confirmationsOf),
    links: state.links.map(linkOf),
    ...(erased ? { erasedAt: erased.occurredAt, erasureEventId: erased.eventId } : {}),
    ...(unreadable ? { unreadableAt: unreadable.occurredAt, unreadableEventId: unreadable.eventId } : {}),
  };
}

function preferenceOf({
  channel,
  sender,
  stop,
  resume,
}: RecipientState['preferences'][number]): StateRecord['preferences'][number] {
  return {
    channel,
    sender,
    ...(stop ? { stoppedAt: stop.occurredAt, stopEventId: stop.eventId } : {}),
    ...(resume ? { resumedAt: resume.occurredAt, resumeEventId: resume.eventId } : {}),
  };
}

/** An opt-out that may not be confirmed matters to whoever records the next one, and to no decision. */
function confirmationsOf({ channel, confirmation }: RecipientState['confirmations'][number]) {
  if (!confirmation) return [];
  const { until, eventId, occurredAt } = confirmation;
  return [{ channel, until, eventId, occurredAt }];
}

function linkOf({ recipientId, link, unlink }: RecipientState['links'][number]): StateRecord['links'][number] {
  return {
    recipientId,
    ...(link ? { kind: link.kind, ...roleOf(link) } : {}),
    ...(link ? { linkedAt: link.occurredAt, linkEventId: link.eventId } : {}),
    ...(unlink ? { unlinkedAt: unlink.occurredAt, unlinkEventId: unlink.eventId } : {}),
  };
}

function roleOf({ role }: Basis & { readonly role?: 'old' | 'new' }) {
  return role === undefined ? {} : { role };
}
