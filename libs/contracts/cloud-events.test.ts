import { describe, expect, it } from '@jest/globals';
import { Kafka, type CloudEvent, type KafkaMessage } from 'cloudevents';
import { headersSchema } from './asyncapi.js';
import {
  catalogueHeaders,
  changeHeaders,
  headersOf,
  readHeaders,
  SCHEMA_IDS,
  stateHeaders,
  watermarkHeaders,
  watermarkKey,
  type Headers,
} from './cloud-events.js';
import { encode } from './reading.js';
import type { CatalogueRecord, ChangeRecord, StateRecord, WatermarkRecord } from './records.js';
import type { RecordName } from './schemas.js';

const FROM = { ledgerId: 'hq8k2d7m', publisherEpoch: 7 };
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const TIME = '2026-05-20T09:58:00.250Z';

const change: ChangeRecord = {
  businessId: 'acme',
  recipientId: 'ada',
  eventId: '0a1b2c3d-0000-8000-9000-000000000001',
  type: 'ConsentRevoked',
  channels: ['whatsapp'],
  purposes: [],
  categories: ['*'],
  method: 'keyword',
  occurredAt: '2026-05-20T09:57:59.999Z',
  recordedAt: TIME,
};
const state: StateRecord = {
  businessId: 'acme',
  recipientId: 'ada',
  position: 'hq8k2d7m.12',
  erased: false,
  unreadable: false,
  grants: [],
  revocations: [],
  preferences: [],
  blocks: [],
  contacts: [],
  confirmations: [],
  links: [],
};
const catalogue: CatalogueRecord = {
  businessId: 'acme',
  revision: '4',
  unreadable: false,
  purposes: [],
  senders: [],
  policy: {},
};
const watermark: WatermarkRecord = {
  topic: 'consent.optouts.v1',
  partition: 3,
  position: 'hq8k2d7m.12',
  time: TIME,
  offset: '90',
};

const position = 'hq8k2d7m.12';
const RECORDS: readonly {
  readonly name: RecordName;
  readonly key: string;
  readonly value: object;
  readonly headers: Headers;
  readonly is: { readonly id: string; readonly type: string; readonly subject: string };
}[] = [
  {
    name: 'change',
    key: 'ada',
    value: change,
    headers: changeHeaders(change, { ...FROM, position, streamRevision: '2', traceparent: TRACE }),
    is: { id: change.eventId, type: 'consentledger.consent.revoked.v1', subject: 'ada' },
  },
  {
    name: 'state',
    key: 'ada',
    value: state,
    headers: stateHeaders(state, { ...FROM, time: TIME }),
    is: { id: 'ada@hq8k2d7m.12', type: 'consentledger.recipient.state.v1', subject: 'ada' },
  },
  {
    name: 'catalogue',
    key: 'acme',
    value: catalogue,
    headers: catalogueHeaders(catalogue, { ...FROM, position, time: TIME }),
    is: { id: 'acme@4', type: 'consentledger.catalogue.v1', subject: 'acme' },
  },
  {
    name: 'watermark',
    key: watermarkKey(watermark),
    value: watermark,
    headers: watermarkHeaders(watermark, FROM),
    is: {
      id: `consent.optouts.v1/3@${TIME}`,
      type: 'consentledger.watermark.v1',
      subject: 'consent.optouts.v1/3',
    },
  },
];

describe.each(RECORDS)('the headers of a $name record', ({ name, key, value, headers, is }) => {
  it('are the event that the SDK of CloudEvents reads from them', () => {
    const message = { key, headers, value: Buffer.from(encode(value)) } as unknown as KafkaMessage;
    const event = Kafka.toEvent(message) as CloudEvent<object>;
    expect(event.validate()).toBe(true);
    expect({ id: event.id, type: event.type, subject: event.subject }).toEqual(is);
    expect(event).toMatchObject({
      specversion: '1.0',
      source: '/consent-ledger/hq8k2d7m',
      time: TIME,
      datacontenttype: 'application/json',
      dataschema: SCHEMA_IDS[name],
      partitionkey: key,
      ledgerposition: position,
      data: value,
    });
    expect(event.streamrevision).toBe(name === 'change' ? '2' : undefined);
  });

  it('are those that the SDK writes for that event, and our own', () => {
    const event = Kafka.toEvent({
      key,
      headers,
      value: encode(value),
    } as unknown as KafkaMessage) as CloudEvent<object>;
    const written = Object.entries(Kafka.binary(event).headers).filter(([, text]) => text !== undefined);
    // The SDK also writes the content type as an attribute, which the binding gives a header of its own.
    const { ce_datacontenttype: _twice, ...asBound } = Object.fromEntries(written);
    // Nor is a trace an attribute: tracers look for a header of their own.
    const trace = name === 'change' ? { traceparent: TRACE } : {};
    expect({ ...asBound, ...trace, publisherepoch: '7' }).toEqual(headers);
  });

  it('are exactly those of the AsyncAPI document', () => {
    const { required, properties } = headersSchema(name) as { required: string[]; properties: object };
    expect(Object.keys(headers).sort()).toEqual(Object.keys(properties).sort());
    expect(Object.keys(headers).filter((header) => !required.includes(header))).toEqual(
      name === 'change' ? ['traceparent'] : [],
    );
  });

  it('read as they were written', () => {
    const envelope = readHeaders({ ...headers, tracestate: 'somebody=else' });
    expect(envelope).toMatchObject({ ...is, ...FROM, time: TIME, key, position, dataschema: SCHEMA_IDS[name] });
    expect('id' in envelope && headersOf(envelope)).toEqual(headers);
  });

  it.each(Object.keys(headers).filter((header) => !['ce_streamrevision', 'traceparent'].includes(header)))(
    'are not understood without %s',
    (header) => {
      expect(readHeaders({ ...headers, [header]: undefined })).toEqual({ notUnderstood: header });
    },
  );
});

describe('a trace that is none', () => {
  it('is left out, and keeps nothing from being understood', () => {
    const { headers } = RECORDS[0] as (typeof RECORDS)[number];
    const { traceparent: _none, ...rest } = headers;
    expect(readHeaders({ ...headers, traceparent: '00-0-0-00' })).toEqual(readHeaders(rest));
  });
});

describe('headers of another kind', () => {
  const { headers } = RECORDS[1] as (typeof RECORDS)[number];

  it.each([
    ['ce_specversion', '2.0'],
    ['ce_source', '/somebody-else/hq8k2d7m'],
    ['content-type', 'application/cloudevents+json'],
    ['publisherepoch', '-1'],
  ])('are not understood: %s %s', (header, value) => {
    expect(readHeaders({ ...headers, [header]: value })).toEqual({ notUnderstood: header });
  });

  it('may say which characters the JSON is in', () => {
    expect(readHeaders({ ...headers, 'content-type': 'application/json; charset=utf-8' })).toMatchObject({
      key: 'ada',
    });
  });
});

describe('the type of a change', () => {
  const from = { ...FROM, position, streamRevision: '2' };

  it('is its own where the ledger could not read the event, whatever its name', () => {
    const type = 'consentledger.event.unreadable.v1';
    expect(changeHeaders({ ...change, unreadable: true }, from).ce_type).toBe(type);
    expect(changeHeaders({ ...change, type: 'ConsentTransferred' }, from).ce_type).toBe(type);
    expect(changeHeaders({ ...change, type: 'constructor' }, from).ce_type).toBe(type);
  });
});
