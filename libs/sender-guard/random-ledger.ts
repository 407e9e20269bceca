import { createHash } from 'node:crypto';
import type FastCheck from 'fast-check';
import type { Arbitrary } from 'fast-check';
import {
  CATEGORIES,
  CHANNELS,
  EMPTY_STATE,
  activeLinks,
  fold,
  instantOf,
  type BusinessState,
  type ConsentEvent,
  type RecipientState,
} from '#consent';
import {
  CATALOGUE_TYPE,
  CHANGE_TYPES,
  STATE_TYPE,
  catalogueRecordOf,
  changeRecordOf,
  encode,
  stateRecordOf,
  toldUnder,
} from '#contracts';
import type { TopicRecord } from './topic-record.js';

export const BUSINESS = 'acme';
const RECORDED_AT = '2026-12-01T00:00:00.000Z';
const T0 = Date.UTC(2026, 0, 1);

export const REGISTER: BusinessState = {
  policy: {},
  senders: [{ senderId: 'main', channel: 'whatsapp', provider: 'other', address: '' }],
  disclosures: [],
  purposes: [
    { purposeId: 'offers', category: 'marketing', title: '', requires: 'consent' },
    { purposeId: 'orders', category: 'utility', title: '', requires: 'no_objection' },
  ],
};

export function idOf(name: string): string {
  return createHash('sha256').update(name).digest('base64url');
}

export const RECIPIENTS = ['r0', 'r1', 'r2', 'r3'].map(idOf);

interface Fact {
  readonly recipientId: string;
  readonly event: ConsentEvent;
}

/**
 * A ledger of few recipients and random events, and the records that a relay could make of it. For property tests:
 * fast-check, which they hand in, prints the seed of a failure.
 */
export class RandomLedger {
  readonly positions: readonly string[];
  /** The state of every recipient after each event. */
  private readonly history: readonly ReadonlyMap<string, RecipientState>[];

  constructor(readonly facts: readonly Fact[]) {
    this.positions = facts.map((_, n) => `ledger.${n + 1}`);
    const history = [new Map<string, RecipientState>()];
    facts.forEach(({ recipientId, event }, n) => {
      const states = new Map(history[n]);
      states.set(recipientId, fold(states.get(recipientId) ?? EMPTY_STATE, event, originOf(n, recipientId)));
      history.push(states);
    });
    this.history = history;
  }

  get length(): number {
    return this.facts.length;
  }

  /** After so many events; undefined where nothing had happened. */
  stateOf(recipientId: string, after = this.length): RecipientState | undefined {
    return this.history[after]?.get(recipientId);
  }

  stateRecord(recipientId: string, after: number): TopicRecord {
    const position = `ledger.${after}`;
    const state = this.stateOf(recipientId, after) ?? EMPTY_STATE;
    const record = stateRecordOf({ businessId: BUSINESS, recipientId, position, state });
    return topicRecord(recipientId, STATE_TYPE, position, encode(record));
  }

  /** Of the n-th event, under its own key first and then under the keys of all that it leads to. */
  optOutRecords(n: number): readonly TopicRecord[] {
    const { recipientId, event } = this.facts[n] as Fact;
    const record = changeRecordOf(event, originOf(n, recipientId), recipientId);
    const isNo = event.type === 'ConsentRevoked' || event.type === 'RecipientErased';
    const told = isNo ? this.#linkedTo(recipientId, n + 1).map((id) => toldUnder(record, id)) : [];
    return [record, ...told].map((one) =>
      topicRecord(one.recipientId, CHANGE_TYPES[event.type], `ledger.${n + 1}`, encode(one)),
    );
  }

  #linkedTo(recipientId: string, after: number): readonly string[] {
    const found = new Set([recipientId]);
    for (const id of found) {
      for (const link of activeLinks(this.stateOf(id, after) ?? EMPTY_STATE)) found.add(link.recipientId);
    }
    return [...found].slice(1);
  }
}

export function catalogueRecord(register = REGISTER, revision = '1', businessId = BUSINESS): TopicRecord {
  const value = encode(catalogueRecordOf(businessId, revision, register));
  return topicRecord(businessId, CATALOGUE_TYPE, 'ledger.1', value);
}

