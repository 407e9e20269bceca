import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem, fieldsOf, headOf, type Json } from './support/acme.js';

const DAY = '2026-05-04';
const at = (time: string, day = DAY) => Date.parse(`${day}T${time}Z`);

/** The examples of the rules by their numbers, as a client of the service meets them; `test/examples.test.ts` has all twenty. */
describe('the examples over HTTP', () => {
  const clock = new SettableClock(at('09:00:00'));
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  let messages = 0;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
    await must(acme.put('/purposes/tickets', { category: 'utility', title: 'Tickets', requires: 'no_objection' }));
  });
  afterAll(() => service.stop());

  const reason = async (recipient: Json, purpose: string, more: Json = {}) =>
    (await acme.check(recipient, purpose, more)).reason;
  const writes = (phone: string, text: string) =>
    must(
      deliver(
        service,
        deliveryOf({ from: phone.replace('+', ''), id: `wamid.ex-${messages++}`, text, at: clock.now() }),
      ),
    );
  /** By what this process knows at once, by a view that has caught up, and by the ledger itself. */
  const reasons = async (recipient: Json, purpose = 'offers', more: Json = {}) => {
    const atOnce = await reason(recipient, purpose, more);
    const atLeast = await headOf(service);
    return [
      atOnce,
      await reason(recipient, purpose, { ...more, atLeast }),
      await reason(recipient, purpose, { ...more, consistency: 'ledger' }),
    ];
  };
  const links = (recipient: Json, other: Json, kind: string) =>
    must(acme.post('/links', { recipient, other, kind, occurredAt: new Date(clock.now()).toISOString() }));
  const grants = (phone: string, more: Json = {}) => must(acme.grant(grantBody(phone, more)));

  it('1: nothing is known', async () => {
    const recipient = { phone: '+393331110001' };
    expect(await reason(recipient, 'offers')).toBe('NO_CONSENT');
    expect(await reason(recipient, 'service')).toBe('SERVICE_WINDOW_CLOSED');
    expect(await reason(recipient, 'opt_out_confirmation')).toBe('NO_RECENT_OPT_OUT');
  });

  it('2: a message opens the window for a day to the millisecond, and a second one moves its end', async () => {
    const recipient = { phone: '+393331110002' };
    clock.setTo(at('10:00:00'));
    await writes(recipient.phone, 'Hello');
    clock.setTo(at('10:00:01'));
    expect(await acme.check(recipient, 'service')).toMatchObject({
      reason: 'SERVICE_WINDOW_OPEN',
      validUntil: '2026-05-05T10:00:00.000Z',
    });
    expect(await acme.check(recipient, 'offers')).toMatchObject({
      reason: 'NO_CONSENT',
      windowOpenUntil: '2026-05-05T10:00:00.000Z',
    });
    clock.setTo(at('09:59:59.999', '2026-05-05'));
    expect(await reason(recipient, 'service')).toBe('SERVICE_WINDOW_OPEN');
    clock.setTo(at('10:00:00.000', '2026-05-05'));
    expect(await reason(recipient, 'service')).toBe('SERVICE_WINDOW_CLOSED');
    await must(
      acme.message({
        recipient,
        channel: 'whatsapp',
        sender: 'main',
        messageId: 'late',
        occurredAt: `${DAY}T20:00:00Z`,
      }),
    );
    expect(await acme.check(recipient, 'service')).toMatchObject({ validUntil: '2026-05-05T20:00:00.000Z' });
    clock.setTo(at('09:00:00'));
  });

  it('3: a grant is for its channel and its purpose', async () => {
    const recipient = { phone: '+393331110003' };
    await grants(recipient.phone);
    expect(await reason(recipient, 'offers')).toBe('CONSENTED');
    expect(await reason(recipient, 'offers', { channel: 'sms' })).toBe('NO_CONSENT');
    expect(await reason(recipient, 'news')).toBe('NO_CONSENT');
  });

  it('4: STOP, its one confirmation, and what a later message opens', async () => {
    const recipient = { phone: '+393331110004' };
    await grants(recipient.phone);
    clock.setTo(at('12:00:00'));
    await writes(recipient.phone, 'STOP');
    for (const purpose of ['offers', 'news', 'tickets', 'service'])
      expect(await reason(recipient, purpose)).toBe('REVOKED');
    expect(await acme.check(recipient, 'opt_out_confirmation')).toMatchObject({
      eligible: true,
      validUntil: '2026-05-04T12:05:00.000Z',
    });
    clock.setTo(at('12:05:00'));
    expect(await reason(recipient, 'opt_out_confirmation')).toBe('NO_RECENT_OPT_OUT');
    clock.setTo(at('13:00:00'));
    await writes(recipient.phone, 'One more thing');
    expect(await reason(recipient, 'service')).toBe('SERVICE_WINDOW_OPEN');
    expect(await reason(recipient, 'offers')).toBe('REVOKED');
    clock.setTo(at('13:30:00'));
    await writes(recipient.phone, 'STOP');
    expect(await reason(recipient, 'opt_out_confirmation')).toBe('NO_RECENT_OPT_OUT');
    expect(await reason(recipient, 'service')).toBe('REVOKED');
    clock.setTo(at('09:00:00'));
  });

  it('5: a form counts from its own date, and an import must have one', async () => {
    const recipient = { phone: '+393331110005' };
    const imported = { method: 'import', disclosure: undefined };
    await must(acme.revoke({ recipient, occurredAt: '2026-03-15T00:00:00Z' }));
    const old = await grants(recipient.phone, { ...imported, occurredAt: '2026-03-01' });
    expect(old.body).toMatchObject({ effective: false, ineffectiveBecause: 'REVOKED_LATER' });
    expect(await reason(recipient, 'offers')).toBe('REVOKED');
    await grants(recipient.phone, { ...imported, occurredAt: '2026-04-20' });
    expect(await reason(recipient, 'offers')).toBe('CONSENTED');
    expectProblem(await acme.grant(grantBody(recipient.phone, imported)), 422, 'OCCURRED_AT_REQUIRED');
  });

  it.each(['the grant first', 'the no first'])('6: at the same millisecond the no wins, %s', async (order) => {
    const recipient = { phone: order === 'the no first' ? '+393331110006' : '+393331110066' };
    const occurredAt = '2026-05-04T08:00:00.123Z';
    const both = [() => grants(recipient.phone, { occurredAt }), () => must(acme.revoke({ recipient, occurredAt }))];
    for (const act of order === 'the no first' ? both.reverse() : both) await act();
    expect(await reason(recipient, 'offers')).toBe('REVOKED');
  });

  it('7: everything covers what is registered later', async () => {
    const recipient = { phone: '+393331110007' };
    await must(acme.revoke({ recipient }));
    await must(acme.put('/purposes/surprise', { category: 'marketing', title: 'Surprise' }));
    const disclosure = { text: 'S', locale: 'en', channels: ['whatsapp'], purposes: ['surprise'] };
    await must(acme.post('/disclosures/surprise/versions', disclosure));
    expect(await reason(recipient, 'surprise')).toBe('REVOKED');
    const surprise = { purposes: ['surprise'], disclosure: { id: 'surprise', version: 1 } };
    await grants(recipient.phone, { ...surprise, occurredAt: '2026-05-04T08:59:59.999Z' });
    expect(await reason(recipient, 'surprise')).toBe('REVOKED');
    clock.setTo(at('09:00:01'));
    await grants(recipient.phone, surprise);
    expect(await reason(recipient, 'surprise')).toBe('CONSENTED');
    clock.setTo(at('09:00:00'));
  });

  it.each(['the STOP first', 'the link first'])(
    '12: consent under a number, STOP under the user id, %s',
    async (order) => {
      const recipient = { phone: order === 'the STOP first' ? '+393331110012' : '+393331110112' };
      const userId = order === 'the STOP first' ? 'IT.1349120865530274112' : 'IT.1349120865530274113';
      const [stop, link] = [
        async () => {
          const said = { userId, id: `wamid.ex-${messages++}`, text: 'STOP', at: clock.now() };
          await must(deliver(service, deliveryOf(said)));
        },
        () => links(recipient, { whatsappUserId: userId }, 'same_person'),
      ];
      await grants(recipient.phone);
      for (const act of order === 'the STOP first' ? [stop, link] : [link, stop]) {
        clock.setTo(clock.now() + 60_000);
        await act();
      }
      expect(await reasons(recipient)).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
      expect(await reasons({ whatsappUserId: userId })).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
      clock.setTo(at('09:00:00'));
    },
  );

  it('13: a grant ends at its instant, and a short one leaves a standing one alone', async () => {
    const recipient = { phone: '+393331110013' };
    await grants(recipient.phone, { expiresAt: `${DAY}T09:10:00.000Z` });
    clock.setTo(at('09:09:59.999'));
    expect(await reason(recipient, 'offers')).toBe('CONSENTED');
    clock.setTo(at('09:10:00.000'));
    expect(await reason(recipient, 'offers')).toBe('EXPIRED');
    await grants(recipient.phone);
    clock.setTo(at('09:11:00'));
    await grants(recipient.phone, { expiresAt: `${DAY}T09:21:00.000Z` });
    clock.setTo(at('09:30:00'));
    expect(await reason(recipient, 'offers')).toBe('CONSENTED');
    clock.setTo(at('09:00:00'));
  });

  it('14: who is erased is told no for ever, can be read of nowhere, and may agree anew', async () => {
    const recipient = { phone: '+393331110014' };
    const granted = await grants(recipient.phone, { evidence: { name: 'Example Fourteen' } });
    const personal = async () => {
      const { body } = await must(acme.get(`/recipients/${String(granted.body.recipientId)}/timeline`));
      return (body.events as unknown as Json[]).map((event) => event.personal);
    };
    expect(JSON.stringify(await personal())).toContain('Example Fourteen');
    await must(acme.post('/erasures', { recipient, requestedBy: 'person' }));
    for (const purpose of ['offers', 'news', 'tickets', 'service'])
      expect(await reason(recipient, purpose)).toBe('REVOKED');
    expect(await personal()).toEqual([undefined, undefined]);
    const old = await grants(recipient.phone, { method: 'import', disclosure: undefined, occurredAt: '2026-03-01' });
    expect(old.body).toMatchObject({ effective: false, ineffectiveBecause: 'REVOKED_LATER' });
    expect(await reason(recipient, 'offers')).toBe('REVOKED');
    clock.setTo(at('09:00:01'));
    await grants(recipient.phone);
    expect(await reason(recipient, 'offers')).toBe('CONSENTED');
    clock.setTo(at('09:00:00'));
  });

  it('15: one business knows nothing of another’s consent, for the same number', async () => {
    await registerAcme(service, 'beta', '2002');
    const beta = businessOf(service, 'beta');
    const recipient = { phone: '+393331110015' };
    const granted = await grants(recipient.phone);
    const other = await beta.check(recipient, 'offers');
    expect(other).toMatchObject({ eligible: false, reason: 'NO_CONSENT' });
    expect(other.recipientId).not.toBe(granted.body.recipientId);
    await must(beta.revoke({ recipient }));
    expect(await reason(recipient, 'offers')).toBe('CONSENTED');
  });

  it('16: a number is one person however it is written, and a broken one counts for a no alone', async () => {
    await grants('+39 02 1234567');
    for (const phone of ['+39021234567', '0039021234567', '39021234567', '+39 (02) 123-4567', '02 1234567']) {
      expect({ phone, reason: await reason({ phone }, 'offers') }).toEqual({ phone, reason: 'CONSENTED' });
    }
    expectProblem(await acme.grant(grantBody('12 34')), 400, 'ADDRESS_INVALID');
    const revoked = await acme.revoke({ recipient: { phone: '12 34' } });
    expect(revoked.status).toBe(201);
    expect(fieldsOf(revoked, 'warnings')).toEqual(['recipient']);
  });

  it.each([
    ['+52 55 1234 5678', '5215512345678'],
    ['+54 9 11 2345 6789', '541123456789'],
    ['+55 11 9 8765 4321', '551187654321'],
  ])('17: a form says %s, and STOP comes from %s', async (phone, from) => {
    await grants(phone);
    await writes(from, 'STOP');
    expect(await reason({ phone }, 'offers')).toBe('REVOKED');
  });

  it('18: no clock that runs ahead beats a no, nor keeps a window open', async () => {
    const recipient = { phone: '+393331110018' };
    await grants(recipient.phone, { occurredAt: `${DAY}T09:04:00Z` });
    clock.setTo(at('09:01:00'));
    await writes(recipient.phone, 'STOP');
    expect(await reason(recipient, 'offers')).toBe('REVOKED');
    const other = { phone: '+393331110019' };
    const message = { recipient: other, channel: 'whatsapp', sender: 'main', messageId: '2099' };
    await must(acme.message({ ...message, occurredAt: '2099-01-01T00:00:00Z' }));
    expect(await acme.check(other, 'service')).toMatchObject({ validUntil: '2026-05-05T09:01:00.000Z' });
    clock.setTo(at('09:00:00'));
  });

  it('19: a purpose that needs no consent is stopped by a no that covers it, and on WhatsApp needs consent', async () => {
    const recipient = { email: 'ticket@examples.example' };
    const onMail = { channel: 'email' };
    expect(await reason(recipient, 'tickets', onMail)).toBe('NO_OBJECTION');
    await must(acme.revoke({ recipient, method: 'one_click', channels: ['email'] }));
    expect(await reason(recipient, 'tickets', onMail)).toBe('NO_OBJECTION');
    expect(await reason(recipient, 'offers', onMail)).toBe('REVOKED');
    await must(acme.revoke({ recipient }));
    expect(await reason(recipient, 'tickets', onMail)).toBe('REVOKED');
    expect(await reason({ phone: '+393331110020' }, 'tickets')).toBe('NO_CONSENT');
  });

  it('20: the new number has what the old one had, and the old one’s next owner starts anew', async () => {
    const [old, taken] = [{ phone: '+393331110120' }, { phone: '+393331110220' }];
    await grants(old.phone, { channels: ['whatsapp', 'sms'] });
    clock.setTo(at('09:01:00'));
    await must(acme.revoke({ recipient: old, channels: ['sms'] }));
    clock.setTo(at('09:02:00'));
    await links(old, taken, 'changed_number');
    expect(await reasons(taken)).toEqual(['CONSENTED', 'CONSENTED', 'CONSENTED']);
    expect(await reasons(taken, 'offers', { channel: 'sms' })).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    expect(await reasons(old)).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    clock.setTo(at('09:03:00'));
    await grants(old.phone, { purposes: ['news'] });
    expect(await reasons(old, 'news')).toEqual(['CONSENTED', 'CONSENTED', 'CONSENTED']);
    expect(await reasons(old)).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    expect(await reasons(taken, 'news')).toEqual(['NO_CONSENT', 'NO_CONSENT', 'NO_CONSENT']);
    clock.setTo(at('09:00:00'));
  });
});
