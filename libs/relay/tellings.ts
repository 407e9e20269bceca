import { EMPTY_BUSINESS, EMPTY_STATE, type Instant } from '#consent';
import {
  catalogueHeaders,
  catalogueRecordOf,
  changeHeaders,
  changeRecordOf,
  doubtRecordOf,
  encode,
  stateHeaders,
  stateRecordOf,
  toldUnder,
  TOPICS,
  traceparentOf,
  watermarkHeaders,
  watermarkKey,
  type CatalogueRecord,
  type ChangeRecord,
  type Publication,
  type StateRecord,
  type WatermarkRecord,
} from '#contracts';
import type { Position } from '#event-store';
import type { BusinessRow, RecipientRow } from '#view';
import { crossesLinks, type Change } from './changes.js';
import { WHOLE, type Parked } from './parked.js';
import type { OutgoingRecord, Publisher } from './publisher.js';

/** A record that is to be published, and what is published instead where the broker will never take it. */
export interface Telling {
  readonly record: OutgoingRecord;
  readonly about: Omit<Parked, 'why' | 'parkedAt'>;
  /** Small, and denies whom it is about. */
  readonly standIn: () => OutgoingRecord;
  /** Set where the record could not be made and this is the stand-in. */
  readonly failed: boolean;
}

export type ChangeTopic = 'optouts' | 'changes';

/** As of when a state or a register is told. */
export interface AsOf {
  readonly position: Position;
  readonly time: Instant;
}

/** Makes records of what the ledger and the copy say. What cannot be made into one is told as a doubt. */
export class Tellings {
  constructor(
    private readonly publication: Publication,
    private readonly publisher: Pick<Publisher, 'partitionOf'>,
  ) {}

  /** A change under its own key, or under the key of somebody linked. */
  change(name: ChangeTopic, change: Change, linkedId?: string): Telling {
    const { id: eventId, stream, revision, position } = change.stored;
    const traceparent = traceparentOf(change.metadata, eventId);
    const trace = traceparent === undefined ? {} : { traceparent };
    const from = { ...this.publication, position, streamRevision: revision, ...trace };
    const made = (record: ChangeRecord) => {
      const told = linkedId === undefined ? record : toldUnder(record, linkedId);
      return this.#outgoing(TOPICS[name].topic, told.recipientId, changeHeaders(told, from), told);
    };
    return tellingOf({
      about: { key: change.recipientId, eventId, stream, revision },
      record: () => made(changeRecordOf(change.event, change.origin, change.recipientId)),
      standIn: () => made(doubtRecordOf(change.event, change.origin, change.recipientId)),
    });
  }

  /** An opt-out under its own key, and after that under the key of everybody linked. */
  optOut(change: Change, linked: ReadonlyMap<string, readonly string[]> | undefined): readonly Telling[] {
    const others = crossesLinks(change.event) ? (linked?.get(change.recipientId) ?? []) : [];
    return [this.change('optouts', change), ...others.map((linkedId) => this.change('optouts', change, linkedId))];
  }

  /** `parked`: what is parked under this recipient's key; its state is then told as unreadable. */
  state(recipientId: string, row: RecipientRow, { position, time }: AsOf, parked: Parked | undefined): Telling {
    const made = (state: RecipientRow['state'], doubt: { eventId: string; parkedAt: Instant } | undefined) => {
      const told = stateRecordOf({ businessId: row.businessId, recipientId, position, state });
      const record = doubt ? unreadable(told, doubt) : told;
      const headers = stateHeaders(record, { ...this.publication, time });
      return this.#outgoing(TOPICS.state.topic, recipientId, headers, record);
    };
    return tellingOf({
      about: { key: recipientId, eventId: WHOLE, stream: `consent-${recipientId}`, revision: '' },
      record: () => made(row.state, parked),
      standIn: () => made(EMPTY_STATE, { eventId: `${recipientId}@${position}`, parkedAt: time }),
    });
  }

  catalogue({ businessId, revision, state }: BusinessRow, asOf: AsOf): Telling {
    const made = (record: CatalogueRecord) => {
      const headers = catalogueHeaders(record, { ...this.publication, ...asOf });
      return this.#outgoing(TOPICS.catalogue.topic, businessId, headers, record);
    };
    return tellingOf({
      about: { key: businessId, eventId: WHOLE, stream: `business-${businessId}`, revision: '' },
      record: () => made(catalogueRecordOf(businessId, revision, state)),
      standIn: () => made(catalogueRecordOf(businessId, revision, { ...EMPTY_BUSINESS, unreadable: true })),
    });
  }

  watermark(record: WatermarkRecord): OutgoingRecord {
    const headers = watermarkHeaders(record, this.publication);
    return this.#outgoing(TOPICS.watermarks.topic, watermarkKey(record), headers, record);
  }

  #outgoing(topic: string, key: string, headers: OutgoingRecord['headers'], value: object): OutgoingRecord {
    return { topic, partition: this.publisher.partitionOf(topic, key), key, headers, value: encode(value) };
  }
}

interface Making extends Pick<Telling, 'about' | 'standIn'> {
  readonly record: () => OutgoingRecord;
}

function tellingOf({ about, record, standIn }: Making): Telling {
  try {
    return { record: record(), about, standIn, failed: false };
  } catch {
    return { record: standIn(), about, standIn, failed: true };
  }
}

function unreadable(record: StateRecord, { eventId, parkedAt }: Pick<Parked, 'eventId' | 'parkedAt'>): StateRecord {
  return record.unreadable
    ? record
    : { ...record, unreadable: true, unreadableAt: parkedAt, unreadableEventId: eventId };
}
