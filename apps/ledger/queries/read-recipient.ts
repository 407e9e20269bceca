import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { EMPTY_STATE } from '#consent';
import { stateRecordOf, type StateRecord } from '#contracts';
import { rowFromLedger } from '#view';
import { recipientNotFound, requireOwn } from '../ownership.js';
import { Parts } from '../parts.js';

/** The folded state of one recipient, read from the ledger itself, in the words of `consent.state.v1`. */
export class ReadRecipient extends Query<StateRecord> {
  constructor(readonly request: { readonly businessId: string; readonly recipientId: string }) {
    super();
  }
}

@QueryHandler(ReadRecipient)
export class ReadRecipientHandler implements IQueryHandler<ReadRecipient> {
  constructor(private readonly parts: Parts) {}

  async execute({ request: { businessId, recipientId } }: ReadRecipient): Promise<StateRecord> {
    const { store } = this.parts;
    if ((await requireOwn(this.parts, businessId, recipientId)) === 'unknown') throw recipientNotFound();
    const position = await store.head();
    const row = await rowFromLedger(store, recipientId);
    return stateRecordOf({ businessId, recipientId, position, state: row?.state ?? EMPTY_STATE });
  }
}
