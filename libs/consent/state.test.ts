import { describe, expect, it } from '@jest/globals';
import {
  EMPTY_STATE,
  join,
  keepBlock,
  keepConfirmation,
  keepContact,
  keepGrant,
  keepLink,
  keepPreference,
  keepRevocation,
  later,
  latest,
  type Basis,
  type GrantCell,
} from './state.js';

const time = (minute: number) => `2026-05-01T10:${String(minute).padStart(2, '0')}:00.000Z`;

function basis(eventId: string, minute: number, more: Partial<Basis> = {}): Basis {
  const place = { stream: 'consent-r1', revision: '0', recordedAt: time(59) };
  return { eventId, type: 'ConsentRevoked', ...place, occurredAt: time(minute), ...more };
}

function grant(eventId: string, minute: number, expires?: number, more: Partial<GrantCell> = {}): GrantCell {
  const expiry = expires === undefined ? {} : { expiresAt: time(expires) };
  return { ...basis(eventId, minute), channel: 'sms', purpose: 'offers', ...expiry, ...more };
}

function keptOf(...grants: readonly GrantCell[]): readonly string[] {
  const forwards = grants.reduce(keepGrant, EMPTY_STATE);
  expect([...grants].reverse().reduce(keepGrant, EMPTY_STATE)).toEqual(forwards);
  return forwards.grants.map(({ eventId }) => eventId);
}

describe('the later of two', () => {
  it.each([
    ['by when the person acted', basis('a', 2), basis('b', 1)],
    ['on a tie by the greater id', basis('b', 1), basis('a', 1)],
    ['of one event kept twice its place in the lesser stream', basis('a', 1), basis('a', 1, { stream: 'consent-r2' })],
    ['or its first place', basis('a', 1, { revision: '9' }), basis('a', 1, { revision: '10' })],
    ['by number, not by text', basis('a', 1, { revision: '2' }), basis('a', 1, { revision: '3' })],
  ])('%s', (_, chosen, other) => {
    expect(later(chosen, other)).toBe(chosen);
    expect(later(other, chosen)).toBe(chosen);
    expect(latest(chosen, other)).toBe(chosen);
    expect(latest(undefined, other)).toBe(other);
    expect(latest(chosen, undefined)).toBe(chosen);
    expect(latest(undefined, undefined)).toBeUndefined();
  });
});

describe('revocations', () => {
  it('of two categories, and of a purpose named like one, are kept apart', () => {
    const whatsapp = { channel: 'whatsapp' as const };
    const cells = [
      { ...basis('a', 1), ...whatsapp, category: 'marketing' as const },
      { ...basis('b', 2), ...whatsapp, category: '*' as const },
      { ...basis('c', 3), ...whatsapp, purpose: 'marketing' },
    ];
    const { revocations } = cells.reduce(keepRevocation, EMPTY_STATE);
    expect(new Set(revocations.map(({ eventId }) => eventId))).toEqual(new Set(['a', 'b', 'c']));
  });
});

describe('grants', () => {
  it('a later one that lasts as long or longer stands alone', () => {
    expect(keptOf(grant('a', 1), grant('b', 2))).toEqual(['b']);
    expect(keptOf(grant('a', 1, 30), grant('b', 2, 30))).toEqual(['b']);
    expect(keptOf(grant('a', 1, 30), grant('b', 2))).toEqual(['b']);
    expect(keptOf(grant('a', 1, 30), grant('b', 1, 40))).toEqual(['b']);
  });

  it('a later one that ends sooner stands beside the other', () => {
    expect(keptOf(grant('a', 1), grant('b', 2, 30))).toEqual(['a', 'b']);
    expect(keptOf(grant('a', 1), grant('b', 2, 40), grant('c', 3, 30))).toEqual(['a', 'b', 'c']);
    expect(keptOf(grant('a', 1), grant('b', 2, 40), grant('c', 3, 50))).toEqual(['a', 'c']);
    expect(keptOf(grant('a', 1, 30), grant('b', 2, 20), grant('c', 3))).toEqual(['c']);
  });

  it('of equals the one of the greater id stands', () => {
    expect(keptOf(grant('a', 1, 30), grant('b', 1, 30))).toEqual(['b']);
    expect(keptOf(grant('a', 1), grant('a', 1))).toEqual(['a']);
  });

  it('never touch those of another channel or purpose, and stand in order', () => {
    const [email, news] = [
      grant('c', 5, undefined, { channel: 'email' }),
      grant('b', 5, undefined, { purpose: 'news' }),
    ];
    expect(keptOf(grant('a', 1), email, news)).toEqual(['c', 'b', 'a']);
  });
});

