import { describe, expect, it } from '@jest/globals';
import { fold, type ConsentEvent } from './consent.js';
import { decideErasure, type Erasure } from './decide-erasure.js';
import { judge } from './eligibility.js';
import { EMPTY_STATE, type RecipientState } from './state.js';
import { CATEGORIES, CHANNELS } from './vocabulary.js';

const NOW = '2026-05-01T12:00:00.000Z';
const AHEAD = '2026-05-01T12:04:00.000Z';
const erasure: Erasure = { businessId: 'acme', now: NOW };
const facts = { businessId: 'acme' } as const;

function after(...events: readonly ConsentEvent[]): RecipientState {
  return events.reduce((state, event, index) => {
    const origin = { eventId: `e${index}`, stream: 'consent-r', revision: `${index}`, recordedAt: AHEAD };
    return fold(state, event, origin);
  }, EMPTY_STATE);
}

const grant = (occurredAt: string): ConsentEvent => ({
  type: 'ConsentGranted',
  data: { ...facts, channels: [...CHANNELS], purposes: [...CATEGORIES], method: 'web_form', occurredAt },
});
const message = (occurredAt: string): ConsentEvent => ({
  type: 'UserMessaged',
  data: { ...facts, channel: 'whatsapp', sender: 'shop', kind: 'message', occurredAt },
});
const stop = (occurredAt: string): ConsentEvent => ({
  type: 'ConsentRevoked',
  data: {
    ...facts,
    channels: ['whatsapp'],
    purposes: [],
    categories: ['*'],
    method: 'keyword',
    occurredAt,
    confirmUntil: '2026-05-01T12:09:00.000Z',
  },
});

describe('an erasure', () => {
  it('becomes an event that says when and on whose request, and nothing else', () => {
    expect(decideErasure(EMPTY_STATE, { ...erasure, requestedBy: 'person' })).toEqual({
      type: 'RecipientErased',
      data: { businessId: 'acme', occurredAt: NOW, requestedBy: 'person' },
    });
    expect(Object.keys(decideErasure(EMPTY_STATE, erasure).data)).toEqual(['businessId', 'occurredAt']);
  });

  it.each([
    ['a grant', after(grant(AHEAD)), undefined],
    ['a message', after(message(AHEAD)), undefined],
    ['an opt-out', after(stop(AHEAD)), undefined],
    ['a message that the state does not hold', EMPTY_STATE, AHEAD],
  ])('is not outlived by %s of a clock that runs ahead', (_what, state, newestContactAt) => {
    const told = newestContactAt === undefined ? erasure : { ...erasure, newestContactAt };
    expect(decideErasure(state, told).data.occurredAt).toBe(AHEAD);
  });

  it('is not outlived by what somebody linked to the person has, either', () => {
    expect(decideErasure(EMPTY_STATE, { ...erasure, newestLinkedAt: AHEAD }).data.occurredAt).toBe(AHEAD);
    const earlier = '2026-05-01T11:00:00.000Z';
    expect(decideErasure(EMPTY_STATE, { ...erasure, newestLinkedAt: earlier }).data.occurredAt).toBe(NOW);
  });

  it('denies every purpose on every channel, whatever came before', () => {
    const story = [grant('2026-05-01T11:00:00.000Z'), message(AHEAD), stop('2026-05-01T11:30:00.000Z'), grant(AHEAD)];
    const state = after(...story, decideErasure(after(...story), erasure));
    for (const channel of CHANNELS) {
      for (const category of CATEGORIES) {
        const question = { channel, purpose: category, category, requires: 'no_objection', now: AHEAD } as const;
        expect({ channel, category, ...judge(state, question) }).toMatchObject({
          channel,
          category,
          reason: 'REVOKED',
        });
      }
    }
    const confirmation = { purpose: 'opt_out_confirmation', category: 'service', requires: 'consent' } as const;
    const verdict = judge(state, { ...confirmation, channel: 'whatsapp', now: AHEAD });
    expect(verdict).toMatchObject({ eligible: false, reason: 'NO_RECENT_OPT_OUT' });
  });
});
