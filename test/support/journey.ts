import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock, type Clock } from '#platform';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme } from './client.js';
import type { TestService } from './service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const CHECK = '/v1/businesses/acme/eligibility';

/** The main job as a sender and a provider see it, over whatever ledger the service stands on. */
export function describeMainJob(ledger: string, start: (clock: Clock) => Promise<TestService>): void {
  describe(`the main job over HTTP on ${ledger}: from opt-in to STOP`, () => {
    const clock = new SettableClock(NOON);
    let service: TestService;

    beforeAll(async () => {
      service = await start(clock);
      await registerAcme(service);
    });
    afterAll(() => service.stop());

    const check = async (phone: string, purpose: string, more = {}) => {
      const body = { recipient: { phone }, channel: 'whatsapp', purpose, ...more };
      return (await must(ask(service, 'POST', CHECK, { body }))).body;
    };

    it('example 1: of somebody unknown it says NO_CONSENT, and no reply is allowed', async () => {
      expect(await check('+393330000001', 'offers')).toMatchObject({ eligible: false, reason: 'NO_CONSENT' });
      expect(await check('+393330000001', 'service')).toMatchObject({
        eligible: false,
        reason: 'SERVICE_WINDOW_CLOSED',
      });
    });

    it('example 3: a grant counts for the channel and purpose that it names, at once', async () => {
      const phone = '+393330000003';
      const granted = await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(phone) }));
      expect(granted.status).toBe(201);
      expect(granted.body).toMatchObject({
        type: 'ConsentGranted',
        effective: true,
        occurredAt: '2026-05-04T12:00:00.000Z',
      });
      const decision = await check(phone, 'offers');
      expect(decision).toMatchObject({ eligible: true, reason: 'CONSENTED', category: 'marketing', rulesVersion: '1' });
      expect(decision.basis).toMatchObject({ eventId: granted.body.eventId, type: 'ConsentGranted', revision: '0' });
      expect(await check(phone, 'offers', { channel: 'sms' })).toMatchObject({ reason: 'NO_CONSENT' });
      expect(await check(phone, 'news')).toMatchObject({ reason: 'NO_CONSENT' });
    });

    it('example 4: STOP on WhatsApp, one confirmation, then a question', async () => {
      const phone = '+393330000004';
      await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(phone) }));
      clock.setTo(NOON + 60_000);
      const stop = { from: phone.slice(1), id: 'wamid.stop-4', text: 'STOP', at: NOON + 60_000 };
      expect((await deliver(service, deliveryOf(stop))).status).toBe(200);
      expect(await check(phone, 'offers')).toMatchObject({ eligible: false, reason: 'REVOKED' });
      expect(await check(phone, 'service')).toMatchObject({ eligible: false, reason: 'REVOKED' });
      expect(await check(phone, 'opt_out_confirmation')).toMatchObject({
        eligible: true,
        reason: 'OPT_OUT_CONFIRMATION',
        validUntil: '2026-05-04T12:06:00.000Z',
      });
      clock.setTo(NOON + 3_600_000);
      const question = { from: phone.slice(1), id: 'wamid.ask-4', text: 'Are you open?', at: NOON + 3_600_000 };
      expect((await deliver(service, deliveryOf(question))).status).toBe(200);
      expect(await check(phone, 'service')).toMatchObject({ eligible: true, reason: 'SERVICE_WINDOW_OPEN' });
      expect(await check(phone, 'offers')).toMatchObject({ eligible: false, reason: 'REVOKED' });
    });
  });
}
