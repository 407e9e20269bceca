import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EMPTY_STATE, instantOf, keepGrant, keepLink, type RecipientState } from '#consent';
import { encode, isUnderstood, readStateRecord, stateRecordOf } from '#contracts';
import { TooLong, isRecipientId } from '#packed';
import { RECIPIENTS, randomLedgers } from '../random-ledger.js';
import type { KeptState } from './pack-state.js';
import { PackedStates } from './packed-states.js';
import { instantAt, msOf } from './packed-instant.js';

/** As a value that can be compared: what is kept is read from its bytes when it is looked at. */
function plain(kept: KeptState | undefined, recipientId = '') {
  return kept && stateRecordOf({ ...kept, businessId: kept.businessId, position: kept.position, recipientId });
}

/** As it comes from the topic. */
function read(state: RecipientState, recipientId: string, position = 'ledger-1.5'): KeptState {
  const record = readStateRecord(encode(stateRecordOf({ businessId: 'acme', recipientId, position, state })));
  if (!isUnderstood(record)) throw new Error(record.notUnderstood);
  return record;
}

const basis = (eventId: string, occurredAt = '2026-01-01T00:00:00.000Z') => ({
  ...{ eventId, type: 'ConsentGranted', stream: 'consent-x', revision: '' },
  ...{ occurredAt, recordedAt: occurredAt },
});

/** `GRANTS[n]` has n of them. */
const GRANTS: readonly RecipientState[] = Array.from({ length: 61 }, (_, grants) => {
  const cells = Array.from({ length: grants }, (__, n) => ({
    ...({ channel: 'sms', purpose: `p${n}` } as const),
    ...basis(`event-${n}`),
  }));
  return { ...EMPTY_STATE, grants: cells };
});

describe('packed states', () => {
  it('are what was put last, over any puts, however the table and its chunks move', () => {
    const ids = Array.from({ length: 3_000 }, (_, n) => createHash('sha256').update(`${n}`).digest('base64url'));
    const puts = fc.array(fc.tuple(fc.nat(ids.length - 1), fc.nat(60)), { minLength: 8_000, maxLength: 9_000 });
    fc.assert(
      fc.property(puts, (all) => {
        const states = new PackedStates();
        const model = new Map<string, number>();
        for (const [n, grants] of all) {
          const id = ids[n] as string;
          states.put(id, { businessId: 'acme', position: `ledger.${grants}`, state: GRANTS[grants] as RecipientState });
          model.set(id, grants);
        }
        expect(states.size).toBe(model.size);
        for (const id of ids) {
          const kept = states.get(id);
          expect([kept?.position, kept?.state.grants.length]).toEqual(
            model.has(id) ? [`ledger.${model.get(id)}`, model.get(id)] : [undefined, undefined],
          );
        }
        expect([...states.entries()].map(([id]) => id).sort()).toEqual([...model.keys()].sort());
      }),
      { numRuns: 3 },
    );
  });

  it('give back every state that a record can hold', () => {
    fc.assert(
      fc.property(randomLedgers(fc), fc.constantFrom(...RECIPIENTS), (ledger, recipientId) => {
        const kept = read(ledger.stateOf(recipientId) ?? EMPTY_STATE, recipientId);
        const states = new PackedStates();
        states.put(recipientId, kept);
        expect(plain(states.get(recipientId), recipientId)).toEqual(plain(kept, recipientId));
      }),
      { numRuns: 500 },
    );
  });

  it('keep what does not pack well as it is written', () => {
    const [id] = RECIPIENTS as [string];
    let state = keepGrant(EMPTY_STATE, {
      ...{ channel: 'rcs', purpose: 'a purpose whose name is '.repeat(30), expiresAt: '0001-02-03T04:05:06.007Z' },
      ...basis('Not-a-UUID', '0000-01-01T00:00:00.000Z'),
    });
    state = keepLink(state, { recipientId: 'no hash', unlink: basis('0F3A1C2E-aaaa-8bbb-8ccc-1234567890ab') });
    const states = new PackedStates();
    for (const position of ['', 'ledger', 'ledger.007', 'a.b.9007199254740991', 'ledger.-1']) {
      const kept = { businessId: '', position, state };
      states.put(id, kept);
      expect(plain(states.get(id))).toEqual(plain(kept));
    }
  });

  it('refuse a state that is too long, and stay as they are', () => {
    const [id] = RECIPIENTS as [string];
    const states = new PackedStates();
    const kept = { businessId: 'acme', position: 'ledger.1', state: GRANTS[1] as RecipientState };
    states.put(id, kept);
    expect(() => states.put(id, { ...kept, state: { ...EMPTY_STATE, grants: longList() } })).toThrow(TooLong);
    expect(states.get(id)?.state.grants).toHaveLength(1);
  });

  it('give back the room of what was replaced', () => {
    const states = new PackedStates();
    const ids = Array.from({ length: 2_000 }, (_, n) => createHash('sha256').update(`${n}`).digest('base64url'));
    const put = (grants: number) => {
      const state = GRANTS[grants] as RecipientState;
      for (const id of ids) states.put(id, { businessId: 'acme', position: 'ledger.1', state });
    };
    put(60);
    const { bytes } = states;
    for (let round = 0; round < 10; round++) {
      put(10 + round * 5);
      put(60);
    }
    expect(states.bytes).toBeLessThan(8 * bytes);
    expect(states.get(ids[7] as string)?.state.grants).toHaveLength(60);
  });
});

function longList() {
  return Array.from({ length: 20_000 }, (_, n) => ({
    ...{ channel: 'sms', purpose: `p${n}` },
    ...basis(`event-${n}`),
  })) as unknown as RecipientState['grants'];
}

describe('a recipient id', () => {
  it('is 43 characters of base64url in the one spelling that a hash has', () => {
    const id = createHash('sha256').update('x').digest('base64url');
    expect(isRecipientId(id)).toBe(true);
    for (const wrong of [
      id.slice(1),
      `${id}A`,
      `${id.slice(0, 42)}B`,
      `${id.slice(0, 20)}=${id.slice(21)}`,
      7,
      undefined,
    ])
      expect(isRecipientId(wrong)).toBe(false);
  });
});

describe('an instant', () => {
  it('comes back from its milliseconds as it was written', () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(0, 0, 1), max: Date.UTC(9999, 11, 31) }), (ms) => {
        expect(instantAt(ms)).toBe(instantOf(ms));
        expect(msOf(instantOf(ms))).toBe(ms);
      }),
    );
  });
});
