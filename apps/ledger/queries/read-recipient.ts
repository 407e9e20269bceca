import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { EMPTY_STATE, type RecipientState } from '#consent';
import { rowFromLedger } from '#view';
import { recipientNotFound, requireOwn } from '../ownership.js';
import { Parts } from '../parts.js';

/** The folded state of one recipient, read from the ledger itself. */
export class ReadRecipient extends Query<RecipientDocument> {
  constructor(readonly request: { readonly businessId: string; readonly recipientId: string }) {
    super();
  }
}

export type RecipientDocument = ReturnType<typeof documentOf>;

@QueryHandler(ReadRecipient)
export class ReadRecipientHandler implements IQueryHandler<ReadRecipient> {
  constructor(private readonly parts: Parts) {}

  async execute({ request: { businessId, recipientId } }: ReadRecipient): Promise<RecipientDocument> {
    const { store } = this.parts;
    if ((await requireOwn(this.parts, businessId, recipientId)) === 'unknown') throw recipientNotFound();
    const position = await store.head();
    const row = await rowFromLedger(store, recipientId);
    return documentOf(businessId, recipientId, position, row?.state ?? EMPTY_STATE);
  }
}

/** In the words of `consent.state.v1`, without what only its readers on Kafka need. */
function documentOf(businessId: string, recipientId: string, position: string, state: RecipientState) {
  return {
    businessId,
    recipientId,
    position,
    erased: state.erased !== undefined,
    unreadable: state.unreadable !== undefined,
    grants: state.grants.map(({ channel, purpose, occurredAt, eventId, expiresAt }) => ({
      channel,
      purpose,
      occurredAt,
      eventId,
      expiresAt,
    })),
    revocations: state.revocations.map(({ channel, purpose, category, occurredAt, eventId }) => ({
      channel,
      purpose,
      category,
      occurredAt,
      eventId,
    })),
    preferences: state.preferences.map(({ channel, sender, stop, resume }) => ({
      channel,
      sender,
      stoppedAt: stop?.occurredAt,
      resumedAt: resume?.occurredAt,
    })),
    blocks: state.blocks.map(({ channel, occurredAt }) => ({ channel, occurredAt })),
    contacts: state.contacts.map(({ channel, sender, occurredAt }) => ({ channel, sender, occurredAt })),
    confirmations: state.confirmations.flatMap(({ channel, confirmation }) =>
      confirmation ? [{ channel, until: confirmation.until, eventId: confirmation.eventId }] : [],
    ),
    links: state.links.map(({ recipientId: other, link, unlink }) => ({
      recipientId: other,
      kind: link?.kind,
      linkedAt: link?.occurredAt,
      unlinkedAt: unlink?.occurredAt,
    })),
  };
}
