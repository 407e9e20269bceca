import { describe, expect, it } from '@jest/globals';
import { fold, type ConsentEvent } from './consent.js';
import { judge } from './eligibility.js';
import { activeLinks, joinLinked, MAX_LINKED } from './linked.js';
import { EMPTY_STATE, type RecipientState } from './state.js';

const time = (hour: number) => `2026-05-01T${String(hour).padStart(2, '0')}:00:00.000Z`;
const facts = (hour: number) => ({ businessId: 'acme', occurredAt: time(hour) });

function stateOf(recipientId: string, ...events: readonly ConsentEvent[]): RecipientState {
  return events.reduce((state, event, index) => {
    const stream = `consent-${recipientId}`;
    return fold(state, event, { eventId: `${recipientId}-${index}`, stream, revision: '0', recordedAt: time(23) });
  }, EMPTY_STATE);
}

const linked = (other: string, hour: number): ConsentEvent => {
  return { type: 'RecipientLinked', data: { ...facts(hour), other, kind: 'same_person' } };
};
const changed = (other: string, hour: number, role?: 'old' | 'new'): ConsentEvent => {
  const kind = { kind: 'changed_number', ...(role === undefined ? {} : { role }) } as const;
  return { type: 'RecipientLinked', data: { ...facts(hour), other, ...kind } };
};
const unlinked = (other: string, hour: number): ConsentEvent => {
  return { type: 'RecipientUnlinked', data: { ...facts(hour), other } };
};
const granted = (hour: number): ConsentEvent => {
  return { type: 'ConsentGranted', data: { ...facts(hour), channels: ['sms'], purposes: ['offers'], method: 'api' } };
};
const wrote = (hour: number): ConsentEvent => {
  return { type: 'UserMessaged', data: { ...facts(hour), channel: 'sms', sender: 'shop', kind: 'message' } };
};
const revoked = (hour: number, method: 'keyword' | 'block' = 'keyword', confirmUntil?: string): ConsentEvent => {
  const scope = { channels: ['sms'], purposes: [], categories: ['*'] } as const;
  const confirmation = confirmUntil === undefined ? {} : { confirmUntil };
  return { type: 'ConsentRevoked', data: { ...facts(hour), ...scope, method, ...confirmation } };
};
const stopped = (hour: number): ConsentEvent => {
  const scope = { channels: ['sms'], purposes: [], categories: ['marketing'] } as const;
  return { type: 'ConsentRevoked', data: { ...facts(hour), ...scope, method: 'provider_preference', sender: 'shop' } };
};
const resumed = (hour: number): ConsentEvent => {
  return { type: 'PreferenceResumed', data: { ...facts(hour), channel: 'sms', sender: 'shop' } };
};

type People = Readonly<Record<string, readonly ConsentEvent[]>>;

function answering(recipientId: string, people: People): RecipientState {
  const states = new Map(Object.entries(people).map(([id, events]) => [id, stateOf(id, ...events)]));
  return joinLinked(recipientId, states.get(recipientId) ?? EMPTY_STATE, (id) => states.get(id));
}

function reasonFor(recipientId: string, people: People, purpose: 'offers' | 'service' = 'offers', hour = 20) {
  const category = purpose === 'offers' ? 'marketing' : 'service';
  const question = { channel: 'sms', purpose, category, requires: 'consent', now: time(hour) } as const;
  return judge(answering(recipientId, people), question).reason;
}

describe('a link', () => {
  it('holds until it is undone later; on a tie it holds', () => {
    const link = { recipientId: 'b', kind: 'same_person', linkedAt: time(10) };
    expect(activeLinks(stateOf('a', linked('b', 10)))).toEqual([link]);
    expect(activeLinks(stateOf('a', linked('b', 10), unlinked('b', 10)))).toEqual([link]);
    expect(activeLinks(stateOf('a', linked('b', 10), unlinked('b', 11)))).toEqual([]);
    expect(activeLinks(stateOf('a', unlinked('b', 11), linked('b', 12)))).toEqual([{ ...link, linkedAt: time(12) }]);
    expect(activeLinks(stateOf('a', unlinked('b', 11)))).toEqual([]);
    expect(activeLinks(stateOf('a', changed('b', 9, 'new')))).toEqual([
      { recipientId: 'b', kind: 'changed_number', role: 'new', linkedAt: time(9) },
    ]);
  });

  it('that there is none of leaves a state as it is', () => {
    const own = stateOf('a', granted(10));
    expect(joinLinked('a', own, () => stateOf('b', revoked(11)))).toBe(own);
  });

  it('undone takes its noes with it', () => {
    expect(reasonFor('a', { a: [granted(9), linked('b', 10)], b: [linked('a', 10), revoked(11)] })).toBe('REVOKED');
    const people = { a: [granted(9), linked('b', 10), unlinked('b', 12)], b: [linked('a', 10), revoked(11)] };
    expect(reasonFor('a', people)).toBe('CONSENTED');
  });

  it('to somebody of whom nothing is known changes nothing', () => {
    const own = stateOf('a', granted(9), linked('b', 10));
    expect(joinLinked('a', own, () => undefined)).toEqual(own);
  });
});

