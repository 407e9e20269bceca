import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EMPTY_STATE, fold, join, joinLinked, judge, type RecipientState, type Verdict } from '#consent';
import {
  changeRecordOf,
  encode,
  isUnderstood,
  noOf,
  readChangeRecord,
  readStateRecord,
  stateRecordOf,
  toldUnder,
  withoutLinks,
  type NotUnderstood,
  type ReadChange,
} from '#contracts';
import { faultsInOwn } from '../../libs/contracts/contract.js';
import type { Happening } from './happening.js';
import { answeringState, history as anyHistory, PEOPLE, question, stateOf } from './histories.js';
import { runs } from './runs.js';

/** A revocation that stops nothing stands in no ledger: whoever reads it takes it for unreadable. */
const history = anyHistory.map((happened) =>
  happened.filter(
    ({ event }) => event.type !== 'ConsentRevoked' || event.data.purposes.length + event.data.categories.length > 0,
  ),
);

/** What a consumer decides from the records is what the ledger decides from its states. */
const asked = fc.record({ recipientId: fc.constantFrom(...PEOPLE), question });

describe('a state record', () => {
  it('decides as the state that it was made of, also joined with those of linked recipients', () => {
    fc.assert(
      fc.property(history, fc.array(asked, { minLength: 1, maxLength: 8 }), (happened, questions) => {
        const states = new Map(PEOPLE.map((id) => [id as string, carried(id, stateOf(happened, id))]));
        for (const { recipientId, question } of questions) {
          const own = states.get(recipientId) as RecipientState;
          const joined = joinLinked(recipientId, own, (id) => states.get(id));
          expect(shown(judge(joined, question))).toEqual(shown(judge(answeringState(happened, recipientId), question)));
        }
      }),
      runs(600),
    );
  });

  it('read and made again is the same record', () => {
    fc.assert(
      fc.property(history, (happened) => {
        const record = recordOf('ada', stateOf(happened, 'ada'));
        const again = recordOf('ada', carried('ada', stateOf(happened, 'ada')));
        expect(Buffer.from(encode(again)).toString()).toBe(Buffer.from(encode(record)).toString());
      }),
      runs(100),
    );
  });
});

describe('a change record', () => {
  it('says what the event says, also under a linked key', () => {
    fc.assert(
      fc.property(history, asked, (happened, { question }) => {
        for (const { event, ...from } of happened) {
          const { event: read } = told({ event, ...from });
          const origin = originOf({ event, ...from });
          expect(shown(judge(fold(EMPTY_STATE, read, origin), question))).toEqual(
            shown(judge(fold(EMPTY_STATE, event, origin), question)),
          );
          expect({ type: read.type, at: read.data.occurredAt }).toEqual({
            type: event.type,
            at: event.data.occurredAt,
          });
        }
      }),
      runs(150),
    );
  });

  it('denies by its no what its event denies, and allows nothing', () => {
    fc.assert(
      fc.property(history, history, asked, (before, after, { recipientId, question }) => {
        const known = stateOf(before, recipientId);
        const own = after.filter((one) => one.recipientId === recipientId);
        const noes = own.map((one) => noOf(told(one)) ?? EMPTY_STATE);
        const withNoes = judge(noes.reduce(join, known), question);
        expect(withNoes.eligible && !judge(known, question).eligible).toBe(false);
        const saidNo = own.filter((one) => noOf(told(one)) !== undefined);
        const withEvents = judge(
          saidNo.reduce((state, one) => fold(state, one.event, originOf(one)), known),
          question,
        );
        if (question.purpose !== 'opt_out_confirmation') expect(shown(withNoes)).toEqual(shown(withEvents));
      }),
      runs(600),
    );
  });

  /** What `noOf` says of links: decided with them and without them, a no that came ahead of the states never allows. */
  it('denies ahead of the state records, and allows nothing over links that they do not have', () => {
    let timesEligible = 0;
    const lateBy = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(history, lateBy, asked, (happened, late, { recipientId, question }) => {
        const inStates = happened.filter((_, index) => !late[index]);
        const ahead = happened.filter((one, index) => late[index] && ALLOWING[one.event.type] === undefined);
        const noes = ahead.map((one) => ({ recipientId: one.recipientId, no: noOf(read(one)) ?? EMPTY_STATE }));
        const states = new Map(PEOPLE.map((id) => [id as string, stateOf(inStates, id)]));
        const verdicts = [noes, noes.map(({ no, recipientId }) => ({ recipientId, no: withoutLinks(no) }))].map(
          (some) => judge(joinedWith(states, some, recipientId), question),
        );
        const eligible = verdicts.every((verdict) => verdict.eligible);
        const byStates = judge(answeringState(inStates, recipientId), question).eligible;
        const byAll = judge(answeringState([...inStates, ...ahead], recipientId), question).eligible;
        if (!eligible) return;
        expect({ byStates, byAll }).toEqual({ byStates: true, byAll: true });
        if (inStates.length < happened.length) timesEligible += 1;
      }),
      runs(4_000),
    );
    expect(timesEligible).toBeGreaterThan(0);
  });
});

