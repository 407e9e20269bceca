import { describe, expect, it } from '@jest/globals';
import { instantOf } from '#consent';
import { CHANGE_TYPES, TOPICS, WATERMARK_TYPE, changeRecordOf, encode } from '#contracts';
import { SYSTEM_CLOCK } from './clock.js';
import { BUSINESS, RandomLedger, catalogueRecord, idOf, topicRecord } from './random-ledger.js';
import { Reading } from './reading.js';
import type { TopicBatch, TopicEnds } from './source.js';
import type { TopicRecord } from './topic-record.js';

const ID = idOf('leaving');
const OPT_OUTS = TOPICS.optouts.topic;
const EMPTY = { low: 0, high: 0 };

/** Each of one partition; the opt-outs have two records. */
const ENDS = new Map(Object.values(TOPICS).map(({ topic }) => [topic, [EMPTY]]));
ENDS.set(OPT_OUTS, [{ low: 0, high: 2 }]);

function optOut(offset: number, position: string): TopicRecord {
  const at = '2026-01-01T00:00:00.000Z';
  const facts = { businessId: 'acme', channels: ['*'], purposes: [], categories: ['*'], method: 'api', occurredAt: at };
  const origin = { eventId: `event ${position}`, stream: `consent-${ID}`, revision: '0', recordedAt: at };
  const record = changeRecordOf({ type: 'ConsentRevoked', data: facts } as never, origin, ID);
  const value = Buffer.from(encode(record));
  return { partition: 0, offset, key: ID, value, type: CHANGE_TYPES.ConsentRevoked, position, timestampMs: 0 };
}

function batchOf(topic: string, high: number, records: readonly TopicRecord[]): TopicBatch {
  return { topic, partition: 0, records, first: records[0]?.offset ?? high, next: high, high };
}

function heardIn(heardUpTo?: string): readonly unknown[] {
  const heard: unknown[] = [];
  const reading = new Reading(ENDS, SYSTEM_CLOCK, (_, { position }) => heard.push(position), heardUpTo);
  const take = (high: number, ...records: TopicRecord[]) =>
    expect(reading.take(batchOf(OPT_OUTS, high, records))).toBe(true);
  take(2, optOut(0, 'l.4'), optOut(1, 'l.9'));
  take(3, optOut(2, 'l.10'));
  return heard;
}

function readingOf(ends: TopicEnds) {
  const reading = new Reading(ends, SYSTEM_CLOCK, () => undefined);
  const take = (topic: string, record: TopicRecord) =>
    expect(reading.take(batchOf(topic, record.offset + 1, [record]))).toBe(true);
  return { known: reading.known, freshness: reading.freshness, take };
}

describe('a reading of the topics', () => {
  it('tells of opt-outs that come after what the topics held at its beginning', () => {
    expect(heardIn()).toEqual(['l.10']);
  });

  it('tells also of those that the reading before it did not come to', () => {
    expect(heardIn('l.4')).toEqual(['l.9', 'l.10']);
    expect(heardIn('l.9')).toEqual(['l.10']);
    expect(heardIn('another ledger.9')).toEqual(['l.4', 'l.9', 'l.10']);
  });

  it('takes from no other ledger than the one that proves it what may be sent', () => {
    const { known, take } = readingOf(ENDS);
    const scope = { channels: ['whatsapp'], purposes: ['offers'], method: 'api' } as const;
    const occurredAt = '2026-01-01T00:00:00.000Z';
    const event = { type: 'ConsentGranted', data: { businessId: BUSINESS, occurredAt, ...scope } } as const;
    const ledger = new RandomLedger([{ recipientId: ID, event }]);
    const prove = (offset: number, position: string) => {
      const record = { topic: OPT_OUTS, partition: 0, position, time: instantOf(Date.now()), offset: '0' };
      take(TOPICS.watermarks.topic, { ...topicRecord('0', WATERMARK_TYPE, position, encode(record)), offset });
    };
    const asked = { businessId: BUSINESS, recipientId: ID, channel: 'whatsapp', purpose: 'offers' };
    const reason = () => known.judge(asked, instantOf(Date.now())).reason;
    take(TOPICS.catalogue.topic, catalogueRecord());
    take(TOPICS.state.topic, ledger.stateRecord(ID, 1));
    prove(0, 'ledger.1');
    expect(reason()).toBe('CONSENTED');
    prove(1, 'restored.1');
    expect(reason()).toBe('RECIPIENT_UNKNOWN');
  });

  it.each(['consentledger.watermark.v2', undefined])('takes nothing for proved by a watermark of type %s', (type) => {
    const ends = new Map(Object.values(TOPICS).map(({ topic }) => [topic, [EMPTY]]));
    const { freshness, take } = readingOf(ends);
    const position = 'ledger.1';
    const value = encode({ topic: OPT_OUTS, partition: 0, position, time: instantOf(Date.now()), offset: '0' });
    const prove = (offset: number, by: string | undefined) =>
      take(TOPICS.watermarks.topic, { ...topicRecord('0', WATERMARK_TYPE, position, value), offset, type: by });
    prove(0, type);
    expect([freshness.ageMs(0, 0), freshness.position]).toEqual([Infinity, undefined]);
    prove(1, WATERMARK_TYPE);
    expect(freshness.position).toBe(position);
  });
});
