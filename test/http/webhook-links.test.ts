import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { deliver, deliveryOf, grantBody, must, registerAcme, type InboundText } from '../support/client.js';
import { PHONE_NUMBER_ID, startTestService, type TestService } from '../support/service.js';
import { append, holdView, recipientIdsOf, releaseView } from '../promises/support/service.js';
import { businessOf, expectProblem, headOf, type Json } from './support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const MOST_TOGETHER = 64;

describe('a number and a user id that WhatsApp names together', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  let people = 0;
  let messages = 0;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  interface Somebody {
    readonly phone: string;
    readonly whatsappUserId: string;
  }
  const somebody = (): Somebody => {
    people += 1;
    return { phone: `+39333600${1_000 + people}`, whatsappUserId: `IT.1349120865530${274_000 + people}` };
  };
  /** Each is later than the one before, as it is for people. */
  const said = ({ phone, whatsappUserId }: Partial<Somebody>, text = 'Hello'): InboundText => {
    clock.setTo(clock.now() + 1_000);
    const names = { ...(phone && { from: phone.slice(1) }), ...(whatsappUserId && { userId: whatsappUserId }) };
    return { ...names, id: `wamid.link-${messages++}`, text, at: clock.now() };
  };
  const writes = (who: Partial<Somebody>, text?: string) => must(deliver(service, deliveryOf(said(who, text))));
  const byId = ({ whatsappUserId }: Somebody) => ({ whatsappUserId });
  const byPhone = ({ phone }: Somebody) => ({ phone });
  const bodyOf = (who: Somebody, kind = 'same_person') => {
    clock.setTo(clock.now() + 1_000);
    return { recipient: byPhone(who), other: byId(who), kind, occurredAt: new Date(clock.now()).toISOString() };
  };
  const reason = async (recipient: Json, more: Json = {}) => (await acme.check(recipient, 'offers', more)).reason;
  /** At once, by a view that has caught up, and by the ledger itself. */
  const reasons = async (recipient: Json) => [
    await reason(recipient),
    await reason(recipient, { atLeast: await headOf(service) }),
    await reason(recipient, { consistency: 'ledger' }),
  ];
  const eventsOf = async (recipient: Json) => {
    const [id] = await recipientIdsOf(service, [recipient]);
    const { events } = (await must(acme.get(`/recipients/${String(id)}/timeline`))).body;
    return (events as unknown as Json[]).filter(({ type }) => String(type).startsWith('Recipient'));
  };
  const typesOf = async (recipient: Json) => (await eventsOf(recipient)).map(({ type }) => type);

  it.each([
    ['is heard before', ['STOP', 'both']],
    ['is heard after', ['both', 'STOP']],
  ] as const)('answer together: a STOP under the user id alone, which %s', async (_, order) => {
    const who = somebody();
    await must(acme.grant(grantBody(who.phone, { occurredAt: new Date(clock.now()).toISOString() })));
    expect(await reason(byPhone(who))).toBe('CONSENTED');
    for (const what of order) await (what === 'STOP' ? writes(byId(who), 'STOP') : writes(who));
    expect(await reasons(byPhone(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    expect(await reasons(byId(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
  });

  it('are linked by a delivery that holds such a STOP as well', async () => {
    const who = somebody();
    await must(acme.grant(grantBody(who.phone)));
    await must(deliver(service, deliveryOf(said(who), said(byId(who), 'STOP'))));
    expect(await reasons(byPhone(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
  });

  it('share what one of them agreed to', async () => {
    const who = somebody();
    await must(acme.grant(grantBody(who.phone)));
    await writes(who);
    expect(await reasons(byId(who))).toEqual(['CONSENTED', 'CONSENTED', 'CONSENTED']);
  });

  it('are linked where a contact of the delivery names the one beside the other', async () => {
    const who = somebody();
    const delivery = deliveryOf(said(byPhone(who)));
    const value = delivery.entry[0]?.changes[0]?.value as Json & { contacts?: Json[] };
    value.contacts = [{ wa_id: who.phone.slice(1), user_id: who.whatsappUserId }];
    await must(deliver(service, delivery));
    expect(await typesOf(byId(who))).toEqual(['RecipientLinked']);
  });

  const statusOf = (who: Somebody) => {
    const person = { recipient_id: who.phone.slice(1), recipient_user_id: who.whatsappUserId };
    const status = {
      id: `wamid.sent-${messages++}`,
      status: 'sent',
      timestamp: String(clock.now() / 1_000),
      ...person,
    };
    const value = { metadata: { phone_number_id: PHONE_NUMBER_ID }, statuses: [status] };
    return { entry: [{ changes: [{ field: 'messages', value }] }] };
  };

  it('are linked by the status of a message to somebody known, and nobody is kept only for being named', async () => {
    const [known, stranger] = [somebody(), somebody()];
    await writes(byId(known), 'STOP');
    await must(acme.grant(grantBody(known.phone)));
    await writes(byId(known), 'STOP');
    expect(await reason(byPhone(known))).toBe('CONSENTED');
    await must(deliver(service, statusOf(known)));
    await must(deliver(service, statusOf(stranger)));
    expect(await reasons(byPhone(known))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    const [id] = await recipientIdsOf(service, [byPhone(stranger)]);
    expectProblem(await acme.get(`/recipients/${String(id)}`), 404, 'RECIPIENT_NOT_FOUND');
  });

  it('are linked once, in both streams, as of the first message, however often and in whatever pieces it comes', async () => {
    const who = somebody();
    const first = said(who);
    const delivery = deliveryOf(first, said(who), said(who));
    const answers = await Promise.all(Array.from({ length: 10 }, () => deliver(service, delivery)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    await writes(who);
    await must(deliver(service, deliveryOf(first)));
    const [phone, userId] = await recipientIdsOf(service, [byPhone(who), byId(who)]);
    for (const [recipient, other] of [
      [byPhone(who), userId],
      [byId(who), phone],
    ] as const) {
      const events = await eventsOf(recipient);
      expect(events).toMatchObject([{ type: 'RecipientLinked', data: { other, kind: 'same_person' } }]);
    }
  });

  it('are linked once by messages that come at the same time', async () => {
    const who = somebody();
    const deliveries = Array.from({ length: 30 }, () => deliveryOf(said(who)));
    const answers = await Promise.all(deliveries.map((delivery) => deliver(service, delivery)));
    expect(answers.map(({ status }) => status)).toEqual(deliveries.map(() => 200));
    expect(await typesOf(byPhone(who))).toEqual(['RecipientLinked']);
    expect(await typesOf(byId(who))).toEqual(['RecipientLinked']);
  });

  it('are linked as of now by a message from the future', async () => {
    const who = somebody();
    await must(deliver(service, deliveryOf({ ...said(who), at: Date.parse('2099-01-01T00:00:00Z') })));
    const [event] = await eventsOf(byPhone(who));
    expect(event).toMatchObject({
      occurredAt: new Date(clock.now()).toISOString(),
      claimedAt: '2099-01-01T00:00:00.000Z',
    });
  });

  it('stay apart when somebody has unlinked them, until a later message names both', async () => {
    const who = somebody();
    const first = said(who);
    await must(deliver(service, deliveryOf(first)));
    await must(acme.delete('/links', bodyOf(who)));
    await must(deliver(service, deliveryOf(first)));
    await writes(byId(who), 'STOP');
    await must(acme.grant(grantBody(who.phone)));
    await writes(byId(who), 'STOP');
    expect(await reason(byPhone(who))).toBe('CONSENTED');
    await writes(who);
    expect(await reasons(byPhone(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
  });

  it('are not joined by what is no number', async () => {
    const [one, other] = [somebody(), somebody()];
    await must(acme.grant(grantBody('', { recipient: byId(one) })));
    for (const who of [one, other]) await must(deliver(service, deliveryOf({ ...said(byId(who)), from: '0' })));
    expect(await reason(byId(one))).toBe('CONSENTED');
    expect(await reason(byId(other))).toBe('NO_CONSENT');
  });

  it('share only noes with the next id that the number is named with, which may be somebody else', async () => {
    const former = somebody();
    const next = { ...former, whatsappUserId: somebody().whatsappUserId };
    await must(acme.grant(grantBody('', { recipient: byId(former) })));
    await writes(former);
    await writes(next);
    await must(deliver(service, statusOf(next)));
    expect(await reasons(byPhone(former))).toEqual(['CONSENTED', 'CONSENTED', 'CONSENTED']);
    expect(await reasons(byId(next))).toEqual(['NO_CONSENT', 'NO_CONSENT', 'NO_CONSENT']);
    expect(await eventsOf(byId(next))).toMatchObject([{ data: { kind: 'same_number' } }]);
    await writes(byId(next), 'STOP');
    for (const recipient of [byPhone(former), byId(former), byId(next)]) {
      expect(await reasons(recipient)).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    }
  });

  it('share only noes with the next number that the user id is named with', async () => {
    const first = somebody();
    const second = { ...first, phone: somebody().phone };
    await must(acme.grant(grantBody(first.phone)));
    await writes(first);
    await writes(second);
    expect(await reasons(byPhone(second))).toEqual(['NO_CONSENT', 'NO_CONSENT', 'NO_CONSENT']);
    expect(await reasons(byId(second))).toEqual(['CONSENTED', 'CONSENTED', 'CONSENTED']);
    await must(acme.grant(grantBody(second.phone)));
    await writes(byId(first), 'STOP');
    expect(await reasons(byPhone(first))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    expect(await reasons(byPhone(second))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
  });

  it('are linked again in the next life of a number, which an erasure of its former owner leaves alone', async () => {
    const [former, moved] = [somebody(), somebody()];
    const next = { ...former, whatsappUserId: somebody().whatsappUserId };
    await writes(former);
    const { occurredAt } = bodyOf(former);
    await must(
      acme.post('/links', { recipient: byPhone(former), other: byPhone(moved), kind: 'changed_number', occurredAt }),
    );
    clock.setTo(clock.now() + 1_000);
    await must(acme.grant(grantBody(next.phone)));
    await writes(next);
    expect(await reasons(byId(next))).toEqual(['CONSENTED', 'CONSENTED', 'CONSENTED']);
    await must(acme.post('/erasures', { recipient: byId(former), requestedBy: 'person' }));
    expect(await typesOf(byPhone(next))).not.toContain('RecipientErased');
    expect(await typesOf(byId(next))).not.toContain('RecipientErased');
    expect(await typesOf(byId(former))).toContain('RecipientErased');
  });

  it('are left as another process has linked them, of which the view has not heard yet', async () => {
    const who = somebody();
    await must(acme.grant(grantBody(who.phone)));
    const [id, other] = await recipientIdsOf(service, [byPhone(who), byId(who)]);
    holdView(service.dataDir);
    const link = { businessId: 'acme', other, kind: 'changed_number', role: 'old', occurredAt: bodyOf(who).occurredAt };
    await append(service, `consent-${String(id)}`, 'RecipientLinked', link);
    await writes(who);
    releaseView(service.dataDir);
    expect(await typesOf(byPhone(who))).toEqual(['RecipientLinked']);
    expect(await reason(byPhone(who), { consistency: 'ledger' })).toBe('REVOKED');
  });

  it('are linked as of when a message from the future came in, also where its sender is bound later', async () => {
    const who = somebody();
    const [phoneNumberId, at] = ['106540352249999', Date.parse('2099-01-01T00:00:00Z')];
    await writes(byPhone(who));
    await must(deliver(service, deliveryOf({ ...said(who), phoneNumberId, at })));
    const heardAt = new Date(clock.now()).toISOString();
    clock.setTo(clock.now() + 60_000);
    const sender = {
      channel: 'whatsapp',
      provider: 'whatsapp_cloud',
      address: '+39021234999',
      providerId: phoneNumberId,
    };
    await must(acme.put('/senders/later', sender));
    expect(await eventsOf(byId(who))).toMatchObject([{ type: 'RecipientLinked', occurredAt: heardAt }]);
  });

  it('have one confirmation between them', async () => {
    const who = somebody();
    await writes(who);
    await writes(byId(who), 'STOP');
    const confirmation = async (recipient: Json) => (await acme.check(recipient, 'opt_out_confirmation')).reason;
    expect(await confirmation(byPhone(who))).toBe('OPT_OUT_CONFIRMATION');
    clock.setTo(clock.now() + 10 * 60_000);
    await writes(who, 'STOP');
    expect(await confirmation(byPhone(who))).toBe('NO_RECENT_OPT_OUT');
    expect(await confirmation(byId(who))).toBe('NO_RECENT_OPT_OUT');
  });

  it('are read again without harm when the number has been erased and the two unlinked since', async () => {
    const who = somebody();
    const first = said(who);
    await must(deliver(service, deliveryOf(first)));
    await must(acme.post('/erasures', { recipient: byPhone(who), requestedBy: 'person' }));
    await must(acme.delete('/links', bodyOf(who)));
    expect((await deliver(service, deliveryOf(first))).status).toBe(200);
  });

  it('leave nothing of the number readable under the user id once it is erased', async () => {
    const who = somebody();
    const late = said(who, 'STOP');
    await must(acme.post('/erasures', { recipient: byPhone(who), requestedBy: 'person' }));
    await must(deliver(service, deliveryOf(late)));
    const [id] = await recipientIdsOf(service, [byId(who)]);
    const { events } = (await must(acme.get(`/recipients/${String(id)}/timeline`))).body;
    expect(JSON.stringify(events)).toContain(who.whatsappUserId);
    expect(JSON.stringify(events)).not.toContain('wamid');
  });

  it('are left as they are where a business has linked them in another way', async () => {
    const who = somebody();
    await must(acme.grant(grantBody(who.phone)));
    await must(acme.post('/links', bodyOf(who, 'changed_number')));
    await writes(who);
    expect(await typesOf(byPhone(who))).toEqual(['RecipientLinked']);
    expect(await reason(byPhone(who))).toBe('REVOKED');
  });

  it('are heard all the same where too many hang together for one more', async () => {
    const who = somebody();
    const others = Array.from({ length: MOST_TOGETHER - 1 }, somebody);
    for (const other of others) {
      const occurredAt = new Date(clock.now()).toISOString();
      const link = { recipient: byPhone(who), other: byPhone(other), kind: 'same_person', occurredAt };
      await must(acme.post('/links', link));
    }
    await must(acme.grant(grantBody(who.phone)));
    await writes(who, 'STOP');
    expect(await typesOf(byId(who))).toEqual([]);
    expect(await reasons(byPhone(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    expect(await reasons(byId(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
  });
});