describe('one person', () => {
  const pair = (a: readonly ConsentEvent[], b: readonly ConsentEvent[]): People => {
    return { a: [linked('b', 10), ...a], b: [linked('a', 10), ...b] };
  };

  it('shares consents, windows, confirmations and resumes', () => {
    expect(reasonFor('b', pair([granted(9)], []))).toBe('CONSENTED');
    expect(reasonFor('b', pair([wrote(12)], []), 'service')).toBe('SERVICE_WINDOW_OPEN');
    expect(reasonFor('b', pair([granted(9), stopped(11)], [resumed(12)]))).toBe('CONSENTED');
    expect(reasonFor('a', pair([granted(9), stopped(11)], [resumed(12)]))).toBe('CONSENTED');
    expect(answering('b', pair([revoked(12, 'keyword', time(13))], [])).confirmations).toMatchObject([
      { stoppedAt: time(12), confirmation: { until: time(13) } },
    ]);
    expect(answering('b', pair([revoked(12)], [])).confirmations).toEqual([{ channel: 'sms', stoppedAt: time(12) }]);
  });

  it('shares every kind of no', () => {
    const erased: ConsentEvent = { type: 'RecipientErased', data: facts(11) };
    const unreadable: ConsentEvent = { type: 'Unreadable', data: { occurredAt: time(11), storedType: 'X' } };
    expect(reasonFor('b', pair([erased], [granted(9)]))).toBe('REVOKED');
    expect(reasonFor('b', pair([unreadable], [granted(9)]))).toBe('STATE_UNREADABLE');
    expect(reasonFor('b', pair([revoked(11, 'block')], [granted(9)]))).toBe('BLOCKED');
    expect(reasonFor('b', pair([stopped(11)], [granted(9)]))).toBe('REVOKED');
    expect(reasonFor('b', pair([resumed(10), stopped(11)], [granted(9)]))).toBe('REVOKED');
  });

  it('is found over any number of links', () => {
    const people = {
      a: [linked('b', 10), granted(9)],
      b: [linked('a', 10), linked('c', 11)],
      c: [linked('b', 11), revoked(12)],
    };
    expect(reasonFor('a', people)).toBe('REVOKED');
    expect(reasonFor('c', { ...people, c: [linked('b', 11)] })).toBe('CONSENTED');
  });

  it(`is answered in full for ${MAX_LINKED} members; beyond that only noes cross`, () => {
    const chain = (events: Readonly<Record<number, ConsentEvent>>): People =>
      Object.fromEntries(
        Array.from({ length: 12 }, (_, n) => {
          const neighbours = [n - 1, n + 1].filter((id) => id >= 0 && id < 12).map((id) => linked(`m${id}`, 10));
          return [`m${n}`, [...neighbours, ...(events[n] ? [events[n]] : [])]];
        }),
      );
    expect(reasonFor('m0', chain({ 7: granted(9) }))).toBe('CONSENTED');
    expect(reasonFor('m0', chain({ 8: granted(9) }))).toBe('NO_CONSENT');
    expect(reasonFor('m0', chain({ 8: wrote(12) }), 'service')).toBe('SERVICE_WINDOW_CLOSED');
    expect(reasonFor('m0', chain({ 7: granted(9), 11: revoked(12) }))).toBe('REVOKED');
    expect(reasonFor('m0', chain({ 7: granted(9), 11: stopped(12) }))).toBe('REVOKED');
  });

  it('does not grow past the limit where a member can be reached in two ways', () => {
    const all = Array.from({ length: 10 }, (_, n) => `m${n}`);
    const people = Object.fromEntries(
      all.map((id) => [id, [...all.filter((other) => other !== id).map((other) => linked(other, 10))]]),
    );
    expect(reasonFor('m0', { ...people, m7: [...(people.m7 ?? []), granted(9)] })).toBe('CONSENTED');
    expect(reasonFor('m0', { ...people, m8: [...(people.m8 ?? []), granted(9)] })).toBe('NO_CONSENT');
    expect(reasonFor('m0', { ...people, m9: [...(people.m9 ?? []), granted(9)] })).toBe('NO_CONSENT');
  });
});