export function topicRecord(key: string, type: string, position: string, value: Uint8Array): TopicRecord {
  return { partition: 0, offset: 0, key, value, type, position, timestampMs: T0 };
}

export function randomLedgers(fc: typeof FastCheck, maxLength = 14): Arbitrary<RandomLedger> {
  const facts = fc.tuple(fc.constantFrom(...RECIPIENTS), fc.constantFrom(...RECIPIENTS)).chain(([recipientId, other]) =>
    eventsOf(fc, recipientId === other ? (RECIPIENTS[0] as string) : other)
      .filter((event) => !('other' in event.data) || event.data.other !== recipientId)
      .map((event) => ({ recipientId, event })),
  );
  return fc.array(facts, { minLength: 1, maxLength }).map((all) => new RandomLedger(all));
}

function eventsOf(fc: typeof FastCheck, other: string): Arbitrary<ConsentEvent> {
  const instants = fc.nat({ max: 40 }).map((hours) => instantOf(T0 + hours * 3_600_000));
  const facts = { businessId: fc.constant(BUSINESS), occurredAt: instants };
  const channel = fc.constantFrom('whatsapp', 'sms');
  const sender = fc.constantFrom('main', 'second');
  const purposes = fc.subarray(['offers', 'orders'], { minLength: 1 });
  const dataOf = {
    ConsentGranted: fc.record(
      {
        ...facts,
        channels: fc.subarray(['whatsapp', 'sms'], { minLength: 1 }),
        purposes,
        method: fc.constant('api'),
        expiresAt: instants,
      },
      { requiredKeys: ['businessId', 'occurredAt', 'channels', 'purposes', 'method'] },
    ),
    ConsentRevoked: fc.record(
      {
        ...facts,
        channels: fc.constantFrom(['*'], ['whatsapp'], ['sms']),
        purposes: fc.subarray(['offers', 'orders']),
        categories: fc.oneof(fc.constant(['*']), fc.subarray([...CATEGORIES])),
        method: fc.constantFrom('keyword', 'provider_preference', 'block', 'api'),
        sender,
        confirmUntil: instants,
      },
      { requiredKeys: ['businessId', 'occurredAt', 'channels', 'purposes', 'categories', 'method'] },
    ),
    PreferenceResumed: fc.record({ ...facts, channel, sender }),
    UserMessaged: fc.record({ ...facts, channel, sender, kind: fc.constant('message') }),
    RecipientErased: fc.record(facts),
    RecipientLinked: fc.oneof(
      fc.record({ ...facts, other: fc.constant(other), kind: fc.constantFrom('same_person', 'same_number') }),
      fc.record({
        ...facts,
        other: fc.constant(other),
        kind: fc.constant('changed_number'),
        role: fc.constantFrom('old', 'new'),
      }),
    ),
    RecipientUnlinked: fc.record({ ...facts, other: fc.constant(other) }),
  };
  const events = Object.entries(dataOf).map(([type, data]) =>
    (data as Arbitrary<object>).map((one) => ({ type, data: one })),
  );
  return fc.oneof(...events) as unknown as Arbitrary<ConsentEvent>;
}

/** Everything that may be asked, at instants between the events. */
export function questionsOf(fc: typeof FastCheck) {
  return fc.record({
    businessId: fc.constant(BUSINESS),
    recipientId: fc.constantFrom(...RECIPIENTS),
    channel: fc.constantFrom(...CHANNELS.slice(0, 2)),
    purpose: fc.constantFrom('offers', 'orders', 'service', 'opt_out_confirmation'),
    sender: fc.constantFrom(undefined, 'main'),
    now: fc.nat({ max: 45 }).map((hours) => instantOf(T0 + hours * 3_600_000 + 60_000)),
  });
}

function originOf(n: number, recipientId: string) {
  const hex = createHash('sha256').update(`event ${n}`).digest('hex');
  const eventId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return { eventId, stream: `consent-${recipientId}`, revision: String(n), recordedAt: RECORDED_AT };
}
