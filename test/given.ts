import { expect } from '@jest/globals';
import {
  EMPTY_STATE,
  explain,
  fold,
  joinLinked,
  judge,
  type Category,
  type Channel,
  type ConsentEvent,
  type ConsentGranted,
  type ConsentRevoked,
  type GrantMethod,
  type Instant,
  type Question,
  type Reason,
  type RecipientState,
  type Requirement,
} from '#consent';

/** An event of one recipient; of `anna` where a test tells of one person only. */
export interface Told {
  readonly recipientId: string;
  readonly event: ConsentEvent;
}

/** What the business of the examples has registered. */
const REGISTER: Readonly<Record<string, { readonly category: Category; readonly requires: Requirement }>> = {
  offers: { category: 'marketing', requires: 'consent' },
  news: { category: 'marketing', requires: 'consent' },
  tickets: { category: 'utility', requires: 'no_objection' },
  codes: { category: 'authentication', requires: 'consent' },
  service: { category: 'service', requires: 'consent' },
  opt_out_confirmation: { category: 'service', requires: 'consent' },
};

export interface Asked {
  readonly purpose: string;
  /** `10:00` on 1 May 2026, `10:00:00.001`, `05-02 10:00` or a whole instant. */
  readonly at: string;
  readonly channel?: Channel;
  readonly sender?: string;
  readonly of?: string;
}

export interface Expected {
  readonly reason: Reason;
  readonly validUntil?: string;
  readonly windowOpenUntil?: string;
  /** Index among the given events. */
  readonly basis?: number;
}

/**
 * `given(events).when(question).then(verdict)`: the rules without a store. The verdict is compared whole, so one that
 * carries a time the test does not name fails.
 */
export function given(...told: readonly (ConsentEvent | Told)[]) {
  const story = told.map((one) => ('recipientId' in one ? one : { recipientId: 'anna', event: one }));
  const state = (id: string) => stateOf(story, id);
  return {
    state: (of = 'anna') => joinLinked(of, state(of), state),
    when: (asked: Asked) => {
      const of = asked.of ?? 'anna';
      const question = questionOf(asked);
      const verdict = judge(joinLinked(of, state(of), state), question);
      return { then: (expected: Expected) => expectVerdict(verdict, question, expected) };
    },
  };
}

const YES: readonly Reason[] = ['CONSENTED', 'NO_OBJECTION', 'OPT_OUT_CONFIRMATION', 'SERVICE_WINDOW_OPEN'];

function expectVerdict(verdict: ReturnType<typeof judge>, question: Question, expected: Expected): void {
  const { basis, ...answer } = verdict;
  expect(answer).toEqual({
    eligible: YES.includes(expected.reason),
    reason: expected.reason,
    ...(expected.validUntil === undefined ? {} : { validUntil: at(expected.validUntil) }),
    ...(expected.windowOpenUntil === undefined ? {} : { windowOpenUntil: at(expected.windowOpenUntil) }),
  });
  if (expected.basis !== undefined) expect(basis?.eventId).toBe(idOf(expected.basis));
  expect(explain(verdict.reason, question)).toMatch(/^[A-Z"].*\.$/);
}

export function questionOf({ purpose, at: when, channel = 'whatsapp', sender }: Asked): Question {
  const registered = REGISTER[purpose] ?? { category: 'marketing', requires: 'consent' };
  return { purpose, channel, ...registered, now: at(when), ...(sender === undefined ? {} : { sender }) };
}

function stateOf(story: readonly Told[], recipientId: string): RecipientState {
  return story.reduce((state, one, index) => {
    if (one.recipientId !== recipientId) return state;
    const stream = `${one.event.type === 'UserMessaged' ? 'conversation' : 'consent'}-${recipientId}`;
    const origin = { eventId: idOf(index), stream, revision: String(index), recordedAt: one.event.data.occurredAt };
    return fold(state, one.event, origin);
  }, EMPTY_STATE);
}

function idOf(index: number): string {
  return `event-${String(index).padStart(3, '0')}`;
}

export function at(time: string): Instant {
  if (time.endsWith('Z')) return time;
  const [day, clock] = time.includes(' ') ? (time.split(' ') as [string, string]) : ['05-01', time];
  return new Date(`2026-${day}T${clock}Z`).toISOString();
}

export function on(recipientId: string, event: ConsentEvent): Told {
  return { recipientId, event };
}

const businessId = 'acme';

export function granted(
  purpose: string,
  time: string,
  more: { readonly channel?: Channel; readonly method?: GrantMethod; readonly expiresAt?: string } = {},
): ConsentGranted {
  const { channel = 'whatsapp', method = 'web_form', expiresAt } = more;
  const expiry = expiresAt === undefined ? {} : { expiresAt: at(expiresAt) };
  const data = { businessId, channels: [channel], purposes: [purpose], method, occurredAt: at(time), ...expiry };
  return { type: 'ConsentGranted', data };
}

/** By default everything everywhere, by the API. */
export function revoked(time: string, more: Partial<ConsentRevoked['data']> = {}): ConsentRevoked {
  const everything = { channels: ['*'], purposes: [], categories: ['*'], method: 'api' } as const;
  return { type: 'ConsentRevoked', data: { businessId, ...everything, occurredAt: at(time), ...more } };
}

export function stopped(time: string, more: Partial<ConsentRevoked['data']> = {}): ConsentRevoked {
  return revoked(time, { channels: ['whatsapp'], method: 'keyword', ...more });
}

export function providersStop(time: string, sender = 'shop'): ConsentRevoked {
  const scope = { channels: ['whatsapp'], categories: ['marketing'] } as const;
  return revoked(time, { ...scope, method: 'provider_preference', sender });
}

export function resumed(time: string, sender = 'shop'): ConsentEvent {
  return { type: 'PreferenceResumed', data: { businessId, channel: 'whatsapp', sender, occurredAt: at(time) } };
}

export function wrote(time: string, channel: Channel = 'whatsapp', sender = 'shop'): ConsentEvent {
  return { type: 'UserMessaged', data: { businessId, channel, sender, kind: 'message', occurredAt: at(time) } };
}

export function erased(time: string): ConsentEvent {
  return { type: 'RecipientErased', data: { businessId, occurredAt: at(time) } };
}

/** Both halves of a link, one in each stream. */
export function samePerson(one: string, other: string, time: string): readonly [Told, Told] {
  return bothWays(one, other, { kind: 'same_person' }, { kind: 'same_person' }, time);
}

export function changedNumber(from: string, to: string, time: string): readonly [Told, Told] {
  const kind = 'changed_number';
  return bothWays(from, to, { kind, role: 'old' }, { kind, role: 'new' }, time);
}

type Half = { readonly kind: 'same_person' | 'changed_number'; readonly role?: 'old' | 'new' };
function bothWays(one: string, other: string, ofOne: Half, ofOther: Half, time: string): readonly [Told, Told] {
  const occurredAt = at(time);
  return [
    on(one, { type: 'RecipientLinked', data: { businessId, other, ...ofOne, occurredAt } }),
    on(other, { type: 'RecipientLinked', data: { businessId, other: one, ...ofOther, occurredAt } }),
  ];
}
