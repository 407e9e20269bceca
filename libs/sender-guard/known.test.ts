import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EMPTY_STATE, joinLinked, judgeUnder, topicUnder, type Verdict } from '#consent';
import { CHANGE_TYPES, STATE_TYPE } from '#contracts';
import type { GuardQuestion } from './decision.js';
import { Known } from './known.js';
import {
  BUSINESS,
  RECIPIENTS,
  REGISTER,
  catalogueRecord,
  idOf,
  questionsOf,
  randomLedgers,
  topicRecord,
  RandomLedger,
} from './random-ledger.js';
import type { TopicRecord } from './topic-record.js';

type Asked = GuardQuestion & { readonly now: string };
type Delivery = { readonly topic: 'state' | 'optOut'; readonly record: TopicRecord };

/** What the ledger itself would answer. */
function verdictOf(ledger: RandomLedger, { recipientId, now, ...asked }: Asked): Verdict | undefined {
  const topic = topicUnder(REGISTER, asked);
  if ('refused' in topic) return undefined;
  const stateOf = (id: string) => ledger.stateOf(id);
  const own = stateOf(recipientId) ?? EMPTY_STATE;
  return judgeUnder(REGISTER, joinLinked(recipientId, own, stateOf), { ...topic, now });
}

function knownAfter(deliveries: readonly Delivery[]): Known {
  const known = new Known();
  known.takeCatalogue(catalogueRecord());
  for (const { topic, record } of deliveries) {
    if (topic === 'state') known.takeState(record);
    else known.takeOptOut(record);
  }
  return known;
}

function optOutsOf(ledger: RandomLedger): Delivery[] {
  return ledger.facts.flatMap((_, n) =>
    ledger.optOutRecords(n).map((record) => ({ topic: 'optOut', record }) as const),
  );
}

function stateAt(ledger: RandomLedger, recipientId: string, after: number): Delivery {
  return { topic: 'state', record: ledger.stateRecord(recipientId, after) };
}

/** In any order, some of them again and again. */
function anyOrder(deliveries: readonly Delivery[]) {
  const all = fc.shuffledSubarray([...deliveries], { minLength: deliveries.length });
  return fc.tuple(fc.subarray([...deliveries]), all, fc.subarray([...deliveries])).map((parts) => parts.flat());
}

