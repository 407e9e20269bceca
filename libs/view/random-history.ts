import type FastCheck from 'fast-check';
import type { Arbitrary } from 'fast-check';
import {
  LINK_KINDS,
  CATEGORIES,
  CHANNELS,
  EMPTY_STATE,
  fold,
  GRANT_METHODS,
  instantOf,
  REVOCATION_METHODS,
  type ConsentEvent,
  type Origin,
} from '#consent';

const T0 = Date.UTC(2026, 0, 1);

/** What a stored event says: JSON leaves out what is undefined. */
export interface RandomEvent {
  readonly type: string;
  readonly data: { readonly occurredAt: string };
}

/**
 * Random but valid events of recipients, and states of any cells, also such as the rules would not bring about. For
 * property tests: fast-check, which they hand in, prints the seed of a failure.
 */
export function randomHistory(fc: typeof FastCheck) {
  const instants = instantsOf(fc);
  const randomEvents = eventsOf(fc, instants);
  const origins: Arbitrary<Origin> = fc.record({
    eventId: fc.uuid(),
    stream: fc.constantFrom('consent-r0', 'conversation-r0', 'consent-elsewhere'),
    revision: fc.oneof(fc.nat().map(String), fc.constantFrom('007', '18446744073709551615')),
    recordedAt: fc.oneof(instants, fc.constant('2026-02-30T00:00:00.000Z')),
  });
  const randomStates = fc
    .array(fc.tuple(randomEvents, origins), { maxLength: 12 })
    .map((events) => events.reduce((state, [event, origin]) => fold(state, readable(event), origin), EMPTY_STATE));
  return { randomEvents, randomStates };
}

function instantsOf(fc: typeof FastCheck): Arbitrary<string> {
  const usual = fc.integer({ min: -5_000, max: 300 * 86_400_000 }).map((ms) => instantOf(T0 + ms));
  // The epoch is what an unset time becomes in many languages, and the one number that may be taken for none.
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: fc.constant(instantOf(0)) });
}

function eventsOf(fc: typeof FastCheck, instants: Arbitrary<string>): Arbitrary<RandomEvent> {
  const channels = fc.constantFrom(...CHANNELS);
  const someChannels = fc.uniqueArray(channels, { minLength: 1, maxLength: 3 });
  const purposes = fc.uniqueArray(fc.constantFrom('offers', 'news', 'orders'), { minLength: 1 });
  const senders = fc.constantFrom('main', 'second');
  const facts = { businessId: fc.constant('acme'), occurredAt: instants };
  const maybe = <T>(arbitrary: Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

  const dataOf = {
    ConsentGranted: fc.record({
      ...facts,
      channels: someChannels,
      purposes,
      method: fc.constantFrom(...GRANT_METHODS),
      disclosure: maybe(fc.record({ id: fc.constantFrom('signup', 'shop'), version: fc.nat(3) })),
      expiresAt: maybe(instants),
    }),
    ConsentRevoked: fc.record({
      ...facts,
      channels: fc.oneof(someChannels, fc.constant(['*'])),
      purposes: fc.oneof(purposes, fc.constant([])),
      categories: fc.constantFrom(['*'], ['marketing'], [...CATEGORIES], []),
      method: fc.constantFrom(...REVOCATION_METHODS),
      sender: maybe(senders),
      confirmUntil: maybe(instants),
    }),
    PreferenceResumed: fc.record({ ...facts, channel: channels, sender: senders }),
    RecipientLinked: fc.record({
      ...facts,
      other: fc.constantFrom('r0', 'r1', 'r2', 'r3'),
      kind: fc.constantFrom(...LINK_KINDS),
      role: maybe(fc.constantFrom('old', 'new')),
    }),
    RecipientUnlinked: fc.record({ ...facts, other: fc.constantFrom('r0', 'r1', 'r2', 'r3') }),
    RecipientErased: fc.record(facts),
    UserMessaged: fc.record({ ...facts, channel: channels, sender: senders, kind: fc.constantFrom('message', 'call') }),
    SomethingNewer: fc.record(facts),
  };
  return fc.oneof(
    ...Object.entries(dataOf).map(([type, data]) =>
      (data as Arbitrary<object>).map((one) => ({ type, data: withoutUndefined(one) }) as RandomEvent),
    ),
  );
}

function withoutUndefined(data: object): object {
  return JSON.parse(JSON.stringify(data)) as object;
}

function readable({ type, data }: RandomEvent): ConsentEvent {
  if (type !== 'SomethingNewer') return { type, data } as unknown as ConsentEvent;
  return { type: 'Unreadable', data: { occurredAt: data.occurredAt, storedType: type } };
}
