import { describe, expect, it } from '@jest/globals';
import { EMPTY_STATE, instantOf, type RecipientState } from '#consent';
import { noOf } from '#contracts';
import { TextTable } from '#packed';
import { PendingOptOuts } from './pending-opt-outs.js';
import { idOf } from './random-ledger.js';
import { PackedStates } from './storage/packed-states.js';

const [ID, OTHER] = [idOf('r0'), idOf('r1')];
const TIMES = 100;

/** States that count how often they are looked at. */
class CountedStates extends PackedStates {
  looks = 0;

  override get(...asked: Parameters<PackedStates['get']>): ReturnType<PackedStates['get']> {
    this.looks += 1;
    return super.get(...asked);
  }
}

function stopAt(n: number): RecipientState {
  const at = instantOf(n * 1_000);
  const said = { channels: ['*'], purposes: [], categories: ['*'], method: 'keyword' } as const;
  const event = { type: 'ConsentRevoked', data: { businessId: 'acme', occurredAt: at, ...said } } as const;
  const change = { businessId: 'acme', recipientId: OTHER, eventId: `event ${n}`, recordedAt: at, event };
  return noOf(change) as RecipientState;
}

describe('a no that somebody linked says again and again', () => {
  const texts = new TextTable();
  const states = new CountedStates(texts);
  const pending = new PendingOptOuts(states, texts);
  const tell = (n: number) =>
    pending.add({ recipientId: ID, linkedFrom: OTHER, position: `ledger.${n}`, no: stopAt(n) });
  const arrive = (id: string, n: number) =>
    states.put(id, { businessId: 'acme', position: `ledger.${n}`, state: EMPTY_STATE });
  const newest = () => pending.of(ID)?.revocations.map(({ occurredAt }) => occurredAt);

  it('is one no while no state has it, the latest', () => {
    for (let n = 1; n <= TIMES; n += 1) tell(n);
    tell(1);
    states.looks = 0;
    expect(newest()).toEqual([instantOf(TIMES * 1_000)]);
    expect(states.looks).toBeLessThan(10);
  });

  it('goes when the states have the last of it, and not before', () => {
    for (const id of [ID, OTHER]) arrive(id, TIMES - 1);
    expect(newest()).toEqual([instantOf(TIMES * 1_000)]);
    for (const id of [ID, OTHER]) arrive(id, TIMES);
    expect(pending.of(ID)).toBeUndefined();
  });

  it('begins anew after that', () => {
    tell(TIMES + 1);
    expect(newest()).toEqual([instantOf((TIMES + 1) * 1_000)]);
  });
});
