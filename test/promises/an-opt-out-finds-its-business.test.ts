import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem, keyFor } from '../http/support/acme.js';
import { inLanes, people } from './support/people.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const ROUNDS = 40;
const somebody = people(6);

const senderOf = (providerId?: string) => ({
  channel: 'whatsapp',
  provider: 'whatsapp_cloud',
  address: '+39021234567',
  ...(providerId === undefined ? {} : { providerId }),
});

describe('a STOP finds the business whose sender it was sent to', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    await registerAcme(service, 'beta', '2002');
  });
  afterAll(() => service.stop());

  const business = (businessId = 'acme') => businessOf(service, businessId);
  const grant = async (businessId = 'acme') => {
    const phone = somebody();
    await must(business(businessId).grant(grantBody(phone)));
    return phone;
  };
  let said = 0;
  const say = (phone: string, text: string, phoneNumberId: string) =>
    must(
      deliver(
        service,
        deliveryOf({ from: phone.slice(1), id: `wamid.route-${++said}`, text, at: clock.now(), phoneNumberId }),
      ),
    );
  const reasonOf = async (phone: string, purpose = 'offers', businessId = 'acme') =>
    (await business(businessId).check({ phone }, purpose)).reason;
  /** Of somebody new who agreed, says STOP to this id, and is asked about. */
  const stopTo = async (providerId: string, businessId = 'acme') => {
    const phone = await grant(businessId);
    await say(phone, 'STOP', providerId);
    return reasonOf(phone, 'offers', businessId);
  };
  /** The same now and after a restart: what routes is the register, not what this process happens to remember. */
  const nowAndLater = async (claim: () => Promise<void>) => {
    await claim();
    service = await service.restart();
    await claim();
  };

  it(`that is being bound at this moment, ${ROUNDS} times`, async () => {
    const lost: string[] = [];
    await inLanes(ROUNDS, 2, async (round) => {
      const providerId = String(30_000 + round);
      const phones = [await grant(), await grant(), await grant()];
      const stops = phones.map((phone) => say(phone, 'STOP', providerId));
      await Promise.all([...stops, must(business().put('/senders/busy', senderOf(providerId)))]);
      for (const phone of phones) if ((await reasonOf(phone)) !== 'REVOKED') lost.push(`${round} ${phone}`);
    });
    expect(lost).toEqual([]);
  });

  it('also where its address was changed without naming the provider’s id again', async () => {
    const { secret } = await keyFor(service, ['business:admin'], 'acme');
    await must(business().put('/senders/kept', senderOf('40001')));
    const changed = { ...senderOf(), address: '+39029999999' };
    const answer = await must(business().put('/senders/kept', changed, { key: secret }));
    expect(answer.body).toMatchObject({ ...changed, providerId: '40001' });
    await nowAndLater(async () => {
      expect(await stopTo('40001')).toBe('REVOKED');
      const phone = somebody();
      await say(phone, 'Are you open?', '40001');
      expect(await reasonOf(phone, 'service')).toBe('SERVICE_WINDOW_OPEN');
    });
  });

  it('also on an id that the sender had before, where nothing but opt-outs is heard', async () => {
    await must(business().put('/senders/moved', senderOf('40002')));
    await must(business().put('/senders/moved', senderOf('40003')));
    await must(business().put('/senders/moved', senderOf('40004')));
    await nowAndLater(async () => {
      for (const providerId of ['40002', '40003', '40004']) expect(await stopTo(providerId)).toBe('REVOKED');
      const phone = somebody();
      await say(phone, 'Are you open?', '40002');
      expect(await reasonOf(phone, 'service')).toBe('SERVICE_WINDOW_CLOSED');
    });
  });

  it.each([
    ['acme', 'beta'],
    ['beta', 'acme'],
  ])('of two that gave the id up, first %s and then %s, it is the later one', async (earlier, later) => {
    const providerId = `5000${earlier.length}${earlier[0] === 'a' ? 1 : 2}`;
    for (const businessId of [earlier, later]) {
      clock.setTo(clock.now() + 60_000);
      await must(business(businessId).put(`/senders/shared-${earlier}`, senderOf(providerId)));
      await must(business(businessId).delete(`/senders/shared-${earlier}`));
    }
    await nowAndLater(async () => {
      const phone = await grant(earlier);
      await must(business(later).grant(grantBody(phone)));
      await say(phone, 'STOP', providerId);
      expect(await reasonOf(phone, 'offers', later)).toBe('REVOKED');
      expect(await reasonOf(phone, 'offers', earlier)).toBe('CONSENTED');
    });
  });

  it('and nobody but the operator can take it from there', async () => {
    const { secret } = await keyFor(service, ['business:admin'], 'acme');
    await must(business().put('/senders/firm', senderOf('40005')));
    const unbinding = { ...senderOf(), provider: 'twilio' };
    expectProblem(await business().put('/senders/firm', unbinding, { key: secret }), 403, 'FORBIDDEN');
    expectProblem(await business().put('/senders/firm', senderOf('40006'), { key: secret }), 403, 'FORBIDDEN');
    await nowAndLater(async () => expect(await stopTo('40005')).toBe('REVOKED'));
    await must(business().put('/senders/firm', unbinding));
    await nowAndLater(async () => expect(await stopTo('40005')).toBe('REVOKED'));
  });
});