describe('a changed number', () => {
  const move = (a: readonly ConsentEvent[], b: readonly ConsentEvent[] = []): People => {
    return { a: [changed('b', 12, 'old'), ...a], b: [changed('a', 12, 'new'), ...b] };
  };

  it('takes along what was granted until the change, and no window', () => {
    expect(reasonFor('b', move([granted(12)]))).toBe('CONSENTED');
    expect(reasonFor('b', move([granted(13)]))).toBe('NO_CONSENT');
    expect(reasonFor('b', move([wrote(11)]), 'service')).toBe('SERVICE_WINDOW_CLOSED');
    expect(reasonFor('b', move([granted(9)], [revoked(10)]))).toBe('REVOKED');
  });

  it('leaves the old number revoked as of the change, by the link', () => {
    expect(reasonFor('a', move([granted(12)]))).toBe('REVOKED');
    expect(reasonFor('a', move([granted(9)], [granted(15)]))).toBe('REVOKED');
    expect(reasonFor('a', move([granted(13)]))).toBe('CONSENTED');
    expect(reasonFor('a', move([wrote(11)]), 'service')).toBe('REVOKED');
    const [revocation] = answering('a', move([])).revocations;
    expect(revocation).toEqual({
      channel: '*',
      category: '*',
      eventId: 'a-0',
      type: 'RecipientLinked',
      stream: 'consent-a',
      revision: '0',
      occurredAt: time(12),
      recordedAt: time(23),
    });
  });

  it('of which the role is not known is treated as left behind, and nothing crosses', () => {
    expect(reasonFor('a', { a: [changed('b', 12), granted(9)] })).toBe('REVOKED');
    expect(reasonFor('b', { a: [granted(9)], b: [changed('a', 12)] })).toBe('REVOKED');
  });

  it('does not confirm to the next owner what the old one stopped', () => {
    const confirmed = (hour: number) => revoked(hour, 'keyword', time(22));
    expect(answering('a', move([confirmed(12)])).confirmations).toEqual([]);
    expect(answering('a', move([confirmed(13)])).confirmations).toHaveLength(1);
    expect(answering('a', move([revoked(11)])).confirmations).toHaveLength(1);
    expect(answering('b', move([confirmed(11)])).confirmations).toEqual([]);
  });

  it("carries a provider's stop, which its own person's resume lifts and the next owner's does not", () => {
    expect(reasonFor('b', move([granted(9), stopped(10)]))).toBe('REVOKED');
    expect(reasonFor('b', move([granted(9), stopped(10), resumed(11)]))).toBe('CONSENTED');
    expect(reasonFor('b', move([granted(9), stopped(10), resumed(10)]))).toBe('REVOKED');
    expect(reasonFor('b', move([granted(9), stopped(10), resumed(12)]))).toBe('CONSENTED');
    expect(reasonFor('b', move([granted(9), stopped(10), resumed(13)]))).toBe('REVOKED');
    expect(reasonFor('b', move([granted(9), resumed(11)], [stopped(10)]))).toBe('REVOKED');
  });

  it('taken up again and again counts each change', () => {
    const people = {
      a: [changed('b', 10, 'old'), granted(9)],
      b: [changed('a', 10, 'new'), changed('c', 14, 'old')],
      c: [changed('b', 14, 'new')],
    };
    expect(reasonFor('c', people)).toBe('CONSENTED');
    expect(reasonFor('c', { ...people, a: [changed('b', 10, 'old'), granted(11)] })).toBe('NO_CONSENT');
    const wrongOrder = {
      ...people,
      a: [changed('b', 16, 'old'), granted(9)],
      b: [changed('a', 16, 'new'), changed('c', 14, 'old')],
    };
    expect(reasonFor('c', wrongOrder)).toBe('NO_CONSENT');
  });

  it('left twice gives each successor what its own predecessor granted', () => {
    const a = [changed('b', 10, 'old'), changed('c', 14, 'old')];
    const people = (grant: ConsentEvent) => ({
      a: [...a, grant],
      b: [changed('a', 10, 'new')],
      c: [changed('a', 14, 'new')],
    });
    expect([reasonFor('b', people(granted(9))), reasonFor('c', people(granted(9)))]).toEqual([
      'CONSENTED',
      'NO_CONSENT',
    ]);
    expect([reasonFor('b', people(granted(12))), reasonFor('c', people(granted(12)))]).toEqual([
      'NO_CONSENT',
      'CONSENTED',
    ]);
  });

  it('keeps the lives of a number apart in whatever order its changes are told', () => {
    const a = [changed('b', 14, 'old'), changed('c', 10, 'old'), granted(7), stopped(8), resumed(12)];
    const people = { a, b: [changed('a', 14, 'new'), granted(13)], c: [changed('a', 10, 'new'), granted(6)] };
    expect(reasonFor('c', people)).toBe('REVOKED');
    expect(reasonFor('b', { ...people, a: [...a, granted(12)], b: [changed('a', 14, 'new')] })).toBe('CONSENTED');
    const user = [linked('a', 12), granted(15)];
    expect(reasonFor('a', { ...people, a: [...a, linked('user', 12)], user })).toBe('REVOKED');
    expect(
      reasonFor('user', { b: [granted(15)], a: [linked('user', 9), changed('b', 12, 'old')], user: [linked('a', 9)] }),
    ).toBe('NO_CONSENT');
  });

  it('is cut at the change also where the old half of the link is missing', () => {
    const people = (hour: number) => ({ a: [granted(hour)], b: [changed('a', 12, 'new')] });
    expect(reasonFor('b', people(12))).toBe('CONSENTED');
    expect(reasonFor('b', people(13))).toBe('NO_CONSENT');
  });
});

