import type { ConsentEvent, Instant } from '#consent';
import { Doubt, doubtless, type NotUnderstood } from './reading.js';
import type { CatalogueRecord, ChangeRecord, StateRecord, WatermarkRecord } from './records.js';
import { readTraceparent } from './traceparent.js';

/** `ce_type` of each event. An event that the ledger itself cannot read has a type of its own. */
export const CHANGE_TYPES: Readonly<Record<ConsentEvent['type'], string>> = {
  ConsentGranted: 'consentledger.consent.granted.v1',
  ConsentRevoked: 'consentledger.consent.revoked.v1',
  PreferenceResumed: 'consentledger.preference.resumed.v1',
  RecipientLinked: 'consentledger.recipient.linked.v1',
  RecipientUnlinked: 'consentledger.recipient.unlinked.v1',
  RecipientErased: 'consentledger.recipient.erased.v1',
  UserMessaged: 'consentledger.user.messaged.v1',
  Unreadable: 'consentledger.event.unreadable.v1',
};
export const STATE_TYPE = 'consentledger.recipient.state.v1';
export const CATALOGUE_TYPE = 'consentledger.catalogue.v1';
export const WATERMARK_TYPE = 'consentledger.watermark.v1';

/** `ce_dataschema`, which is also the `$id` of the JSON Schema in `schemas/`. */
export const SCHEMA_IDS = {
  change: 'urn:consent-ledger:schema:change:v1',
  state: 'urn:consent-ledger:schema:state:v1',
  catalogue: 'urn:consent-ledger:schema:catalogue:v1',
  watermark: 'urn:consent-ledger:schema:watermark:v1',
} as const;

export type Headers = Readonly<Record<string, string>>;

/** What the headers of a record say, without Kafka's spelling. */
export interface Envelope {
  readonly ledgerId: string;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly time: Instant;
  readonly dataschema: string;
  /** The record's key. */
  readonly key: string;
  /** Of the ledger: of the event, or of the copy that a state was read from. */
  readonly position: string;
  /** Of the event in its stream. */
  readonly streamRevision?: string;
  /** Of an event: the trace that it came of. */
  readonly traceparent?: string;
  /** Of the publisher's lease. Leases that share no file take theirs from clocks that may differ: it has no order. */
  readonly publisherEpoch: number;
}

/** Where and by whom a record is published: what its value does not say. */
export interface Publication {
  readonly ledgerId: string;
  readonly publisherEpoch: number;
}

const SOURCE = '/consent-ledger/';
const JSON_TYPE = 'application/json';

/** CloudEvents 1.0 in Kafka's binary mode: the attributes as headers, the value as it is. */
export function headersOf(envelope: Envelope): Headers {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: envelope.id,
    ce_source: SOURCE + envelope.ledgerId,
    ce_type: envelope.type,
    ce_subject: envelope.subject,
    ce_time: envelope.time,
    ce_dataschema: envelope.dataschema,
    'content-type': JSON_TYPE,
    ce_partitionkey: envelope.key,
    ce_ledgerposition: envelope.position,
    publisherepoch: String(envelope.publisherEpoch),
  };
  if (envelope.streamRevision !== undefined) headers.ce_streamrevision = envelope.streamRevision;
  // Under the name by which every tracer looks for it, on Kafka too.
  if (envelope.traceparent !== undefined) headers.traceparent = envelope.traceparent;
  return headers;
}

/** Of an event; under a linked key it keeps its id, since it is the same event. */
export function changeHeaders(
  record: ChangeRecord,
  from: Publication & Pick<Envelope, 'traceparent'> & { readonly position: string; readonly streamRevision: string },
): Headers {
  const known = record.unreadable || !Object.hasOwn(CHANGE_TYPES, record.type) ? 'Unreadable' : record.type;
  return headersOf({
    ...from,
    id: record.eventId,
    type: CHANGE_TYPES[known as ConsentEvent['type']],
    subject: record.recipientId,
    time: record.recordedAt,
    dataschema: SCHEMA_IDS.change,
    key: record.recipientId,
  });
}

/** `time` is when the state was read. */
export function stateHeaders(record: StateRecord, from: Publication & { readonly time: Instant }): Headers {
  const { recipientId, position } = record;
  const what = { id: `${recipientId}@${position}`, type: STATE_TYPE, dataschema: SCHEMA_IDS.state };
  return headersOf({ ...from, ...what, subject: recipientId, key: recipientId, position });
}

/** `position` is of the copy that the register was read from, `time` when. */
export function catalogueHeaders(
  record: CatalogueRecord,
  from: Publication & { readonly position: string; readonly time: Instant },
): Headers {
  const { businessId, revision } = record;
  const what = { id: `${businessId}@${revision}`, type: CATALOGUE_TYPE, dataschema: SCHEMA_IDS.catalogue };
  return headersOf({ ...from, ...what, subject: businessId, key: businessId });
}

export function watermarkHeaders(record: WatermarkRecord, from: Publication): Headers {
  const { topic, partition, position, time } = record;
  const subject = `${topic}/${partition}`;
  const what = { id: `${subject}@${time}`, type: WATERMARK_TYPE, dataschema: SCHEMA_IDS.watermark };
  return headersOf({ ...from, ...what, subject, key: watermarkKey(record), position, time });
}

/** The key of a watermark: the partition that it speaks of, in decimal. */
export function watermarkKey({ partition }: Pick<WatermarkRecord, 'partition'>): string {
  return String(partition);
}

/** Reads what `headersOf` wrote; headers that it did not are ignored. */
export function readHeaders(headers: Readonly<Record<string, string | undefined>>): Envelope | NotUnderstood {
  return doubtless(() => {
    if (headers.ce_specversion !== '1.0') throw new Doubt('ce_specversion');
    if (headers['content-type']?.split(';')[0]?.trim() !== JSON_TYPE) throw new Doubt('content-type');
    const source = needed(headers, 'ce_source');
    if (!source.startsWith(SOURCE)) throw new Doubt('ce_source');
    const revision = headers.ce_streamrevision;
    const traceparent = readTraceparent(headers.traceparent);
    return {
      ledgerId: source.slice(SOURCE.length),
      id: needed(headers, 'ce_id'),
      type: needed(headers, 'ce_type'),
      subject: needed(headers, 'ce_subject'),
      time: needed(headers, 'ce_time'),
      dataschema: needed(headers, 'ce_dataschema'),
      key: needed(headers, 'ce_partitionkey'),
      position: needed(headers, 'ce_ledgerposition'),
      ...(revision === undefined ? {} : { streamRevision: revision }),
      ...(traceparent === undefined ? {} : { traceparent }),
      publisherEpoch: epochIn(headers),
    };
  });
}

function needed(headers: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = headers[name];
  if (value === undefined || value === '') throw new Doubt(name);
  return value;
}

function epochIn(headers: Readonly<Record<string, string | undefined>>): number {
  const epoch = needed(headers, 'publisherepoch');
  if (!/^\d{1,15}$/.test(epoch)) throw new Doubt('publisherepoch');
  return Number(epoch);
}
