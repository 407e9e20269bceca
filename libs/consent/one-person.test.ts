import { describe, expect, it } from '@jest/globals';
import { fold, type RecipientLinked } from './consent.js';
import { joinLinked, MAX_LINKED, onePersonAs } from './linked.js';
import { EMPTY_STATE, type RecipientState } from './state.js';

const time = (hour: number) => `2026-05-01T${String(hour).padStart(2, '0')}:00:00.000Z`;

/** Between two of them: who, whom, when; of a changed number the first is the old one. */
type Tie = readonly [one: string, other: string, hour: number, what?: 'old' | 'same_number'];

function statesOf(...ties: readonly Tie[]): (recipientId: string) => RecipientState {
  const states = new Map<string, RecipientState>();
  const kindOf = (what: 'old' | 'new' | 'same_number' | undefined) => {
    if (what === undefined || what === 'same_number') return { kind: what ?? 'same_person' } as const;
    return { kind: 'changed_number', role: what } as const;
  };
  const say = (id: string, other: string, hour: number, what: 'old' | 'new' | 'same_number' | undefined) => {
    const kind = kindOf(what);
    const data = { businessId: 'acme', other, ...kind, occurredAt: time(hour) };
    const event: RecipientLinked = { type: 'RecipientLinked', data };
    const origin = { stream: `consent-${id}`, revision: '0', eventId: `${id} ${other}`, recordedAt: time(23) };
    states.set(id, fold(states.get(id) ?? EMPTY_STATE, event, origin));
  };
  for (const [one, other, hour, what] of ties) {
    say(one, other, hour, what);
    say(other, one, hour, what === 'old' ? 'new' : what);
  }
  return (id) => states.get(id) ?? EMPTY_STATE;
}

describe('the recipients that are one person', () => {
  it('hang together over any number of links, nearest first, and whoever is asked about is not among the others', () => {
    const stateOf = statesOf(['a', 'b', 1], ['b', 'c', 2], ['c', 'd', 3], ['x', 'y', 1]);
    expect(onePersonAs('a', stateOf)).toEqual(['b', 'c', 'd']);
    expect(onePersonAs('c', stateOf)).toEqual(['b', 'd', 'a']);
    expect(onePersonAs('nobody', stateOf)).toEqual([]);
  });

  it('may be more than answer together', () => {
    const ties = Array.from({ length: 2 * MAX_LINKED }, (_, n): Tie => [`r${n}`, `r${n + 1}`, 1]);
    expect(onePersonAs('r0', statesOf(...ties))).toHaveLength(2 * MAX_LINKED);
  });

  it('are not a number on either side of its change', () => {
    const stateOf = statesOf(['a', 'b', 1, 'old']);
    expect(onePersonAs('a', stateOf)).toEqual([]);
    expect(onePersonAs('b', stateOf)).toEqual([]);
  });

  it('leave out a number that was left behind, and whoever belongs to its next owner', () => {
    const stateOf = statesOf(
      ['id', 'number', 1],
      ['id', 'mail', 1],
      ['number', 'new', 5, 'old'],
      ['number', 'next', 9],
    );
    expect(onePersonAs('id', stateOf)).toEqual(['mail']);
    expect(onePersonAs('next', stateOf)).toEqual(['number']);
    expect(onePersonAs('number', stateOf)).toEqual(['next']);
  });

  it('are not a number that was left behind, of which only the other side has heard', () => {
    const told = statesOf(['a', 'b', 1, 'old']);
    expect(onePersonAs('b', (id) => (id === 'b' ? told('b') : EMPTY_STATE))).toEqual([]);
  });

  it('are not those that only have the number in common', () => {
    const stateOf = statesOf(['number', 'id', 1], ['number', 'second', 2, 'same_number'], ['second', 'mail', 3]);
    expect(onePersonAs('number', stateOf)).toEqual(['id']);
    expect(onePersonAs('second', stateOf)).toEqual(['mail']);
  });
});

describe('a number that is named with a second id', () => {
  const facts = { businessId: 'acme', channels: ['sms'], purposes: ['offers'] } as const;
  const origin = { stream: 'consent-x', revision: '1', recordedAt: time(23) };
  const granted = (state: RecipientState, hour: number) => {
    const data = { ...facts, method: 'api', occurredAt: time(hour) } as const;
    return fold(state, { type: 'ConsentGranted', data }, { ...origin, eventId: `grant ${hour}` });
  };
  const revoked = (state: RecipientState, hour: number) => {
    const data = { ...facts, categories: [], method: 'api', occurredAt: time(hour) } as const;
    return fold(state, { type: 'ConsentRevoked', data }, { ...origin, eventId: `revocation ${hour}` });
  };

  it('shares noes with it and nothing else, over any number of links', () => {
    const tied = statesOf(['id', 'number', 1], ['number', 'second', 5, 'same_number']);
    const stateOf = (id: string) => {
      // Before they were linked, so that nothing but the kind of the link keeps it from crossing.
      if (id === 'id') return granted(tied(id), 3);
      return id === 'second' ? revoked(tied(id), 4) : tied(id);
    };
    const joined = (id: string) => joinLinked(id, stateOf(id), stateOf);
    expect(joined('second').grants).toEqual([]);
    for (const id of ['id', 'number']) {
      expect(joined(id)).toMatchObject({ grants: [{ occurredAt: time(3) }], revocations: [{ occurredAt: time(4) }] });
    }
  });

  it('shares no more where the link bears a role, which none of its kind has', () => {
    const link = { businessId: 'acme', other: 'id', kind: 'same_number', role: 'new', occurredAt: time(5) } as const;
    const second = fold(EMPTY_STATE, { type: 'RecipientLinked', data: link }, { ...origin, eventId: 'link' });
    expect(joinLinked('second', second, () => granted(EMPTY_STATE, 3)).grants).toEqual([]);
  });
});