describe('a user id that was linked to a number before its person left it', () => {
  const people = (a: readonly ConsentEvent[], user: readonly ConsentEvent[] = []): People => ({
    a: [linked('user', 10), changed('b', 12, 'old'), ...a],
    b: [changed('a', 12, 'new'), linked('user', 13)],
    user: [linked('a', 10), linked('b', 13), ...user],
  });

  it("keeps its person's consents and gets none of the next owner's, nor its windows and resumes", () => {
    for (const id of ['b', 'user']) {
      expect(reasonFor(id, people([granted(11)]))).toBe('CONSENTED');
      expect(reasonFor(id, people([granted(14)]))).toBe('NO_CONSENT');
      expect(reasonFor(id, people([wrote(14)]), 'service')).toBe('SERVICE_WINDOW_CLOSED');
      expect(reasonFor(id, people([wrote(11)]), 'service')).toBe('SERVICE_WINDOW_OPEN');
      expect(reasonFor(id, people([resumed(14)], [granted(9), stopped(11)]))).toBe('REVOKED');
      expect(reasonFor(id, people([resumed(12)], [granted(9), stopped(11)]))).toBe('CONSENTED');
      expect(answering(id, people([revoked(14, 'keyword', time(15))])).confirmations).toEqual([]);
      expect(answering(id, people([revoked(11, 'keyword', time(15))])).confirmations).toHaveLength(1);
    }
  });

  it('gives nothing to the next owner of the number', () => {
    expect(reasonFor('a', people([], [granted(15)]))).toBe('REVOKED');
    expect(reasonFor('a', people([], [wrote(15)]), 'service')).toBe('REVOKED');
  });

  it("is another than the next owner's, which shares with the number from then on", () => {
    const more = { next: [linked('a', 14)] };
    const withNext = (a: readonly ConsentEvent[]) => ({ ...people([linked('next', 14), ...a]), ...more });
    expect(reasonFor('next', withNext([granted(15)]))).toBe('CONSENTED');
    expect(reasonFor('next', withNext([granted(11)]))).toBe('NO_CONSENT');
    expect(reasonFor('next', withNext([wrote(12)]), 'service')).toBe('SERVICE_WINDOW_CLOSED');
  });
});