describe('cells', () => {
  const all = [
    [
      'revocations',
      () =>
        keepRevocation(keepRevocation(EMPTY_STATE, { ...basis('a', 1), channel: 'sms', purpose: 'x' }), {
          ...basis('b', 2),
          channel: 'sms',
          category: '*',
        }),
    ],
    [
      'blocks',
      () => keepBlock(keepBlock(EMPTY_STATE, { ...basis('a', 1), channel: 'sms' }), { ...basis('b', 2), channel: '*' }),
    ],
    [
      'contacts',
      () =>
        keepContact(keepContact(EMPTY_STATE, { ...basis('a', 1), channel: 'sms', sender: 't' }), {
          ...basis('b', 2),
          channel: 'sms',
          sender: 's',
        }),
    ],
    [
      'confirmations',
      () =>
        keepConfirmation(keepConfirmation(EMPTY_STATE, { channel: 'sms', stoppedAt: time(1) }), {
          channel: 'email',
          stoppedAt: time(2),
        }),
    ],
    [
      'preferences',
      () =>
        keepPreference(keepPreference(EMPTY_STATE, { channel: 'sms', sender: 't', stop: basis('a', 1) }), {
          channel: 'sms',
          sender: 's',
          resume: basis('b', 1),
        }),
    ],
    [
      'links',
      () =>
        keepLink(keepLink(EMPTY_STATE, { recipientId: 'r3', unlink: basis('a', 1) }), {
          recipientId: 'r2',
          unlink: basis('b', 1),
        }),
    ],
  ] as const;

  it.each(all)('%s stand in the order of their keys, and joining finds each again', (kind, make) => {
    const state = make();
    expect(state[kind]).toHaveLength(2);
    const [first, second] = [...state[kind]].reverse();
    expect(state[kind]).toEqual([second, first]);
    expect(join(state, state)).toEqual(state);
    expect(join(EMPTY_STATE, state)).toEqual(state);
  });

  it('hold the latest', () => {
    const [early, late] = [basis('a', 1), basis('b', 2)];
    for (const [one, other] of [
      [early, late],
      [late, early],
    ] as const) {
      const cell = { channel: 'sms', category: '*' } as const;
      expect(
        keepRevocation(keepRevocation(EMPTY_STATE, { ...cell, ...one }), { ...cell, ...other }).revocations,
      ).toEqual([{ ...cell, ...late }]);
      const block = { channel: '*' } as const;
      expect(keepBlock(keepBlock(EMPTY_STATE, { ...block, ...one }), { ...block, ...other }).blocks).toEqual([
        { ...block, ...late },
      ]);
      const contact = { channel: 'sms', sender: 's' } as const;
      expect(keepContact(keepContact(EMPTY_STATE, { ...contact, ...one }), { ...contact, ...other }).contacts).toEqual([
        { ...contact, ...late },
      ]);
      const stopped = keepPreference(EMPTY_STATE, { ...contact, stop: one, resume: other });
      expect(keepPreference(stopped, { ...contact, stop: other, resume: one }).preferences).toEqual([
        { ...contact, stop: late, resume: late },
      ]);
      const linked = keepLink(EMPTY_STATE, { recipientId: 'r2', link: { ...one, kind: 'same_person' }, unlink: other });
      expect(
        keepLink(linked, { recipientId: 'r2', link: { ...other, kind: 'same_person' }, unlink: one }).links,
      ).toEqual([{ recipientId: 'r2', link: { ...late, kind: 'same_person' }, unlink: late }]);
      expect(
        join({ ...EMPTY_STATE, erased: one, unreadable: other }, { ...EMPTY_STATE, erased: other, unreadable: one }),
      ).toEqual({ ...EMPTY_STATE, erased: late, unreadable: late });
    }
  });

  it('know a purpose from a category of the same name, and one sender from another', () => {
    const word = keepRevocation(EMPTY_STATE, { ...basis('a', 1), channel: 'sms', purpose: 'marketing' });
    expect(keepRevocation(word, { ...basis('b', 2), channel: 'sms', category: 'marketing' }).revocations).toHaveLength(
      2,
    );
  });
});

describe('confirmations', () => {
  const confirmed = (eventId: string, minute: number, until: number) => ({
    ...basis(eventId, minute),
    until: time(until),
  });

  it('hold the latest stop, and the one that may be confirmed longest', () => {
    const one = { channel: 'sms', stoppedAt: time(1), confirmation: confirmed('a', 1, 30) } as const;
    const other = { channel: 'sms', stoppedAt: time(2), confirmation: confirmed('b', 2, 20) } as const;
    const both = { channel: 'sms', stoppedAt: time(2), confirmation: one.confirmation };
    expect(keepConfirmation(keepConfirmation(EMPTY_STATE, one), other).confirmations).toEqual([both]);
    expect(keepConfirmation(keepConfirmation(EMPTY_STATE, other), one).confirmations).toEqual([both]);
  });

  it('that end together rest on the later stop; one that may not be confirmed takes nothing away', () => {
    const [one, other] = [confirmed('a', 1, 30), confirmed('b', 2, 30)];
    const cell = (stoppedAt: string) => ({ channel: 'sms', stoppedAt }) as const;
    const state = keepConfirmation(EMPTY_STATE, { ...cell(time(1)), confirmation: one });
    expect(keepConfirmation(state, { ...cell(time(1)), confirmation: other }).confirmations[0]?.confirmation).toBe(
      other,
    );
    const expected = [{ ...cell(time(5)), confirmation: one }];
    expect(keepConfirmation(state, cell(time(5))).confirmations).toEqual(expected);
    expect(
      keepConfirmation(keepConfirmation(EMPTY_STATE, cell(time(5))), state.confirmations[0]!).confirmations,
    ).toEqual(expected);
  });
});
