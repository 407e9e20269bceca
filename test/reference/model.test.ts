import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { judge, type Verdict } from '#consent';
import { answeringState, history, PEOPLE, question } from './histories.js';
import { ReferenceModel, type Answer } from './model.js';
import { runs } from './runs.js';

function answerOf({ basis, ...verdict }: Verdict): Answer {
  return { ...verdict, ...(basis ? { basis: basis.eventId } : {}) };
}

describe('the reference model', () => {
  it('agrees with fold, join and judge on every question about a random history', () => {
    const questions = fc.array(question, { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(history, questions, (happened, asked) => {
        const model = new ReferenceModel(happened);
        for (const recipientId of PEOPLE) {
          const state = answeringState(happened, recipientId);
          for (const one of asked) {
            expect(answerOf(judge(state, one))).toEqual(model.answer(recipientId, one));
          }
        }
      }),
      runs(2_000),
    );
  });
});
