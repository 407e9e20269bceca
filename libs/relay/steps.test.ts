import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Steps, type Step } from './steps.js';

const at = (n: number) => `ledger.${n}`;

/** A stretch with so many things to be done is begun, or one thing of those begun is done. */
const happening = fc.oneof(
  fc.record({ is: fc.constant('begin' as const), left: fc.nat(2) }),
  fc.record({ is: fc.constant('finish' as const), which: fc.nat(20) }),
);

describe('stretches of the ledger', () => {
  it('are done up to the first that is not, in whatever order their things are done', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
        const steps = new Steps(at(0));
        const todo: { readonly step: Step; readonly n: number }[] = [];
        let head = 0;
        for (const one of happenings) {
          if (one.is === 'begin') {
            const n = ++head;
            const step = steps.begin(at(n), one.left, n);
            for (let things = 0; things < one.left; things += 1) todo.push({ step, n });
          } else if (todo.length > 0) {
            const [done] = todo.splice(one.which % todo.length, 1);
            if (done) steps.finishOne(done.step);
          }
          const oldest = Math.min(...todo.map(({ n }) => n));
          expect(steps.position).toBe(at(todo.length === 0 ? head : oldest - 1));
          expect(steps.oldestMs).toBe(todo.length === 0 ? undefined : oldest);
        }
      }),
    );
  });

  it('take little room where they are done and only wait for one that is not', () => {
    const steps = new Steps(undefined);
    const stuck = steps.begin(at(1), 1);
    for (let n = 2; n < 100; n += 2) {
      steps.begin(at(n), 0);
      steps.finishOne(steps.begin(at(n + 1), 1));
      expect(steps.size).toBeLessThan(4);
    }
    expect(steps.position).toBeUndefined();
    steps.finishOne(stuck);
    expect(steps.position).toBe(at(99));
  });
});
