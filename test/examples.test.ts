import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  decideGrant,
  decideMessage,
  decideRevocation,
  defaultScopeOf,
  EMPTY_STATE,
  fold,
  keyForm,
  readClaimedTime,
  readOptOut,
  whatsappErrorScope,
  type ClaimedTime,
  type Grant,
  type Message,
  type RecipientState,
  type Revocation,
} from '#consent';
import {
  at,
  changedNumber,
  erased,
  given,
  granted,
  on,
  providersStop,
  resumed,
  revoked,
  samePerson,
  stopped,
  wrote,
} from './given.js';

/** The twenty examples of the rules, by number; what they say of HTTP, webhooks and disk is shown where those live. */
describe('the examples', () => {
  it('1: nothing known', () => {
    given().when({ purpose: 'offers', at: '10:00' }).then({ reason: 'NO_CONSENT' });
    given().when({ purpose: 'service', at: '10:00' }).then({ reason: 'SERVICE_WINDOW_CLOSED' });
  });

  it('2: a message opens the window for 24 hours to the millisecond, and only for replies', () => {
    const story = given(wrote('10:00'));
    const open = { reason: 'SERVICE_WINDOW_OPEN', validUntil: '05-02 10:00', windowOpenUntil: '05-02 10:00' } as const;
    story.when({ purpose: 'service', at: '10:00:01' }).then({ ...open, basis: 0 });
    story.when({ purpose: 'service', at: '05-02 09:59:59.999' }).then({ ...open, basis: 0 });
    story.when({ purpose: 'service', at: '05-02 10:00:00.000' }).then({ reason: 'SERVICE_WINDOW_CLOSED', basis: 0 });
    story.when({ purpose: 'offers', at: '10:00:01' }).then({ reason: 'NO_CONSENT', windowOpenUntil: '05-02 10:00' });
    given(wrote('10:00'), wrote('20:00'))
      .when({ purpose: 'service', at: '05-02 10:00' })
      .then({ reason: 'SERVICE_WINDOW_OPEN', validUntil: '05-02 20:00', windowOpenUntil: '05-02 20:00', basis: 1 });
  });

  it('3: consent is for one channel and one purpose', () => {
    const story = given(granted('offers', '10:00'));
    story.when({ purpose: 'offers', at: '11:00' }).then({ reason: 'CONSENTED', basis: 0 });
    story.when({ purpose: 'offers', at: '11:00', channel: 'sms' }).then({ reason: 'NO_CONSENT' });
    story.when({ purpose: 'news', at: '11:00' }).then({ reason: 'NO_CONSENT' });
  });

  it('4: a STOP ends everything on its channel, is confirmed once, and a later message opens replies alone', () => {
    const consent = granted('offers', '10:00');
    const stop = decideRevocation(given(consent).state(), keyword('12:00'));
    const message = decideMessage(incoming('12:00', stop.data.occurredAt)).event;
    const story = given(consent, stop, message);
    for (const purpose of ['offers', 'news', 'codes', 'tickets', 'service']) {
      story.when({ purpose, at: '12:01' }).then({ reason: 'REVOKED', basis: 1 });
    }
    const confirmation = { purpose: 'opt_out_confirmation', at: '12:04:59.999' };
    story.when(confirmation).then({ reason: 'OPT_OUT_CONFIRMATION', validUntil: '12:05', basis: 1 });
    story.when({ ...confirmation, at: '12:05' }).then({ reason: 'NO_RECENT_OPT_OUT' });
    story.when({ ...confirmation, channel: 'sms' }).then({ reason: 'NO_RECENT_OPT_OUT' });

    const secondStop = decideRevocation(story.state(), keyword('13:30'));
    expect(secondStop.data).not.toHaveProperty('confirmUntil');
    const talking = given(consent, stop, message, wrote('13:00'));
    const open = { validUntil: '05-02 13:00', windowOpenUntil: '05-02 13:00' };
    talking.when({ purpose: 'service', at: '13:01' }).then({ reason: 'SERVICE_WINDOW_OPEN', ...open, basis: 3 });
    talking.when({ purpose: 'offers', at: '13:01' }).then({ reason: 'REVOKED', windowOpenUntil: '05-02 13:00' });
  });

  it('5: a paper form imported late counts by its date, and needs one', () => {
    const state = given(revoked('05-20 10:00')).state();
    const imported = (claimed: ClaimedTime) => decideGrant(state, paper(claimed, '06-10 10:00'));
    const march = imported(readClaimedTime('2026-03-01'));
    expect(march).toMatchObject({ ineffectiveBecause: 'REVOKED_LATER' });
    given(revoked('05-20 10:00'), eventOf(march))
      .when({ purpose: 'offers', at: '06-11 10:00' })
      .then({ reason: 'REVOKED' });
    const june = imported(readClaimedTime('2026-06-05'));
    expect(june).not.toHaveProperty('ineffectiveBecause');
    given(revoked('05-20 10:00'), eventOf(june))
      .when({ purpose: 'offers', at: '06-11 10:00' })
      .then({ reason: 'CONSENTED' });
    expect(imported({ precision: 'none' })).toEqual({ refused: 'OCCURRED_AT_REQUIRED' });
  });

  it('6: at the same millisecond the no wins, whichever came first', () => {
    const [yes, no] = [granted('offers', '10:00'), stopped('10:00')];
    given(yes, no).when({ purpose: 'offers', at: '10:01' }).then({ reason: 'REVOKED', basis: 1 });
    given(no, yes).when({ purpose: 'offers', at: '10:01' }).then({ reason: 'REVOKED', basis: 0 });
  });

  it('7: a no to everything covers purposes that do not exist yet', () => {
    const question = { purpose: 'invented_later', at: '15:00' };
    given(revoked('10:00')).when(question).then({ reason: 'REVOKED' });
    given(revoked('10:00'), granted('invented_later', '09:00')).when(question).then({ reason: 'REVOKED' });
    given(revoked('10:00'), granted('invented_later', '11:00')).when(question).then({ reason: 'CONSENTED' });
  });

  it("8: the provider's own stop is lifted by its resume, and by that alone", () => {
    const consents = [granted('offers', '09:00'), granted('tickets', '09:00')];
    const stop = given(...consents, providersStop('10:00'));
    stop.when({ purpose: 'offers', at: '10:30' }).then({ reason: 'REVOKED', basis: 2 });
    stop.when({ purpose: 'tickets', at: '10:30' }).then({ reason: 'CONSENTED' });
    const back = given(...consents, providersStop('10:00'), resumed('11:00'));
    back.when({ purpose: 'offers', at: '11:30' }).then({ reason: 'CONSENTED', basis: 0 });
    given(...consents, providersStop('10:00'), resumed('10:00'))
      .when({ purpose: 'offers', at: '11:30' })
      .then({ reason: 'REVOKED' });
    given(...consents, providersStop('10:00', 'shop'), resumed('11:00', 'desk'))
      .when({ purpose: 'offers', at: '11:30' })
      .then({ reason: 'REVOKED' });
    given(providersStop('10:00'), resumed('11:00'))
      .when({ purpose: 'offers', at: '11:30' })
      .then({ reason: 'NO_CONSENT' });
    given(...consents, stopped('10:00'), resumed('11:00'))
      .when({ purpose: 'offers', at: '11:30' })
      .then({ reason: 'REVOKED', basis: 2 });
  });

  it("9: of WhatsApp's error codes 131050 alone is the person's wish", () => {
    expect(whatsappErrorScope(131050)).toEqual({ channels: ['whatsapp'], categories: ['marketing'] });
    for (const code of [131047, 131049, 131026, 130472, 131056, 0, -1, NaN]) {
      expect(whatsappErrorScope(code)).toBeUndefined();
    }
  });

  it('10: the words, as the whole message', () => {
    for (const text of ['Stop!', 'STOP.', 'stop ', 'Ｓｔｏｐ', 'arrêt', 'ARRET', 'baja', 'parar', 'cancelar']) {
      const optOut = readOptOut(text, 'whatsapp');
      const stop = stopped('12:00', { categories: optOut?.categories as ['*'] });
      given(granted('offers', '10:00'), stop).when({ purpose: 'offers', at: '13:00' }).then({ reason: 'REVOKED' });
    }
    for (const text of ['stop by later?', 'non-stop', 'tem como parar a dor?']) {
      expect(readOptOut(text, 'whatsapp')).toBeUndefined();
    }
  });

  it('11: three deliveries in two orders make one state', () => {
    const [yes, no, hello] = [granted('offers', '10:00'), stopped('12:00'), wrote('11:00')] as const;
    const placed = [yes, no, hello].map((event, index) => ({ event, index }));
    const orders = [[0, 1, 2, 0, 1, 2, 0, 1, 2].map((n) => placed[n]), [2, 1, 0, 1, 1, 0].map((n) => placed[n])];
    const [first, second] = orders.map((order) => foldPlaced(order as { event: typeof yes; index: number }[]));
    expect(first).toEqual(second);
  });

  it('12: consent under the phone number, STOP under the user id of the same person', () => {
    const story = given(
      on('phone', granted('offers', '09:00')),
      on('user', stopped('12:00')),
      ...samePerson('phone', 'user', '10:00'),
    );
    story.when({ purpose: 'offers', at: '12:01', of: 'phone' }).then({ reason: 'REVOKED', basis: 1 });
    story.when({ purpose: 'offers', at: '12:01', of: 'user' }).then({ reason: 'REVOKED', basis: 1 });
  });

  it('13: an expiry counts to the millisecond, and a short grant never ends a standing one', () => {
    const story = given(granted('offers', '10:00', { expiresAt: '12:00' }));
    story.when({ purpose: 'offers', at: '11:59:59.999' }).then({ reason: 'CONSENTED', validUntil: '12:00' });
    story.when({ purpose: 'offers', at: '12:00' }).then({ reason: 'EXPIRED', basis: 0 });
    given(granted('offers', '10:00'), granted('offers', '11:00', { expiresAt: '11:10' }))
      .when({ purpose: 'offers', at: '11:30' })
      .then({ reason: 'CONSENTED', basis: 0 });
  });

  it('14: erasure is a lasting no, which only a fresh opt-in outdoes', () => {
    const story = [granted('offers', '10:00'), wrote('11:00'), erased('12:00')];
    given(...story)
      .when({ purpose: 'offers', at: '13:00' })
      .then({ reason: 'REVOKED', basis: 2 });
    given(...story)
      .when({ purpose: 'service', at: '13:00' })
      .then({ reason: 'REVOKED', basis: 2 });
    given(...story, granted('offers', '11:00'))
      .when({ purpose: 'offers', at: '13:00' })
      .then({ reason: 'REVOKED' });
    given(...story, granted('offers', '12:30'))
      .when({ purpose: 'offers', at: '13:00' })
      .then({ reason: 'CONSENTED' });
  });

  it('15: the same number is another recipient for another business', () => {
    const number = keyForm('phone', '+390212345678');
    const ids = ['key of a', 'key of b'].map((key) =>
      createHmac('sha256', key).update(`phone:${number}`).digest('base64url'),
    );
    expect(ids[0]).not.toBe(ids[1]);
    given(on(ids[0] as string, granted('offers', '10:00')))
      .when({ purpose: 'offers', at: '11:00', of: ids[1] as string })
      .then({ reason: 'NO_CONSENT' });
  });

  it('16: with or without plus one number is one recipient', () => {
    expect(keyForm('phone', '+390212345678')).toBe(keyForm('phone', '390212345678'));
  });

  it.each([
    ['+525512345678', '5215512345678'],
    ['+5491123456789', '541123456789'],
    ['+5511987654321', '551187654321'],
  ])('17: a form with %s and a STOP from %s meet', (form, stop) => {
    given(on(keyForm('phone', form), granted('offers', '10:00')), on(keyForm('phone', stop), stopped('11:00')))
      .when({ purpose: 'offers', at: '12:00', of: keyForm('phone', form) })
      .then({ reason: 'REVOKED' });
  });

  it('18: a fast clock elsewhere neither outlives a STOP nor stretches the window', () => {
    const fast = decideGrant(EMPTY_STATE, { ...paper(exactly('10:04'), '10:00'), method: 'web_form' });
    const state = given(eventOf(fast)).state();
    given(eventOf(fast), decideRevocation(state, keyword('10:01')))
      .when({ purpose: 'offers', at: '10:05' })
      .then({ reason: 'REVOKED' });
    const { event } = decideMessage({ ...incoming('10:00'), claimed: exactly('2099-01-01T00:00:00.000Z') });
    given(event)
      .when({ purpose: 'service', at: '10:00' })
      .then({ reason: 'SERVICE_WINDOW_OPEN', validUntil: '05-02 10:00', windowOpenUntil: '05-02 10:00' });
  });

  it('19: where no objection is enough, only a no that covers it counts', () => {
    const question = { purpose: 'tickets', at: '12:00', channel: 'email' } as const;
    given().when(question).then({ reason: 'NO_OBJECTION' });
    const { channels, categories } = defaultScopeOf('one_click', 'email');
    given(revoked('11:00', { method: 'one_click', channels, categories }))
      .when(question)
      .then({ reason: 'NO_OBJECTION' });
    given(revoked('11:00')).when(question).then({ reason: 'REVOKED', basis: 0 });
    given()
      .when({ ...question, channel: 'whatsapp' })
      .then({ reason: 'NO_CONSENT' });
  });

  it('20: a changed number takes its consents along and leaves nothing behind', () => {
    const move = changedNumber('a', 'b', '12:00');
    const story = given(on('a', granted('offers', '10:00')), ...move);
    story.when({ purpose: 'offers', at: '13:00', of: 'b' }).then({ reason: 'CONSENTED', basis: 0 });
    story.when({ purpose: 'offers', at: '13:00', of: 'a' }).then({ reason: 'REVOKED', basis: 1 });
    given(on('a', granted('offers', '10:00')), on('a', stopped('11:00')), ...move)
      .when({ purpose: 'offers', at: '13:00', of: 'b' })
      .then({ reason: 'REVOKED', basis: 1 });
    const nextOwner = given(...move, on('a', granted('offers', '13:00')));
    nextOwner.when({ purpose: 'offers', at: '14:00', of: 'a' }).then({ reason: 'CONSENTED' });
    nextOwner.when({ purpose: 'offers', at: '14:00', of: 'b' }).then({ reason: 'NO_CONSENT' });
  });
});

