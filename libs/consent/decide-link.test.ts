import { describe, expect, it } from '@jest/globals';
import type { RecipientLinked, RecipientUnlinked } from './consent.js';
import { fold } from './consent.js';
import { decideLink, decideUnlink, otherHalfOf, type Link } from './decide-link.js';
import { readClaimedTime } from './instant.js';
import { activeLinks } from './linked.js';
import { EMPTY_STATE, type RecipientState } from './state.js';

const NOW = '2026-05-04T12:00:00.000Z';

function said(claimedText: string | undefined, more: Partial<Link> = {}): Link {
  const claim = claimedText === undefined ? {} : { claimedText };
  const claimed = readClaimedTime(claimedText);
  return { businessId: 'acme', other: 'b', kind: 'same_person', claimed, ...claim, now: NOW, ...more };
}

const OLD = { kind: 'changed_number', role: 'old' } as const;
const NEW = { kind: 'changed_number', role: 'new' } as const;

function linked(...args: Parameters<typeof said>): RecipientLinked {
  const decision = decideLink(EMPTY_STATE, said(...args));
  if ('refused' in decision) throw new Error(decision.refused);
  return decision.event;
}

function unlinked(claimedText: string, now = NOW, state = EMPTY_STATE) {
  const decision = decideUnlink(state, said(claimedText, { now }));
  if ('refused' in decision) throw new Error(decision.refused);
  return decision;
}

function after(...events: readonly (RecipientLinked | RecipientUnlinked)[]): RecipientState {
  const origin = { stream: 'consent-a', revision: '0', recordedAt: NOW };
  return events.reduce((state, event, n) => fold(state, event, { ...origin, eventId: `e-${n}` }), EMPTY_STATE);
}

describe('a link', () => {
  it('counts from when it is said to be so, and keeps what the source said where that is another time', () => {
    expect(linked('2026-05-03T10:00:00.250Z')).toEqual({
      type: 'RecipientLinked',
      data: { businessId: 'acme', other: 'b', kind: 'same_person', occurredAt: '2026-05-03T10:00:00.250Z' },
    });
    expect(linked('2026-05-03T12:00:00.250+02:00').data).toMatchObject({
      occurredAt: '2026-05-03T10:00:00.250Z',
      claimedAt: '2026-05-03T12:00:00.250+02:00',
    });
  });

  it('never counts later than now, and is refused undated or more than five minutes ahead', () => {
    expect(linked('2026-05-04T12:05:00.000Z').data.occurredAt).toBe(NOW);
    expect(decideLink(EMPTY_STATE, said('2026-05-04T12:05:00.001Z'))).toEqual({ refused: 'OCCURRED_IN_FUTURE' });
    expect(decideLink(EMPTY_STATE, said(undefined))).toEqual({ refused: 'OCCURRED_AT_REQUIRED' });
    expect(decideLink(EMPTY_STATE, said('soon'))).toEqual({ refused: 'OCCURRED_AT_REQUIRED' });
  });

  it('of a day or a second revokes the number left behind as late, and lets grants pass only as early, as it can mean', () => {
    expect(linked('2026-05-01', OLD).data.occurredAt).toBe('2026-05-02T11:59:59.999Z');
    expect(linked('2026-05-01', NEW).data.occurredAt).toBe('2026-04-30T10:00:00.000Z');
    expect(linked('2026-05-01').data.occurredAt).toBe('2026-04-30T10:00:00.000Z');
    expect(linked('2026-05-01T10:00:00Z', OLD).data.occurredAt).toBe('2026-05-01T10:00:00.999Z');
    expect(linked('2026-05-01T10:00:00Z', NEW).data.occurredAt).toBe('2026-05-01T10:00:00.000Z');
    expect(linked('2026-05-04', OLD).data.occurredAt).toBe(NOW);
  });

  it('has no effect where a later link or unlinking of the two is known', () => {
    const link = said('2026-05-03T10:00:00.000Z');
    expect(decideLink(after(unlinked('2026-05-03T11:00:00.000Z').event), link)).toMatchObject({
      ineffectiveBecause: 'UNLINKED_LATER',
    });
    expect(decideLink(after(linked('2026-05-03T11:00:00.000Z', OLD)), link)).toMatchObject({
      ineffectiveBecause: 'LINKED_LATER',
    });
    const before = after(unlinked('2026-05-03T09:00:00.000Z').event, linked('2026-05-03T10:00:00.000Z'));
    expect(decideLink(before, link)).not.toHaveProperty('ineffectiveBecause');
    const atOnce = after(unlinked('2026-05-03T09:59:59.999Z').event);
    expect(decideLink(atOnce, link)).not.toHaveProperty('ineffectiveBecause');
    expect(decideLink(after(unlinked('2026-05-03T11:00:00.000Z').event), { ...link, other: 'c' })).not.toHaveProperty(
      'ineffectiveBecause',
    );
  });
});

