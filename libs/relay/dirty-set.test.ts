import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hasReached } from '#event-store';
import { DirtySet, type Dirty } from './dirty-set.js';

const at = (n: number) => `ledger.${n}`;

/** What happens to a set: a stretch of the ledger is read, somebody is urged, or the next few are published. */
const happening = fc.oneof(
  fc.record({ is: fc.constant('read' as const), ids: fc.array(fc.nat(5), { maxLength: 6 }) }),
  fc.record({ is: fc.constant('urge' as const), id: fc.nat(5) }),
  fc.record({ is: fc.constant('publish' as const), most: fc.integer({ min: 1, max: 3 }), lagging: fc.boolean() }),
);

describe('the recipients whose state is to be published', () => {
  it('hold the checkpoint back until a state that knows their newest event is published', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
        const set = new DirtySet(undefined);
        const newest = new Map<number, number>();
        const published = new Map<number, number>();
        let head = 0;
        for (const one of happenings) {
          if (one.is === 'read') {
            const touched = one.ids.map((id) => ({ kind: 'recipient' as const, id: String(id), position: at(++head) }));
            for (const { id, position } of touched) newest.set(Number(id), Number(position.slice(7)));
            set.add(touched, at(head), undefined);
          } else if (one.is === 'urge') {
            set.urge({ kind: 'recipient', id: String(one.id) }, at(newest.get(one.id) ?? 0));
          } else {
            const copiedTo = one.lagging ? Math.floor(head / 2) : head;
            const taken = set.next(one.most).filter((entry: Dirty) => set.remove(entry, at(copiedTo)));
            for (const { id } of taken) published.set(Number(id), copiedTo);
            set.settle(taken);
          }
          for (const [id, position] of newest) {
            const isTold = (published.get(id) ?? -1) >= position;
            const isPassed = set.published !== undefined && hasReached(set.published, at(position));
            expect(isTold || !isPassed).toBe(true);
          }
        }
      }),
    );
  });

  it('come first where they are urgent, else in the order of the ledger', () => {
    const set = new DirtySet(undefined);
    const touched = ['a', 'b', 'c'].map((id, n) => ({ kind: 'recipient' as const, id, position: at(n + 1) }));
    set.add(touched, at(3), undefined);
    set.urge({ kind: 'recipient', id: 'c' }, at(3));
    expect(set.next(3).map(({ id }) => id)).toEqual(['c', 'a', 'b']);
  });

  it('are preferred up to a limit, and come in the order of the ledger beyond it', () => {
    const set = new DirtySet(undefined, 2);
    const touched = ['a', 'b', 'c'].map((id, n) => ({ kind: 'recipient' as const, id, position: at(n + 1) }));
    set.add(touched, at(3), undefined);
    for (const id of ['d', 'c', 'b', 'e']) set.prefer({ kind: 'recipient', id }, at(9));
    expect(set.next(9).map(({ id }) => id)).toEqual(['d', 'c', 'a', 'b']);
    set.urge({ kind: 'recipient', id: 'b' }, at(9));
    expect(set.next(9).map(({ id }) => id)).toEqual(['d', 'c', 'b', 'a']);
  });
});