function exactly(time: string): ClaimedTime {
  return { precision: 'instant', at: at(time) };
}

function keyword(time: string): Revocation {
  const scope = { ...defaultScopeOf('keyword', 'whatsapp'), purposes: [] };
  return {
    businessId: 'acme',
    ...scope,
    method: 'keyword',
    claimed: { precision: 'second', at: at(time) },
    now: at(`${time}:02`),
  };
}

function incoming(time: string, notAfter?: string): Message {
  const whole = { businessId: 'acme', channel: 'whatsapp', sender: 'shop', kind: 'message', now: at(time) } as const;
  return { ...whole, claimed: { precision: 'second', at: at(time) }, ...(notAfter === undefined ? {} : { notAfter }) };
}

function paper(claimed: ClaimedTime, now: string): Grant {
  const purposes = [{ id: 'offers', category: 'marketing' }] as const;
  return { businessId: 'acme', channels: ['whatsapp'], purposes, method: 'paper_form', claimed, now: at(now) };
}

function eventOf(decision: ReturnType<typeof decideGrant>) {
  if ('refused' in decision) throw new Error(`refused: ${decision.refused}`);
  return decision.event;
}

function foldPlaced(
  order: readonly { readonly event: Parameters<typeof fold>[1]; readonly index: number }[],
): RecipientState {
  return order.reduce((state, { event, index }) => {
    const origin = {
      eventId: `event-${index}`,
      stream: 'consent-anna',
      revision: '0',
      recordedAt: event.data.occurredAt,
    };
    return fold(state, event, origin);
  }, EMPTY_STATE);
}
