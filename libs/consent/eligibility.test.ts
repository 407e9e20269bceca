import { describe, expect, it } from '@jest/globals';
import { fold, type ConsentEvent, type ConsentRevoked } from './consent.js';
import { explain, judge, latestObjection, REASONS, RULES_VERSION, type Question } from './eligibility.js';
import { EMPTY_STATE, keepGrant, type RecipientState } from './state.js';

const time = (clock: string) => `2026-05-01T${clock}:00.000Z`;
const facts = (clock: string) => ({ businessId: 'acme', occurredAt: time(clock) });

function after(...events: readonly ConsentEvent[]): RecipientState {
  return events.reduce((state, event, index) => {
    return fold(state, event, {
      eventId: `e${index}`,
      stream: 'consent-r',
      revision: `${index}`,
      recordedAt: time('23:00'),
    });
  }, EMPTY_STATE);
}

const granted = (clock: string, expires?: string, purpose = 'offers'): ConsentEvent => {
  const expiry = expires === undefined ? {} : { expiresAt: time(expires) };
  const data = { ...facts(clock), channels: ['email'], purposes: [purpose], method: 'api', ...expiry } as const;
  return { type: 'ConsentGranted', data };
};
const revoked = (clock: string, scope: Partial<ConsentRevoked['data']> = {}): ConsentEvent => {
  const everything = { channels: ['*'], purposes: [], categories: ['*'], method: 'api' } as const;
  return { type: 'ConsentRevoked', data: { ...facts(clock), ...everything, ...scope } };
};
const wrote = (clock: string, sender = 'shop', channel: 'email' | 'sms' = 'email'): ConsentEvent => {
  return { type: 'UserMessaged', data: { ...facts(clock), channel, sender, kind: 'message' } };
};
const erased = (clock: string): ConsentEvent => ({ type: 'RecipientErased', data: facts(clock) });
const providersStop = (clock: string): ConsentEvent => {
  return revoked(clock, {
    channels: ['email'],
    categories: ['marketing'],
    method: 'provider_preference',
    sender: 'shop',
  });
};
const resumed = (clock: string): ConsentEvent => {
  return { type: 'PreferenceResumed', data: { ...facts(clock), channel: 'email', sender: 'shop' } };
};

const offers: Question = {
  channel: 'email',
  purpose: 'offers',
  category: 'marketing',
  requires: 'consent',
  now: time('20:00'),
};
const tickets: Question = { ...offers, purpose: 'tickets', category: 'utility', requires: 'no_objection' };
const service: Question = { ...offers, purpose: 'service', category: 'service' };
const support: Question = { ...service, purpose: 'support' };
const confirmation: Question = { ...service, purpose: 'opt_out_confirmation' };

function reason(state: RecipientState, question: Question) {
  return judge(state, question).reason;
}

