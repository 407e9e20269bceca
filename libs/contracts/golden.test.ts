import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  EMPTY_STATE,
  fold,
  joinLinked,
  judge,
  topicUnder,
  type AskedTopic,
  type ConsentEvent,
  type Question,
  type RecipientState,
  type Verdict,
} from '#consent';
import { noOf, readChangeRecord, type ReadChange } from './change-codec.js';
import { faultsIn } from './contract.js';
import { readCatalogueRecord } from './catalogue-codec.js';
import { SCHEMA_IDS, headersOf, readHeaders } from './cloud-events.js';
import { encode, isUnderstood, type NotUnderstood } from './reading.js';
import { readStateRecord } from './read-state.js';
import type { RecordName } from './schemas.js';
import { readWatermarkRecord } from './watermark-codec.js';

/**
 * Records as a version once published them, and what was decided by them then. These files are never changed: consumers
 * find such records for months, and whatever a later version makes of them must decide the same. A shape that comes
 * later gets files of its own, of another name or in `v2`, and its number in `VERSIONS`.
 */
const GOLDEN = new URL('golden/', import.meta.url);

const VERSIONS = { change: 1, state: 1, catalogue: 1, watermark: 1 } satisfies Record<RecordName, number>;

interface ShortVerdict {
  readonly eligible: boolean;
  readonly reason: string;
  readonly basisEventId?: string;
  readonly validUntil?: string;
  readonly windowOpenUntil?: string;
}

interface Golden {
  readonly record: RecordName;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: object;
  readonly decisions?: readonly {
    readonly question: Question;
    readonly verdict: ShortVerdict;
    /** Of a change that says no: what follows from the no alone. */
    readonly byNoesAlone?: ShortVerdict;
  }[];
  /** Of a change: the event that it is understood as, and whether that says no. */
  readonly understoodAs?: ConsentEvent['type'];
  readonly isNo?: boolean;
  /** Of a catalogue. */
  readonly unreadable?: boolean;
  readonly topics?: readonly { readonly asked: AskedTopic; readonly topic: object }[];
}

const newest = Math.max(...Object.values(VERSIONS));
const all = Array.from({ length: newest }, (_, index) => index + 1).flatMap((version) =>
  readdirSync(new URL(`v${version}/`, GOLDEN)).map((file) => `v${version}/${file}`),
);
const goldenOf = (path: string) => JSON.parse(readFileSync(new URL(path, GOLDEN), 'utf8')) as Golden;
const filesOf = (record: RecordName) => all.filter((path) => goldenOf(path).record === record);

function understood<T extends object>(read: T | NotUnderstood): T {
  if (!isUnderstood(read)) throw new Error(`${read.notUnderstood} is not understood`);
  return read;
}

function short({ eligible, reason, basis, validUntil, windowOpenUntil }: Verdict): ShortVerdict {
  const ends = { ...(validUntil && { validUntil }), ...(windowOpenUntil && { windowOpenUntil }) };
  return { eligible, reason, ...(basis && { basisEventId: basis.eventId }), ...ends };
}

function decide(recipientId: string, own: RecipientState, question: Question): ShortVerdict {
  return short(
    judge(
      joinLinked(recipientId, own, () => undefined),
      question,
    ),
  );
}

describe.each(all)('golden/%s', (path) => {
  const { record, headers, value } = goldenOf(path);

  it('has the headers of its record, which read and write alike', () => {
    const envelope = understood(readHeaders(headers));
    expect(envelope.dataschema).toBe(SCHEMA_IDS[record]);
    expect(headersOf(envelope)).toEqual(headers);
  });

  it('is valid to its JSON Schema', () => {
    expect(faultsIn(record, value)).toEqual([]);
  });
});

describe.each(filesOf('change'))('golden/%s', (path) => {
  const { value, understoodAs, isNo, decisions = [] } = goldenOf(path);
  const change = understood(readChangeRecord(encode(value)));

  it('is understood as it was', () => {
    expect(change.event.type).toBe(understoodAs);
    expect(noOf(change) !== undefined).toBe(isNo);
    expect(decisions.length).toBeGreaterThan(0);
  });

  it.each(decisions)('decides $question.purpose on $question.channel: $verdict.reason', (decision) => {
    const { question, verdict, byNoesAlone } = decision;
    expect(decide(change.recipientId, foldOf(change), question)).toEqual(verdict);
    const noes = noOf(change);
    expect(noes && decide(change.recipientId, noes, question)).toEqual(byNoesAlone);
  });
});

function foldOf({ event, eventId, recordedAt, recipientId }: ReadChange): RecipientState {
  return fold(EMPTY_STATE, event, { eventId, stream: `consent-${recipientId}`, revision: '', recordedAt });
}

describe.each(filesOf('state'))('golden/%s', (path) => {
  const { value, decisions = [] } = goldenOf(path);
  const { recipientId, state } = understood(readStateRecord(encode(value)));

  it.each(decisions)('decides $question.purpose on $question.channel: $verdict.reason', ({ question, verdict }) => {
    expect(decide(recipientId, state, question)).toEqual(verdict);
  });
});

describe.each(filesOf('catalogue'))('golden/%s', (path) => {
  const { value, unreadable, topics = [] } = goldenOf(path);
  const { register } = understood(readCatalogueRecord(encode(value)));

  it('says the same of its purposes and senders', () => {
    expect(register.unreadable === true).toBe(unreadable);
    expect(topics.map(({ asked }) => ({ asked, topic: topicUnder(register, asked) }))).toEqual(topics);
    expect(topics.length).toBeGreaterThan(0);
  });
});

describe.each(filesOf('watermark'))('golden/%s', (path) => {
  it('reads as it is written', () => {
    const { value } = goldenOf(path);
    expect(readWatermarkRecord(encode(value))).toEqual(value);
  });
});

it('there is a golden record of each kind in each version', () => {
  const found = (Object.keys(VERSIONS) as RecordName[]).map((record) => {
    const versions = filesOf(record).map((path) => Number(path.slice(1, path.indexOf('/'))));
    return [record, Math.max(...versions)];
  });
  expect(Object.fromEntries(found)).toEqual(VERSIONS);
});