describe('an unlinking', () => {
  it.each([
    ['an instant', '2026-05-03T10:00:00.250Z', '2026-05-03T10:00:00.251Z'],
    ['a second', '2026-05-03T10:00:00Z', '2026-05-03T10:00:01.000Z'],
    ['a day', '2026-05-01', '2026-05-02T12:00:00.000Z'],
    ['a moment ago', NOW, NOW],
  ])('of %s counts from the millisecond after all that it can mean, and never later than now', (_, text, expected) => {
    expect(unlinked(text).event.data.occurredAt).toBe(expected);
  });

  it.each(['2026-05-03T10:00:00.250Z', '2026-05-03T10:00:00Z', '2026-05-01', '2026-05-04', NOW])(
    'undoes the link that was made with the same time, %s, on either side',
    (text) => {
      for (const role of [OLD, NEW, {}]) {
        const link = linked(text, role);
        const { event, ineffectiveBecause } = unlinked(text, '2026-05-04T12:00:00.001Z', after(link));
        expect(ineffectiveBecause).toBeUndefined();
        expect(activeLinks(after(link, event))).toEqual([]);
      }
    },
  );

  it('counts where no link is known, or only that they were unlinked before', () => {
    const before = after(unlinked('2026-05-03T09:00:00.000Z').event);
    for (const state of [EMPTY_STATE, before]) {
      expect(unlinked('2026-05-03T10:00:00.000Z', NOW, state).ineffectiveBecause).toBeUndefined();
    }
  });

  it('says so where a link counts as late or later', () => {
    const link = after(linked('2026-05-03T10:00:00.000Z'));
    expect(unlinked('2026-05-03T09:59:59.999Z', NOW, link).ineffectiveBecause).toBe('LINKED_LATER');
    expect(unlinked('2026-05-03T10:00:00.000Z', NOW, link).ineffectiveBecause).toBeUndefined();
    expect(decideUnlink(EMPTY_STATE, said('2026-05-04T12:05:00.001Z'))).toEqual({ refused: 'OCCURRED_IN_FUTURE' });
  });
});

describe('the other half', () => {
  it.each(['2026-05-03T10:00:00.250Z', '2026-05-03T10:00:00Z', '2026-05-01', '2026-05-04', '2026-05-04T12:04:00Z'])(
    'of a link as of %s is what the command itself would have written there',
    (text) => {
      for (const [ours, theirs] of [
        [OLD, NEW],
        [NEW, OLD],
        [{}, {}],
      ] as const) {
        expect(otherHalfOf('a', linked(text, ours), NOW)).toEqual(linked(text, { ...theirs, other: 'a' }));
      }
    },
  );

  it('of an unlinking says the same of the other recipient', () => {
    const { event } = unlinked('2026-05-01');
    expect(otherHalfOf('a', event, NOW)).toEqual({ ...event, data: { ...event.data, other: 'a' } });
  });
});