describe('the decision', () => {
  it('2: an unreadable record denies, whatever else there is', () => {
    const unreadable: ConsentEvent = { type: 'Unreadable', data: { occurredAt: time('01:00'), storedType: 'X' } };
    const state = after(
      granted('10:00'),
      revoked('10:00', { method: 'block', channels: ['email'] }),
      wrote('12:00'),
      unreadable,
    );
    for (const question of [offers, tickets, service, confirmation]) {
      expect(judge(state, question)).toEqual({ eligible: false, reason: 'STATE_UNREADABLE', basis: state.unreadable });
    }
  });

  it('3: a block denies until a later contact on its channel', () => {
    const block = revoked('12:00', { method: 'block', channels: ['email'], confirmUntil: time('22:00') });
    for (const question of [offers, tickets, service, confirmation]) {
      expect(judge(after(granted('13:00'), block), question)).toMatchObject({
        eligible: false,
        reason: 'BLOCKED',
        basis: { eventId: 'e1' },
      });
      expect(reason(after(block, wrote('12:00')), question)).toBe('BLOCKED');
      expect(reason(after(block, wrote('13:00', 'shop', 'sms')), question)).toBe('BLOCKED');
    }
    expect(reason(after(block), { ...offers, channel: 'sms' })).toBe('NO_CONSENT');
    expect(reason(after(revoked('12:00', { method: 'block' })), { ...offers, channel: 'sms' })).toBe('BLOCKED');
    expect(reason(after(block, wrote('13:00')), service)).toBe('SERVICE_WINDOW_OPEN');
    expect(reason(after(block, wrote('13:00')), offers)).toBe('REVOKED');
    expect(reason(after(block, wrote('13:00', 'desk')), { ...service, sender: 'shop' })).toBe('REVOKED');
    const twice = after(block, wrote('13:00'), revoked('14:00', { method: 'block' }));
    expect(judge(twice, offers)).toMatchObject({ reason: 'BLOCKED', basis: { eventId: 'e2' } });
  });

  it('4: one confirmation may follow a stop until its minutes are over, but not after an erasure', () => {
    const stop = revoked('12:00', { channels: ['email'], method: 'keyword', confirmUntil: time('20:01') });
    const until = { validUntil: time('20:01') };
    const yes = { eligible: true, reason: 'OPT_OUT_CONFIRMATION', ...until };
    expect(judge(after(stop), confirmation)).toEqual({ ...yes, basis: after(stop).confirmations[0]?.confirmation });
    expect(judge(after(stop), { ...confirmation, now: time('20:01') })).toEqual({
      eligible: false,
      reason: 'NO_RECENT_OPT_OUT',
    });
    expect(reason(after(stop), { ...confirmation, channel: 'sms' })).toBe('NO_RECENT_OPT_OUT');
    expect(reason(after(), confirmation)).toBe('NO_RECENT_OPT_OUT');
    expect(reason(after(revoked('12:00', { channels: ['email'], method: 'keyword' })), confirmation)).toBe(
      'NO_RECENT_OPT_OUT',
    );
    expect(reason(after(stop, erased('12:00')), confirmation)).toBe('NO_RECENT_OPT_OUT');
    expect(reason(after(stop, erased('11:00')), confirmation)).toBe('OPT_OUT_CONFIRMATION');
    expect(reason(after(stop, revoked('13:00')), confirmation)).toBe('OPT_OUT_CONFIRMATION');
  });

  it('5: a reply follows a contact within 24 hours that is later than every no', () => {
    const open = { eligible: true, reason: 'SERVICE_WINDOW_OPEN', validUntil: '2026-05-02T10:00:00.000Z' };
    const state = after(wrote('10:00'));
    expect(judge(state, service)).toEqual({ ...open, windowOpenUntil: open.validUntil, basis: state.contacts[0] });
    expect(reason(state, { ...service, now: '2026-05-02T09:59:59.999Z' })).toBe('SERVICE_WINDOW_OPEN');
    const closed = { eligible: false, reason: 'SERVICE_WINDOW_CLOSED' };
    expect(judge(state, { ...service, now: '2026-05-02T10:00:00.000Z' })).toEqual({
      ...closed,
      basis: state.contacts[0],
    });
    expect(judge(after(), service)).toEqual(closed);
    for (const no of [revoked('10:00'), erased('10:00'), revoked('10:00', { categories: [], purposes: ['service'] })]) {
      expect(judge(after(wrote('10:00'), no), service)).toMatchObject({ reason: 'REVOKED', basis: { eventId: 'e1' } });
      expect(reason(after(wrote('10:01'), no), service)).toBe('SERVICE_WINDOW_OPEN');
      expect(reason(after(wrote('10:01'), no), { ...service, now: '2026-05-03T10:00:00.000Z' })).toBe(
        'SERVICE_WINDOW_CLOSED',
      );
    }
    for (const no of [
      providersStop('11:00'),
      revoked('11:00', { categories: ['marketing'] }),
      revoked('11:00', { channels: ['sms'] }),
    ]) {
      expect(reason(after(wrote('10:00'), no), service)).toBe('SERVICE_WINDOW_OPEN');
    }
  });

  it('5: a reply in the name of a sender follows a contact with that sender', () => {
    const state = after(wrote('10:00', 'shop'), wrote('12:00', 'desk'));
    expect(judge(state, { ...service, sender: 'shop' })).toMatchObject({ validUntil: '2026-05-02T10:00:00.000Z' });
    expect(judge(state, service)).toMatchObject({ validUntil: '2026-05-02T12:00:00.000Z', basis: { eventId: 'e1' } });
    expect(judge(state, { ...service, sender: 'other' })).toEqual({ eligible: false, reason: 'SERVICE_WINDOW_CLOSED' });
    expect(reason(state, { ...service, channel: 'sms' })).toBe('SERVICE_WINDOW_CLOSED');
    expect(reason(after(revoked('11:00'), wrote('12:00', 'desk')), { ...service, sender: 'shop' })).toBe('REVOKED');
  });

  it("5: each service purpose is closed by the noes that cover it, the window of others by those that cover 'service'", () => {
    const noSupport = after(wrote('10:00'), revoked('11:00', { categories: [], purposes: ['support'] }));
    expect([reason(noSupport, support), reason(noSupport, service)]).toEqual(['REVOKED', 'SERVICE_WINDOW_OPEN']);
    expect(judge(noSupport, offers)).toHaveProperty('windowOpenUntil');
    const noService = after(wrote('10:00'), revoked('11:00', { categories: [], purposes: ['service'] }));
    expect([reason(noService, support), reason(noService, service)]).toEqual(['SERVICE_WINDOW_OPEN', 'REVOKED']);
    expect(judge(noService, offers)).not.toHaveProperty('windowOpenUntil');
    const noReplies = after(wrote('10:00'), revoked('11:00', { categories: ['service'] }));
    expect([reason(noReplies, support), reason(noReplies, service)]).toEqual(['REVOKED', 'REVOKED']);
  });

  it('6: consent holds while a grant later than every no has not expired, the longest first', () => {
    const state = after(granted('10:00'), granted('11:00', '21:00'));
    expect(judge(state, offers)).toEqual({ eligible: true, reason: 'CONSENTED', basis: state.grants[0] });
    const short = after(granted('10:00', '20:30'), granted('11:00', '20:15'));
    expect(judge(short, offers)).toMatchObject({ validUntil: time('20:30'), basis: { eventId: 'e0' } });
    const firstStopped = after(granted('10:00'), revoked('10:30'), granted('11:00', '21:00'));
    expect(judge(firstStopped, offers)).toMatchObject({ reason: 'CONSENTED', validUntil: time('21:00') });
    expect(reason(after(granted('10:00'), revoked('10:00')), offers)).toBe('REVOKED');
    expect(reason(after(granted('10:00', undefined, 'news')), offers)).toBe('NO_CONSENT');
    expect(reason(after(granted('10:00')), { ...offers, channel: 'voice' })).toBe('NO_CONSENT');
  });

  it('6: of two that last equally long the answer rests on the later', () => {
    const [one, other] = [after(granted('10:00', '21:00')).grants[0]!, after(granted('11:00', '21:00')).grants[0]!];
    for (const grants of [
      [one, other],
      [other, one],
    ]) {
      expect(judge({ ...EMPTY_STATE, grants }, offers).basis?.occurredAt).toBe(time('11:00'));
    }
    const unending = after(granted('09:00')).grants[0]!;
    for (const grants of [
      [one, unending],
      [unending, one],
    ]) {
      expect(judge({ ...EMPTY_STATE, grants }, offers)).toMatchObject({ basis: { occurredAt: time('09:00') } });
      expect(judge({ ...EMPTY_STATE, grants }, offers)).not.toHaveProperty('validUntil');
    }
    expect(judge(keepGrant(after(granted('09:00')), other), offers).basis?.occurredAt).toBe(time('09:00'));
  });

  it('6: after the grants later than every no have expired, the answer names the expiry and not the older no', () => {
    const state = after(revoked('09:00'), granted('10:00', '12:00'));
    expect(judge(state, offers)).toEqual({ eligible: false, reason: 'EXPIRED', basis: state.grants[0] });
    expect(reason(state, { ...offers, now: time('11:59') })).toBe('CONSENTED');
    expect(reason(state, { ...offers, now: time('12:00') })).toBe('EXPIRED');
    expect(reason(after(granted('10:00', '12:00')), offers)).toBe('EXPIRED');
    expect(reason(after(granted('10:00', '12:00'), revoked('13:00')), offers)).toBe('REVOKED');
    expect(judge(after(), offers)).toEqual({ eligible: false, reason: 'NO_CONSENT' });
  });

  it('6: where no objection is enough, any no that covers it is one, also under an expired grant', () => {
    expect(judge(after(), tickets)).toEqual({ eligible: true, reason: 'NO_OBJECTION' });
    expect(reason(after(granted('10:00', '12:00', 'tickets')), tickets)).toBe('NO_OBJECTION');
    expect(reason(after(revoked('09:00'), granted('10:00', '12:00', 'tickets')), tickets)).toBe('REVOKED');
    expect(reason(after(revoked('09:00'), granted('10:00', undefined, 'tickets')), tickets)).toBe('CONSENTED');
    expect(reason(after(revoked('09:00', { categories: ['marketing'] })), tickets)).toBe('NO_OBJECTION');
    expect(reason(after(erased('09:00')), tickets)).toBe('REVOKED');
    expect(reason(after(providersStop('09:00')), tickets)).toBe('NO_OBJECTION');
    expect(reason(after(), { ...tickets, requires: 'consent' })).toBe('NO_CONSENT');
    expect(reason(after(), { ...tickets, channel: 'whatsapp' })).toBe('NO_CONSENT');
    expect(reason(after(), { ...offers, requires: 'no_objection' })).toBe('NO_CONSENT');
  });

  it('carries the open window beside any answer but a block', () => {
    const windowOpenUntil = '2026-05-02T10:00:00.000Z';
    expect(judge(after(wrote('10:00')), offers)).toEqual({ eligible: false, reason: 'NO_CONSENT', windowOpenUntil });
    expect(judge(after(wrote('10:00'), granted('11:00')), offers)).toMatchObject({
      reason: 'CONSENTED',
      windowOpenUntil,
    });
    expect(judge(after(wrote('10:00')), tickets)).toEqual({ eligible: true, reason: 'NO_OBJECTION', windowOpenUntil });
    expect(judge(after(wrote('10:00'), revoked('10:00')), offers)).not.toHaveProperty('windowOpenUntil');
    const block = revoked('11:00', { method: 'block', channels: ['email'] });
    expect(judge(after(wrote('10:00'), block), offers)).not.toHaveProperty('windowOpenUntil');
  });

  it('knows no purpose by a name that every object has', () => {
    for (const purpose of ['constructor', '__proto__', 'toString']) {
      expect(reason(after(granted('10:00')), { ...offers, purpose })).toBe('NO_CONSENT');
      expect(reason(after(granted('10:00', undefined, purpose)), { ...offers, purpose })).toBe('CONSENTED');
      expect(reason(after(revoked('10:00', { purposes: [purpose], categories: [] })), offers)).toBe('NO_CONSENT');
    }
  });
});

