import { describe, expect, it } from '@jest/globals';
import { deliver, deliveryOf, grantBody, must } from '../support/client.js';
import { append, holdView, recipientIdsOf, releaseView } from '../promises/support/service.js';
import type { Json } from './support/acme.js';
import { byId, byPhone, WhatsappPeople } from './support/whatsapp-people.js';

const MOST_TOGETHER = 64;

describe('what is made of a number and a user id that WhatsApp names together, and what is not', () => {
  const people = new WhatsappPeople();

  it('share only noes with the next id that the number is named with, which may be somebody else', async () => {
    const former = people.somebody();
    const next = { ...former, whatsappUserId: people.somebody().whatsappUserId };
    await must(people.acme.grant(grantBody('', { recipient: byId(former) })));
    await people.writes(former);
    await people.writes(next);
    await must(deliver(people.service, people.statusOf(next)));
    expect(await people.reasons(byPhone(former))).toEqual(['CONSENTED', 'CONSENTED', 'CONSENTED']);
    expect(await people.reasons(byId(next))).toEqual(['NO_CONSENT', 'NO_CONSENT', 'NO_CONSENT']);
    expect(await people.eventsOf(byId(next))).toMatchObject([{ data: { kind: 'same_number' } }]);
    await people.writes(byId(next), 'STOP');
    for (const recipient of [byPhone(former), byId(former), byId(next)]) {
      expect(await people.reasons(recipient)).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    }
  });

  it('share only noes with the next number that the user id is named with', async () => {
    const first = people.somebody();
    const second = { ...first, phone: people.somebody().phone };
    await must(people.acme.grant(grantBody(first.phone)));
    await people.writes(first);
    await people.writes(second);
    expect(await people.reasons(byPhone(second))).toEqual(['NO_CONSENT', 'NO_CONSENT', 'NO_CONSENT']);
    expect(await people.reasons(byId(second))).toEqual(['CONSENTED', 'CONSENTED', 'CONSENTED']);
    await must(people.acme.grant(grantBody(second.phone)));
    await people.writes(byId(first), 'STOP');
    expect(await people.reasons(byPhone(first))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    expect(await people.reasons(byPhone(second))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
  });

  it('are linked again in the next life of a number, which an erasure of its former owner leaves alone', async () => {
    const [former, moved] = [people.somebody(), people.somebody()];
    const next = { ...former, whatsappUserId: people.somebody().whatsappUserId };
    await people.writes(former);
    const { occurredAt } = people.linkBody(former);
    await must(
      people.acme.post('/links', {
        recipient: byPhone(former),
        other: byPhone(moved),
        kind: 'changed_number',
        occurredAt,
      }),
    );
    people.clock.setTo(people.clock.now() + 1_000);
    await must(people.acme.grant(grantBody(next.phone)));
    await people.writes(next);
    expect(await people.reasons(byId(next))).toEqual(['CONSENTED', 'CONSENTED', 'CONSENTED']);
    await must(people.acme.post('/erasures', { recipient: byId(former), requestedBy: 'person' }));
    expect(await people.typesOf(byPhone(next))).not.toContain('RecipientErased');
    expect(await people.typesOf(byId(next))).not.toContain('RecipientErased');
    expect(await people.typesOf(byId(former))).toContain('RecipientErased');
  });

  it('are not joined by what is no number', async () => {
    const [one, other] = [people.somebody(), people.somebody()];
    await must(people.acme.grant(grantBody('', { recipient: byId(one) })));
    for (const who of [one, other])
      await must(deliver(people.service, deliveryOf({ ...people.said(byId(who)), from: '0' })));
    expect(await people.reason(byId(one))).toBe('CONSENTED');
    expect(await people.reason(byId(other))).toBe('NO_CONSENT');
  });

  it('are left as another process has linked them, of which the view has not heard yet', async () => {
    const who = people.somebody();
    await must(people.acme.grant(grantBody(who.phone)));
    const [id, other] = await recipientIdsOf(people.service, [byPhone(who), byId(who)]);
    holdView(people.service.dataDir);
    const link = {
      businessId: 'acme',
      other,
      kind: 'changed_number',
      role: 'old',
      occurredAt: people.linkBody(who).occurredAt,
    };
    await append(people.service, `consent-${String(id)}`, 'RecipientLinked', link);
    await people.writes(who);
    releaseView(people.service.dataDir);
    expect(await people.typesOf(byPhone(who))).toEqual(['RecipientLinked']);
    expect(await people.reason(byPhone(who), { consistency: 'ledger' })).toBe('REVOKED');
  });

  it('are linked as of when a message from the future came in, also where its sender is bound later', async () => {
    const who = people.somebody();
    const [phoneNumberId, at] = ['106540352249999', Date.parse('2099-01-01T00:00:00Z')];
    await people.writes(byPhone(who));
    await must(deliver(people.service, deliveryOf({ ...people.said(who), phoneNumberId, at })));
    const heardAt = people.now();
    people.clock.setTo(people.clock.now() + 60_000);
    const sender = {
      channel: 'whatsapp',
      provider: 'whatsapp_cloud',
      address: '+39021234999',
      providerId: phoneNumberId,
    };
    await must(people.acme.put('/senders/later', sender));
    expect(await people.eventsOf(byId(who))).toMatchObject([{ type: 'RecipientLinked', occurredAt: heardAt }]);
  });

  it('have one confirmation between them', async () => {
    const who = people.somebody();
    await people.writes(who);
    await people.writes(byId(who), 'STOP');
    const confirmation = async (recipient: Json) => (await people.acme.check(recipient, 'opt_out_confirmation')).reason;
    expect(await confirmation(byPhone(who))).toBe('OPT_OUT_CONFIRMATION');
    people.clock.setTo(people.clock.now() + 10 * 60_000);
    await people.writes(who, 'STOP');
    expect(await confirmation(byPhone(who))).toBe('NO_RECENT_OPT_OUT');
    expect(await confirmation(byId(who))).toBe('NO_RECENT_OPT_OUT');
  });

  it('are read again without harm when the number has been erased and the two unlinked since', async () => {
    const who = people.somebody();
    const first = people.said(who);
    await must(deliver(people.service, deliveryOf(first)));
    await must(people.acme.post('/erasures', { recipient: byPhone(who), requestedBy: 'person' }));
    await must(people.acme.delete('/links', people.linkBody(who)));
    expect((await deliver(people.service, deliveryOf(first))).status).toBe(200);
  });

  it('leave nothing of the number readable under the user id once it is erased', async () => {
    const who = people.somebody();
    const late = people.said(who, 'STOP');
    await must(people.acme.post('/erasures', { recipient: byPhone(who), requestedBy: 'person' }));
    await must(deliver(people.service, deliveryOf(late)));
    const [id] = await recipientIdsOf(people.service, [byId(who)]);
    const { events } = (await must(people.acme.get(`/recipients/${String(id)}/timeline`))).body;
    expect(JSON.stringify(events)).toContain(who.whatsappUserId);
    expect(JSON.stringify(events)).not.toContain('wamid');
  });

  it('are left as they are where a business has linked them in another way', async () => {
    const who = people.somebody();
    await must(people.acme.grant(grantBody(who.phone)));
    await must(people.acme.post('/links', people.linkBody(who, 'changed_number')));
    await people.writes(who);
    expect(await people.typesOf(byPhone(who))).toEqual(['RecipientLinked']);
    expect(await people.reason(byPhone(who))).toBe('REVOKED');
  });

  it('are heard all the same where too many hang together for one more', async () => {
    const who = people.somebody();
    const others = Array.from({ length: MOST_TOGETHER - 1 }, () => people.somebody());
    for (const other of others) {
      const occurredAt = people.now();
      const link = { recipient: byPhone(who), other: byPhone(other), kind: 'same_person', occurredAt };
      await must(people.acme.post('/links', link));
    }
    await must(people.acme.grant(grantBody(who.phone)));
    await people.writes(who, 'STOP');
    expect(await people.typesOf(byId(who))).toEqual([]);
    expect(await people.reasons(byPhone(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    expect(await people.reasons(byId(who))).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
  });
});
