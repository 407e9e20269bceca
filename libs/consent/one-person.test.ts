import { describe, expect, it } from '@jest/globals';
import { fold, type RecipientLinked } from './consent.js';
import { MAX_LINKED, onePersonAs } from './linked.js';
import { EMPTY_STATE, type RecipientState } from './state.js';

const time = (hour: number) => `2026-05-01T${String(hour).padStart(2, '0')}:00:00.000Z`;

/** Between two of them: who, whom, when, and of a changed number which of the two the first is. */
type Tie = readonly [one: string, other: string, hour: number, role?: 'old'];

function statesOf(...ties: readonly Tie[]): (recipientId: string) => RecipientState {
  const states = new Map<string, RecipientState>();
  const say = (id: string, other: string, hour: number, role: 'old' | 'new' | undefined) => {
    const kind = role === undefined ? ({ kind: 'same_person' } as const) : ({ kind: 'changed_number', role } as const);
    const data = { businessId: 'acme', other, ...kind, occurredAt: time(hour) };
    const event: RecipientLinked = { type: 'RecipientLinked', data };
    const origin = { stream: `consent-${id}`, revision: '0', eventId: `${id} ${other}`, recordedAt: time(23) };
    states.set(id, fold(states.get(id) ?? EMPTY_STATE, event, origin));
  };
  for (const [one, other, hour, role] of ties) {
    say(one, other, hour, role);
    say(other, one, hour, role && 'new');
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
});
