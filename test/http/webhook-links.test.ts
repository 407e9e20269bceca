import { describe, expect, it } from '@jest/globals';
import { deliver, deliveryOf, grantBody, must } from '../support/client.js';
import { recipientIdsOf } from '../promises/support/service.js';
import { expectProblem, type Json } from './support/acme.js';
import { byId, byPhone, WhatsappPeople } from './support/whatsapp-people.js';

describe('a number and a user id that WhatsApp names together', () => {
  const people = new WhatsappPeople();

  it.each([
    ['is heard before', ['STOP', 'both']],
    ['is heard after', ['both', 'STOP']],
  ] as const)('answer together: a STOP under the user id alone, which %s', async (_, order) => {
    const who = people.somebody();
    await must(people.acme.grant(grantBody(who.phone, { occurredAt: people.now() })));
    expect(await people.reason(byPhone(who))).toBe('CONSENTED');
    for (const what of order) await (what === 'STOP' ? people.writes(byId(who), 'STOP') : people.writes(who));
    expect(await people.reasons(byPhone(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    expect(await people.reasons(byId(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
  });

  it('are linked by a delivery that holds such a STOP as well', async () => {
    const who = people.somebody();
    await must(people.acme.grant(grantBody(who.phone)));
    await must(deliver(people.service, deliveryOf(people.said(who), people.said(byId(who), 'STOP'))));
    expect(await people.reasons(byPhone(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
  });

  it('share what one of them agreed to', async () => {
    const who = people.somebody();
    await must(people.acme.grant(grantBody(who.phone)));
    await people.writes(who);
    expect(await people.reasons(byId(who))).toEqual(['CONSENTED', 'CONSENTED', 'CONSENTED']);
  });

  it('are linked where a contact of the delivery names the one beside the other', async () => {
    const who = people.somebody();
    const delivery = deliveryOf(people.said(byPhone(who)));
    const value = delivery.entry[0]?.changes[0]?.value as Json & { contacts?: Json[] };
    value.contacts = [{ wa_id: who.phone.slice(1), user_id: who.whatsappUserId }];
    await must(deliver(people.service, delivery));
    expect(await people.typesOf(byId(who))).toEqual(['RecipientLinked']);
  });

  it('are linked by the status of a message to somebody known, and nobody is kept only for being named', async () => {
    const [known, stranger] = [people.somebody(), people.somebody()];
    await people.writes(byId(known), 'STOP');
    await must(people.acme.grant(grantBody(known.phone)));
    await people.writes(byId(known), 'STOP');
    expect(await people.reason(byPhone(known))).toBe('CONSENTED');
    await must(deliver(people.service, people.statusOf(known)));
    await must(deliver(people.service, people.statusOf(stranger)));
    expect(await people.reasons(byPhone(known))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    const [id] = await recipientIdsOf(people.service, [byPhone(stranger)]);
    expectProblem(await people.acme.get(`/recipients/${String(id)}`), 404, 'RECIPIENT_NOT_FOUND');
  });

  it('are linked once, in both streams, as of the first message, however often and in whatever pieces it comes', async () => {
    const who = people.somebody();
    const first = people.said(who);
    const delivery = deliveryOf(first, people.said(who), people.said(who));
    const answers = await Promise.all(Array.from({ length: 10 }, () => deliver(people.service, delivery)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    await people.writes(who);
    await must(deliver(people.service, deliveryOf(first)));
    const [phone, userId] = await recipientIdsOf(people.service, [byPhone(who), byId(who)]);
    for (const [recipient, other] of [
      [byPhone(who), userId],
      [byId(who), phone],
    ] as const) {
      const events = await people.eventsOf(recipient);
      expect(events).toMatchObject([{ type: 'RecipientLinked', data: { other, kind: 'same_person' } }]);
    }
  });

  it('are linked once by messages that come at the same time', async () => {
    const who = people.somebody();
    const deliveries = Array.from({ length: 30 }, () => deliveryOf(people.said(who)));
    const answers = await Promise.all(deliveries.map((delivery) => deliver(people.service, delivery)));
    expect(answers.map(({ status }) => status)).toEqual(deliveries.map(() => 200));
    expect(await people.typesOf(byPhone(who))).toEqual(['RecipientLinked']);
    expect(await people.typesOf(byId(who))).toEqual(['RecipientLinked']);
  });

  it('are linked as of now by a message from the future', async () => {
    const who = people.somebody();
    await must(deliver(people.service, deliveryOf({ ...people.said(who), at: Date.parse('2099-01-01T00:00:00Z') })));
    const [event] = await people.eventsOf(byPhone(who));
    expect(event).toMatchObject({
      occurredAt: people.now(),
      claimedAt: '2099-01-01T00:00:00.000Z',
    });
  });

  it('stay apart when somebody has unlinked them, until a later message names both', async () => {
    const who = people.somebody();
    const first = people.said(who);
    await must(deliver(people.service, deliveryOf(first)));
    await must(people.acme.delete('/links', people.linkBody(who)));
    await must(deliver(people.service, deliveryOf(first)));
    await people.writes(byId(who), 'STOP');
    await must(people.acme.grant(grantBody(who.phone)));
    await people.writes(byId(who), 'STOP');
    expect(await people.reason(byPhone(who))).toBe('CONSENTED');
    await people.writes(who);
    expect(await people.reasons(byPhone(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
  });
});