describe('what is known from the topics', () => {
  it('answers as the ledger does once every record has come, in whatever order and how often', () => {
    const cases = randomLedgers(fc).chain((ledger) => {
      const final = RECIPIENTS.map((id) => stateAt(ledger, id, ledger.length));
      const older = RECIPIENTS.map((id) => stateAt(ledger, id, Math.ceil(ledger.length / 2)));
      return fc.record({
        ledger: fc.constant(ledger),
        deliveries: anyOrder([...optOutsOf(ledger), ...final, ...older]),
      });
    });
    fc.assert(
      fc.property(
        cases,
        fc.array(questionsOf(fc), { minLength: 8, maxLength: 8 }),
        ({ ledger, deliveries }, questions) => {
          const known = knownAfter(deliveries);
          for (const asked of questions) {
            const wanted = verdictOf(ledger, asked);
            const { basis, ...rest } = known.judge(asked, asked.now);
            if (wanted === undefined) continue;
            const { basis: wantedBasis, ...wantedRest } = wanted;
            expect({ ...rest, on: basis?.eventId }).toEqual({ ...wantedRest, on: wantedBasis?.eventId });
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('never says yes where the ledger says no, however old the states, once the opt-outs have come', () => {
    const cases = randomLedgers(fc).chain((ledger) => {
      const states = fc.array(fc.tuple(fc.constantFrom(...RECIPIENTS), fc.nat({ max: ledger.length })), {
        maxLength: 8,
      });
      const deliveries = states.chain((some) =>
        anyOrder([...optOutsOf(ledger), ...some.map(([id, n]) => stateAt(ledger, id, n))]),
      );
      return fc.record({ ledger: fc.constant(ledger), deliveries });
    });
    let yeses = 0;
    fc.assert(
      fc.property(
        cases,
        fc.array(questionsOf(fc), { minLength: 12, maxLength: 12 }),
        ({ ledger, deliveries }, questions) => {
          const known = knownAfter(deliveries);
          for (const asked of questions) {
            if (!known.judge(asked, asked.now).eligible) continue;
            yeses += 1;
            expect(verdictOf(ledger, asked)).toMatchObject({ eligible: true });
          }
        },
      ),
      { numRuns: 600 },
    );
    expect(yeses).toBeGreaterThan(0);
  });

  it('never says yes where what has come says no', () => {
    const cases = randomLedgers(fc).chain((ledger) => {
      const states = RECIPIENTS.map((id) => stateAt(ledger, id, Math.floor(ledger.length / 2)));
      return fc.record({ ledger: fc.constant(ledger), deliveries: fc.subarray([...states, ...optOutsOf(ledger)]) });
    });
    fc.assert(
      fc.property(cases, questionsOf(fc), ({ deliveries }, asked) => {
        const told = deliveries.filter(({ topic, record }) => topic === 'optOut' && record.key === asked.recipientId);
        const isYes = knownAfter(deliveries).judge(asked, asked.now).eligible;
        if (isYes)
          expect(knownAfter(deliveries.filter((one) => !told.includes(one))).judge(asked, asked.now).eligible).toBe(
            true,
          );
      }),
    );
  });
});

const [ID, OTHER] = [idOf('r0'), idOf('r1')];
const ASKED = { businessId: BUSINESS, recipientId: ID, channel: 'whatsapp', purpose: 'offers' } as const;
const NOW = '2026-06-01T00:00:00.000Z';

describe('a record that cannot be read', () => {
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
  const reason = (known: Known, asked: GuardQuestion = ASKED) => known.judge(asked, NOW).reason;

  it.each([
    ['no JSON', topicRecord(ID, STATE_TYPE, 'ledger.1', Buffer.from('{'))],
    ['another major version', topicRecord(ID, 'consentledger.recipient.state.v2', 'ledger.1', bytes({}))],
    ['a tombstone', { ...topicRecord(ID, STATE_TYPE, 'ledger.1', Buffer.alloc(0)), value: null }],
  ])('as a state denies its recipient alone: %s', (_, record) => {
    const known = knownAfter([{ topic: 'state', record }]);
    expect(reason(known)).toBe('STATE_UNREADABLE');
    expect(reason(known, { ...ASKED, recipientId: OTHER })).toBe('RECIPIENT_UNKNOWN');
    expect(known.unreadable).toBe(1);
  });

  it('as an opt-out denies its recipient, also where a state is known', () => {
    const record = topicRecord(ID, CHANGE_TYPES.ConsentRevoked, 'ledger.9', bytes({ recipientId: ID }));
    expect(reason(knownAfter([{ topic: 'optOut', record }]))).toBe('STATE_UNREADABLE');
  });

  it('gives way to a state that can be read, whatever place in the ledger its writer gave it', () => {
    const scope = { channels: ['whatsapp'], purposes: ['offers'], method: 'api' } as const;
    const facts = { businessId: BUSINESS, occurredAt: '2026-03-01T00:00:00.000Z' };
    const grant = { type: 'ConsentGranted', data: { ...facts, ...scope } } as const;
    const ledger = new RandomLedger([{ recipientId: ID, event: grant }]);
    const unread = { topic: 'state', record: topicRecord(ID, STATE_TYPE, 'ledger.99', bytes({})) } as const;
    expect(reason(knownAfter([stateAt(ledger, ID, 1), unread]))).toBe('STATE_UNREADABLE');
    expect(reason(knownAfter([stateAt(ledger, ID, 1), unread, stateAt(ledger, ID, 1)]))).toBe('CONSENTED');
  });

  it('gives way to no state that is older than the one before it', () => {
    const [stop, unread] = [
      {
        businessId: BUSINESS,
        occurredAt: '2026-03-01T00:00:00.000Z',
        channels: ['*'],
        purposes: [],
        categories: ['*'],
      },
      { topic: 'state', record: topicRecord(ID, STATE_TYPE, 'ledger.1', bytes({})) } as const,
    ] as const;
    const event = { type: 'ConsentRevoked', data: { ...stop, method: 'api' } } as never;
    const ledger = new RandomLedger([{ recipientId: ID, event }]);
    const told = [stateAt(ledger, ID, 1), unread, stateAt(ledger, ID, 0)];
    expect(reason(knownAfter(told))).toBe('STATE_UNREADABLE');
  });

  it('denies its recipient alone whatever instant its writer gave it', () => {
    const record = { ...topicRecord(ID, STATE_TYPE, 'ledger.1', Buffer.from('{')), timestampMs: 1.8e18 };
    const known = knownAfter([
      { topic: 'state', record },
      { topic: 'optOut', record: { ...record, key: OTHER } },
    ]);
    expect(reason(known)).toBe('STATE_UNREADABLE');
    expect(reason(known, { ...ASKED, recipientId: OTHER })).toBe('STATE_UNREADABLE');
  });

  it('without a recipient is counted', () => {
    const known = knownAfter([
      { topic: 'optOut', record: topicRecord('nobody', CHANGE_TYPES.ConsentRevoked, 'ledger.9', bytes({})) },
    ]);
    expect(known.unaddressed).toBe(1);
  });

  it('as a register denies the whole business, until a newer one can be read', () => {
    const known = knownAfter([]);
    known.takeCatalogue({ ...catalogueRecord(), value: Buffer.from('{}') });
    expect(reason(known)).toBe('STATE_UNREADABLE');
    known.takeCatalogue(catalogueRecord(REGISTER, '2'));
    expect(reason(known)).toBe('RECIPIENT_UNKNOWN');
  });
});

describe('linked recipients whose states are behind', () => {
  const at = (day: number) => `2026-03-0${day}T00:00:00.000Z`;
  const grant = { channels: ['whatsapp'], purposes: ['offers'], method: 'api' } as const;
  const stop = { channels: ['*'], purposes: [], categories: ['*'], method: 'api' } as const;
  const fact = (recipientId: string, type: string, day: number, data: object = {}) =>
    ({ recipientId, event: { type, data: { businessId: BUSINESS, occurredAt: at(day), ...data } } }) as never;
  const link = (recipientId: string, other: string, day: number) =>
    fact(recipientId, 'RecipientLinked', day, { other, kind: 'same_person' });
  const optOut = (ledger: RandomLedger, n: number, told = 0): Delivery => ({
    topic: 'optOut',
    record: ledger.optOutRecords(n)[told] as TopicRecord,
  });
  const reasonAfter = (deliveries: readonly Delivery[]) => knownAfter(deliveries).judge(ASKED, NOW).reason;

  it('share no consent over a link that only an opt-out record tells of', () => {
    const ledger = new RandomLedger([
      fact(ID, 'UserMessaged', 1, { channel: 'whatsapp', sender: 'main', kind: 'message' }),
      fact(OTHER, 'ConsentGranted', 1, grant),
      link(ID, OTHER, 2),
      link(OTHER, ID, 2),
    ]);
    const told = [stateAt(ledger, ID, 2), stateAt(ledger, OTHER, 2), optOut(ledger, 2), optOut(ledger, 3)];
    expect(reasonAfter(told)).toBe('NO_CONSENT');
    expect(reasonAfter([...told, stateAt(ledger, ID, 4), stateAt(ledger, OTHER, 4)])).toBe('CONSENTED');
  });

  it('allow nothing while there is no state of one of them: the topic may be on its way back', () => {
    const ledger = new RandomLedger([
      fact(OTHER, 'ConsentRevoked', 2, stop),
      fact(ID, 'ConsentGranted', 1, grant),
      link(ID, OTHER, 3),
      link(OTHER, ID, 3),
    ]);
    const alone = [stateAt(ledger, ID, 4)];
    expect(reasonAfter(alone)).toBe('STATE_UNREADABLE');
    expect(reasonAfter([...alone, optOut(ledger, 3)])).toBe('STATE_UNREADABLE');
    expect(reasonAfter([...alone, optOut(ledger, 0)])).toBe('REVOKED');
    expect(reasonAfter([...alone, stateAt(ledger, OTHER, 4)])).toBe('REVOKED');
  });

  it('deny over such a link at once', () => {
    const ledger = new RandomLedger([
      fact(ID, 'ConsentGranted', 1, grant),
      fact(OTHER, 'ConsentRevoked', 2, stop),
      link(ID, OTHER, 3),
    ]);
    expect(reasonAfter([stateAt(ledger, ID, 2), stateAt(ledger, OTHER, 2)])).toBe('CONSENTED');
    expect(reasonAfter([stateAt(ledger, ID, 2), stateAt(ledger, OTHER, 2), optOut(ledger, 2)])).toBe('REVOKED');
  });

  it('are denied what was told under their key, until their own state knows of the link or of its end', () => {
    const ledger = new RandomLedger([
      fact(ID, 'ConsentGranted', 1, grant),
      link(OTHER, ID, 2),
      fact(OTHER, 'ConsentRevoked', 3, stop),
      link(ID, OTHER, 2),
      fact(ID, 'RecipientUnlinked', 4, { other: OTHER }),
    ]);
    const told = [stateAt(ledger, ID, 1), stateAt(ledger, OTHER, 3), optOut(ledger, 2, 1)];
    expect(reasonAfter(told)).toBe('REVOKED');
    expect(reasonAfter([...told, stateAt(ledger, ID, 4)])).toBe('REVOKED');
    expect(reasonAfter([...told, stateAt(ledger, ID, 5)])).toBe('CONSENTED');
  });
});

describe('a question', () => {
  it.each([
    ['BUSINESS_NOT_FOUND', { businessId: 'other' }],
    ['PURPOSE_NOT_FOUND', { purpose: 'none' }],
    ['CHANNEL_UNKNOWN', { channel: 'post' }],
    ['SENDER_NOT_FOUND', { sender: 'none' }],
  ])('that the register refuses is a no: %s', (reason, members) => {
    expect(knownAfter([]).judge({ ...ASKED, ...members }, NOW)).toEqual({ eligible: false, reason });
  });
});