describe('the latest no', () => {
  it.each([
    ['everything', {}, true],
    ['its channel', { channels: ['email'] }, true],
    ['another channel', { channels: ['sms'] }, false],
    ['its category', { categories: ['marketing'] }, true],
    ['another category', { categories: ['utility'] }, false],
    ['its purpose', { categories: [], purposes: ['offers'] }, true],
    ['another purpose', { categories: [], purposes: ['news'] }, false],
    ['a purpose named like its category', { categories: [], purposes: ['marketing'] }, false],
  ] as const)('of %s', (_, scope, covers) => {
    expect(latestObjection(after(revoked('10:00', scope)), offers)?.eventId).toBe(covers ? 'e0' : undefined);
  });

  it('is the latest of revocation, stop and erasure', () => {
    const [no, stop, gone] = [revoked, providersStop, erased] as const;
    expect(latestObjection(after(no('10:00'), stop('11:00'), gone('12:00')), offers)?.eventId).toBe('e2');
    expect(latestObjection(after(no('10:00'), stop('13:00'), gone('12:00')), offers)?.eventId).toBe('e1');
    expect(latestObjection(after(no('14:00'), stop('13:00'), gone('12:00')), offers)?.eventId).toBe('e0');
    expect(latestObjection(after(stop('13:00')), { ...offers, channel: 'sms' })).toBeUndefined();
    expect(latestObjection(after(stop('13:00')), tickets)).toBeUndefined();
    expect(latestObjection(after(stop('13:00'), resumed('13:00')), offers)?.eventId).toBe('e0');
    expect(latestObjection(after(stop('13:00'), resumed('13:01')), offers)).toBeUndefined();
    expect(latestObjection(after(resumed('13:01')), offers)).toBeUndefined();
  });
});