/** The kinds of events whose records are no noes. */
const ALLOWING: Partial<Record<Happening['event']['type'], true>> = {
  ConsentGranted: true,
  PreferenceResumed: true,
  UserMessaged: true,
};

interface No {
  readonly recipientId: string;
  readonly no: RecipientState;
}

/** The states of the records, each with the noes that came ahead of it. */
function joinedWith(states: ReadonlyMap<string, RecipientState>, noes: readonly No[], recipientId: string) {
  const stateNow = (id: string) =>
    noes
      .filter((one) => one.recipientId === id)
      .reduce((state, { no }) => join(state, no), states.get(id) as RecipientState);
  return joinLinked(recipientId, stateNow(recipientId), stateNow);
}

function originOf({ recipientId, eventId, event }: Happening) {
  const stream = event.type === 'UserMessaged' ? `conversation-${recipientId}` : `consent-${recipientId}`;
  return { eventId, stream, revision: '0', recordedAt: event.data.occurredAt };
}

/** An event on its way through Kafka. */
function read(happening: Happening): ReadChange {
  const { event, recipientId } = happening;
  return understood(readChangeRecord(encode(changeRecordOf(event, originOf(happening), recipientId))));
}

/** The same, and that its records are as their schema says. */
function told(happening: Happening): ReadChange {
  const record = changeRecordOf(happening.event, originOf(happening), happening.recipientId);
  expect(faultsInOwn('change', record)).toEqual([]);
  expect(faultsInOwn('change', toldUnder(record, 'zoe'))).toEqual([]);
  const underLinked = understood(readChangeRecord(encode(toldUnder(record, 'zoe'))));
  const { event, ...own } = read(happening);
  expect(underLinked).toMatchObject({ ...own, recipientId: 'zoe', linkedFrom: happening.recipientId });
  return { event, ...own };
}

function recordOf(recipientId: string, state: RecipientState) {
  const record = stateRecordOf({ businessId: 'acme', recipientId, position: 'ledger.7', state });
  expect(faultsInOwn('state', record)).toEqual([]);
  return record;
}

/** A state on its way through Kafka. */
function carried(recipientId: string, state: RecipientState): RecipientState {
  const read = understood(readStateRecord(encode(recordOf(recipientId, state))));
  expect(read).toMatchObject({ businessId: 'acme', recipientId, position: 'ledger.7' });
  return read.state;
}

function understood<T extends object>(read: T | NotUnderstood): T {
  if (!isUnderstood(read)) throw new Error(`${read.notUnderstood} is not understood`);
  return read;
}

function shown({ eligible, reason, basis, validUntil, windowOpenUntil }: Verdict) {
  return { eligible, reason, basis: basis?.eventId, validUntil, windowOpenUntil };
}
