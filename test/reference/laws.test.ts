import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { activeLinks, EMPTY_STATE, join, judge, latestObjection, type RecipientState } from '#consent';
import {
  anyGrant,
  anyNo,
  answeringState,
  changedNumber,
  foldAll,
  history,
  instant,
  onePersonHistory,
  PEOPLE,
  question,
  samePerson,
  stateOf,
  unlinkedHistory,
  type Stored,
} from './histories.js';
import type { Happening } from './happening.js';
import { runs } from './runs.js';

/** Parts of one history, which overlap: states that know different things about the same events. */
const parts = history.chain((happened) => fc.tuple(part(happened), part(happened), part(happened)));
function part(happened: readonly Happening[]): fc.Arbitrary<readonly Happening[]> {
  return fc.shuffledSubarray([...happened]);
}

describe('the join', () => {
  it('is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(parts, ([one, two, three]) => {
        const [a, b, c] = [foldAll(one), foldAll(two), foldAll(three)];
        expect(join(a, b)).toEqual(join(b, a));
        expect(join(join(a, b), c)).toEqual(join(a, join(b, c)));
        expect(join(a, a)).toEqual(a);
        expect(join(a, EMPTY_STATE)).toEqual(a);
        expect(join(EMPTY_STATE, a)).toEqual(a);
      }),
      runs(1_000),
    );
  });

  it('of two folds is the fold of all their events', () => {
    fc.assert(
      fc.property(parts, ([one, two]) => {
        expect(join(foldAll(one), foldAll(two))).toEqual(foldAll([...one, ...two]));
      }),
      runs(1_000),
    );
  });

  it('gives one state for any order and any repetition, also where a store kept an event twice', () => {
    const repeated = history.chain((happened) => {
      const twice: Stored[] = happened.flatMap((one) => [
        one,
        one,
        { ...one, revision: '9' },
        { ...one, revision: '10' },
      ]);
      return fc.tuple(fc.constant(happened), fc.shuffledSubarray(twice), fc.constant(twice));
    });
    fc.assert(
      fc.property(repeated, ([happened, some, all]) => {
        expect(foldAll([...some, ...happened])).toEqual(foldAll(happened));
        expect(foldAll([...all].reverse())).toEqual(foldAll(happened));
      }),
      runs(500),
    );
  });
});

describe('linked recipients', () => {
  it('of one person answer from the fold of all their events', () => {
    fc.assert(
      fc.property(onePersonHistory, (happened) => {
        for (const recipientId of PEOPLE) {
          const members = membersOf(happened, recipientId);
          const theirs = happened.filter((one) => members.has(one.recipientId));
          expect(withoutLinks(answeringState(happened, recipientId))).toEqual(withoutLinks(foldAll(theirs)));
        }
      }),
      runs(1_000),
    );
  });

  it('keep apart what the old and the next owner of a number allow, even where a user id was linked to both', () => {
    const moved = fc
      .record({ before: instant, change: instant, after: instant })
      .filter(({ before, change, after }) => {
        return before <= change && change < after;
      });
    fc.assert(
      fc.property(unlinkedHistory, moved, question, (happened, { before, change, after }, asked) => {
        const story = [
          ...happened,
          ...linked([changedNumber('ada', 'bea', 'old', change), changedNumber('bea', 'ada', 'new', change)]),
          ...linked([samePerson('cleo', 'ada', before), samePerson('ada', 'cleo', before)]),
          ...linked([samePerson('cleo', 'bea', after), samePerson('bea', 'cleo', after)]),
        ];
        for (const recipientId of ['bea', 'cleo']) {
          const { basis, reason } = judge(answeringState(story, recipientId), asked);
          const isTheNextOwners = basis?.stream.endsWith('-ada') && basis.occurredAt > change;
          expect(isTheNextOwners && ['CONSENTED', 'SERVICE_WINDOW_OPEN'].includes(reason)).not.toBe(true);
        }
        const { basis, reason } = judge(answeringState(story, 'ada'), asked);
        if (reason === 'CONSENTED') {
          expect(basis?.stream).toBe('consent-ada');
          expect(basis && basis.occurredAt > change).toBe(true);
        }
      }),
      runs(2_000),
    );
  });
});

describe('a no', () => {
  const recipientId = fc.constantFrom(...PEOPLE);

  it('never turns a no into a yes, but for the one message that confirms it', () => {
    fc.assert(
      fc.property(history, recipientId, anyNo, question, (happened, sayer, event, asked) => {
        const later = [...happened, { recipientId: sayer, event, eventId: '50-no' }];
        for (const recipientId of PEOPLE) {
          const before = judge(answeringState(happened, recipientId), asked);
          const after = judge(answeringState(later, recipientId), asked);
          const isConfirmation = after.reason === 'OPT_OUT_CONFIRMATION';
          expect(after.eligible && !before.eligible && !isConfirmation).toBe(false);
        }
      }),
      runs(2_000),
    );
  });

  it('is not outdone by a grant that is not later', () => {
    fc.assert(
      fc.property(history, recipientId, anyGrant, question, (happened, giver, grant, asked) => {
        const later = [...happened, { recipientId: giver, event: grant, eventId: '50-grant' }];
        for (const recipientId of PEOPLE) {
          const state = answeringState(happened, recipientId);
          const objection = latestObjection(state, asked);
          if (!objection || grant.data.occurredAt > objection.occurredAt) continue;
          const after = judge(answeringState(later, recipientId), asked);
          expect(after.eligible && !judge(state, asked).eligible).toBe(false);
        }
      }),
      runs(2_000),
    );
  });
});

describe('an answer', () => {
  it('holds until its validUntil and not after', () => {
    fc.assert(
      fc.property(history, question, (happened, asked) => {
        for (const recipientId of PEOPLE) {
          const state = answeringState(happened, recipientId);
          const verdict = judge(state, asked);
          if (!verdict.eligible) continue;
          const end = Date.parse(verdict.validUntil ?? '9999-01-01T00:00:00.000Z');
          const { windowOpenUntil: _, ...justBefore } = judge(state, {
            ...asked,
            now: new Date(end - 1).toISOString(),
          });
          expect(justBefore).toEqual({ ...verdict, windowOpenUntil: undefined });
          if (verdict.validUntil === undefined) continue;
          expect(judge(state, { ...asked, now: verdict.validUntil }).reason).not.toBe(verdict.reason);
        }
      }),
      runs(2_000),
    );
  });
});

function linked(halves: readonly Omit<Happening, 'eventId'>[]): Happening[] {
  return halves.map((half, index) => ({ ...half, eventId: `link-${half.recipientId}-${index}` }));
}

function membersOf(happened: readonly Happening[], recipientId: string): ReadonlySet<string> {
  const members = new Set([recipientId]);
  for (const id of members) for (const link of activeLinks(stateOf(happened, id))) members.add(link.recipientId);
  return members;
}

function withoutLinks(state: RecipientState): RecipientState {
  return { ...state, links: [] };
}
