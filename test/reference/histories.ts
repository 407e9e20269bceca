import fc from 'fast-check';
import { fold, joinLinked, EMPTY_STATE, type ConsentEvent, type Question, type RecipientState } from '#consent';
import type { Happening } from './happening.js';

/**
 * Random histories in which things meet: few people, few instants that lie where the rules change their mind, few
 * channels, purposes and senders. Ids are in another order than the events, so that ties are settled either way.
 */
export const PEOPLE = ['ada', 'bea', 'cleo', 'dora'] as const;
const CHANNELS = ['whatsapp', 'sms'] as const;
const SENDERS = ['shop', 'desk'] as const;

/** The register of the business in all histories. One purpose bears a name that every JavaScript object has. */
export const PURPOSES = [
  { purpose: 'offers', category: 'marketing', requires: 'consent' },
  { purpose: 'constructor', category: 'marketing', requires: 'no_objection' },
  { purpose: 'tickets', category: 'utility', requires: 'no_objection' },
  { purpose: 'codes', category: 'authentication', requires: 'consent' },
  { purpose: 'service', category: 'service', requires: 'consent' },
  { purpose: 'support', category: 'service', requires: 'consent' },
  { purpose: 'opt_out_confirmation', category: 'service', requires: 'consent' },
] as const satisfies readonly Pick<Question, 'purpose' | 'category' | 'requires'>[];

const START = Date.UTC(2026, 4, 1, 10);
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const OFFSETS = [0, 1, MINUTE, 5 * MINUTE - 1, 5 * MINUTE, 60 * MINUTE, DAY - 1, DAY, DAY + MINUTE, 2 * DAY, 30 * DAY];

export const instant = fc.constantFrom(...OFFSETS).map((offset) => new Date(START + offset).toISOString());
const channel = fc.constantFrom(...CHANNELS);
const sender = fc.constantFrom(...SENDERS);
const person = fc.constantFrom(...PEOPLE);
const granted = fc.constantFrom('offers', 'constructor', 'tickets', 'codes');
const businessId = fc.constant('acme');

const grant = fc.record({
  type: fc.constant('ConsentGranted' as const),
  data: fc.record(
    {
      businessId,
      occurredAt: instant,
      channels: fc.uniqueArray(channel, { minLength: 1 }),
      purposes: fc.uniqueArray(granted, { minLength: 1, maxLength: 2 }),
      method: fc.constantFrom('web_form' as const, 'import' as const),
      expiresAt: instant,
    },
    { requiredKeys: ['businessId', 'occurredAt', 'channels', 'purposes', 'method'] },
  ),
});

const wholeScope = fc.record({
  channels: fc.oneof(fc.constant(['*'] as const), fc.uniqueArray(channel, { minLength: 1 })),
  purposes: fc.uniqueArray(fc.constantFrom('offers', 'tickets', 'service', 'support'), { maxLength: 1 }),
  categories: fc.oneof(
    fc.constant(['*'] as const),
    fc.uniqueArray(fc.constantFrom('marketing' as const, 'utility' as const, 'service' as const), { maxLength: 2 }),
  ),
});

const plainRevocation = fc
  .record({
    scope: wholeScope,
    method: fc.constantFrom('keyword' as const, 'button' as const, 'block' as const, 'api' as const),
    occurredAt: instant,
    confirmUntil: fc.option(instant, { nil: undefined }),
  })
  .map(({ scope, method, occurredAt, confirmUntil }) => ({
    type: 'ConsentRevoked' as const,
    data: {
      businessId: 'acme',
      ...scope,
      method,
      occurredAt,
      ...(confirmUntil === undefined || method === 'block' || method === 'api' ? {} : { confirmUntil }),
    },
  }));

/** Mostly one that a resume can lift; one that says more than that, or not in whose name, is a revocation like any. */
const providersStop = fc
  .record({
    channels: fc.oneof(
      { weight: 4, arbitrary: fc.tuple(channel) },
      { weight: 1, arbitrary: fc.constant(['*'] as const) },
    ),
    purposes: fc.oneof({ weight: 6, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.constant(['tickets']) }),
    categories: fc.oneof(
      { weight: 6, arbitrary: fc.constant(['marketing'] as const) },
      { weight: 1, arbitrary: fc.constant(['marketing', 'utility'] as const) },
    ),
    sender: fc.option(sender, { nil: undefined, freq: 6 }),
    occurredAt: instant,
  })
  .map(({ sender, ...said }) => ({
    type: 'ConsentRevoked' as const,
    data: {
      businessId: 'acme',
      ...said,
      method: 'provider_preference' as const,
      ...(sender === undefined ? {} : { sender }),
    },
  }));

const resume = fc.record({
  type: fc.constant('PreferenceResumed' as const),
  data: fc.record({ businessId, channel, sender, occurredAt: instant }),
});

const message = fc.record({
  type: fc.constant('UserMessaged' as const),
  data: fc.record({
    businessId,
    channel,
    sender,
    kind: fc.constantFrom('message' as const, 'call' as const),
    occurredAt: instant,
  }),
});

const erasure = fc.record({
  type: fc.constant('RecipientErased' as const),
  data: fc.record({ businessId, occurredAt: instant }),
});

const unreadable = fc.record({
  type: fc.constant('Unreadable' as const),
  data: fc.record({ occurredAt: instant, storedType: fc.constant('ConsentTransferred') }),
});

/** What says no: none of these may ever turn a no into a yes. */
export const anyNo: fc.Arbitrary<ConsentEvent> = fc.oneof(plainRevocation, providersStop, erasure);
export const anyGrant = grant;