it('explains every reason in one sentence of its own', () => {
  const sentences = REASONS.map((one) => explain(one, { channel: 'rcs', purpose: 'offers' }));
  expect(sentences).toMatchInlineSnapshot(`
   [
     "The ledger cannot look this recipient up at the moment, so the answer is no for now.",
     "The view has not proved that it is up to date, so the answer is no for now.",
     "The view has not reached the requested position yet, so the answer is no for now.",
     "The record of this recipient holds something this version cannot read, so the answer is no.",
     "The recipient blocked this business on rcs and has not written there since.",
     "The recipient opted out on rcs moments ago; one confirmation may be sent.",
     "There is no opt-out on rcs in the last minutes that a confirmation could answer.",
     "The recipient wrote or called on rcs within the last 24 hours, so a reply is allowed.",
     "The recipient has not written or called on rcs within the last 24 hours.",
     "The recipient agreed to 'offers' on rcs and has not withdrawn it.",
     "An opt-out, an erasure or a change of number stands against 'offers' on rcs, and nothing later allows it.",
     "No consent is needed for 'offers' on rcs, and the recipient has not objected.",
     "The recipient's agreement to 'offers' on rcs has expired.",
     "The recipient has never agreed to 'offers' on rcs.",
   ]
  `);
  expect(new Set(sentences).size).toBe(REASONS.length);
  expect(RULES_VERSION).toBe('1');
});

it('says of a window that was asked about for one sender that it is the one of that sender', () => {
  const asked = { channel: 'rcs', purpose: 'service', sender: 'shop' } as const;
  expect([explain('SERVICE_WINDOW_OPEN', asked), explain('SERVICE_WINDOW_CLOSED', asked)]).toEqual([
    "The recipient wrote or called on rcs (sender 'shop') within the last 24 hours, so a reply is allowed.",
    "The recipient has not written or called on rcs (sender 'shop') within the last 24 hours.",
  ]);
});