type Deed = readonly { readonly recipientId: string; readonly event: ConsentEvent }[];

function alone(event: fc.Arbitrary<ConsentEvent>): fc.Arbitrary<Deed> {
  return fc.record({ recipientId: person, event }).map((one) => [one]);
}

/** A link stands in both streams; a crash may have left one half of it. */
const anyLink: fc.Arbitrary<Deed> = fc
  .record({
    pair: fc.shuffledSubarray([...PEOPLE], { minLength: 2, maxLength: 2 }),
    occurredAt: instant,
    earlier: instant,
    isExact: fc.constantFrom(true, true, false),
    says: fc.constantFrom('same_person' as const, 'changed_number' as const, 'same_number' as const, 'unlink' as const),
    left: fc.constantFrom('both', 'both', 'both', 'first', 'second'),
  })
  .map(({ pair, occurredAt, earlier, isExact, says, left }) => {
    const [one, other] = pair as [string, string];
    // Of a change that is known to the day the number taken up counts the beginning, the one left behind the end.
    const takenUpAt = isExact || earlier > occurredAt ? occurredAt : earlier;
    const half = (id: string, other: string, role: 'old' | 'new') => {
      if (says === 'unlink') return unlinked(id, other, occurredAt);
      if (says === 'same_person' || says === 'same_number') return samePerson(id, other, occurredAt, says);
      return changedNumber(id, other, role, role === 'old' ? occurredAt : takenUpAt);
    };
    const halves = [half(one, other, 'old'), half(other, one, 'new')];
    return left === 'both' ? halves : halves.slice(left === 'first' ? 0 : 1, left === 'first' ? 1 : 2);
  });

const sameForEver: fc.Arbitrary<Deed> = fc
  .record({ pair: fc.shuffledSubarray([...PEOPLE], { minLength: 2, maxLength: 2 }), occurredAt: instant })
  .map(({ pair: [one, other], occurredAt }) => [
    samePerson(one as string, other as string, occurredAt),
    samePerson(other as string, one as string, occurredAt),
  ]);

type Same = 'same_person' | 'same_number';

export function samePerson(recipientId: string, other: string, occurredAt: string, kind: Same = 'same_person') {
  const data = { businessId: 'acme', other, kind, occurredAt } as const;
  return { recipientId, event: { type: 'RecipientLinked', data } } as const;
}

export function changedNumber(recipientId: string, other: string, role: 'old' | 'new', occurredAt: string) {
  const data = { businessId: 'acme', other, kind: 'changed_number', role, occurredAt } as const;
  return { recipientId, event: { type: 'RecipientLinked', data } } as const;
}

function unlinked(recipientId: string, other: string, occurredAt: string) {
  return {
    recipientId,
    event: { type: 'RecipientUnlinked', data: { businessId: 'acme', other, occurredAt } },
  } as const;
}

const deed = fc.oneof(
  { weight: 6, arbitrary: alone(grant) },
  { weight: 4, arbitrary: alone(plainRevocation) },
  { weight: 2, arbitrary: alone(providersStop) },
  { weight: 2, arbitrary: alone(resume) },
  { weight: 4, arbitrary: alone(message) },
  { weight: 1, arbitrary: alone(erasure) },
);
const rareDeed = fc.oneof({ weight: 40, arbitrary: deed }, { weight: 1, arbitrary: alone(unreadable) });

function happenings(deeds: fc.Arbitrary<Deed>, maxLength: number): fc.Arbitrary<readonly Happening[]> {
  return fc
    .tuple(fc.array(deeds, { maxLength }), fc.array(fc.nat(99), { minLength: maxLength * 2, maxLength: maxLength * 2 }))
    .map(([deeds, salts]) =>
      deeds.flat().map((one, index) => ({ ...one, eventId: `${String(salts[index]).padStart(2, '0')}-${index}` })),
    );
}

/** Any history of all four people, linked in any way. */
export const history = happenings(fc.oneof({ weight: 7, arbitrary: rareDeed }, { weight: 3, arbitrary: anyLink }), 14);
/** A history in which every link says that two addresses are one person's. */
export const onePersonHistory = happenings(
  fc.oneof({ weight: 7, arbitrary: rareDeed }, { weight: 3, arbitrary: sameForEver }),
  14,
);
/** A history without links. */
export const unlinkedHistory = happenings(rareDeed, 12);

export const question: fc.Arbitrary<Question> = fc
  .record({
    channel,
    topic: fc.constantFrom(...PURPOSES),
    now: instant,
    sender: fc.option(sender, { nil: undefined }),
  })
  .map(({ channel, topic, now, sender }) => ({ channel, now, ...topic, ...(sender === undefined ? {} : { sender }) }));

/** The state of one recipient by the library, from its own events alone. */
export function stateOf(history: readonly Happening[], recipientId: string): RecipientState {
  return foldAll(history.filter((one) => one.recipientId === recipientId));
}

export function foldAll(history: readonly Stored[]): RecipientState {
  return history.reduce((state, one) => fold(state, one.event, originOf(one)), EMPTY_STATE);
}

/** A store may have kept one event twice; then its second place is another revision. */
export type Stored = Happening & { readonly revision?: string };

function originOf({ recipientId, eventId, event, revision = '0' }: Stored) {
  const stream = event.type === 'UserMessaged' ? `conversation-${recipientId}` : `consent-${recipientId}`;
  return { eventId, stream, revision, recordedAt: event.data.occurredAt };
}

/** The state that the library answers a question about a recipient from. */
export function answeringState(history: readonly Happening[], recipientId: string): RecipientState {
  return joinLinked(recipientId, stateOf(history, recipientId), (id) => stateOf(history, id));
}
