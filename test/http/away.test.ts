import { connect, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { until } from '../faults/until.js';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { ACME, businessOf, expectProblem, keyFor } from './support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const CONSENTED = { phone: '+393332200001' };

describe('while the ledger cannot be reached', () => {
  it('checks are still answered 200 and no, commands 503 with when to try again', async () => {
    const clock = new SettableClock(NOON);
    const service = await startTestService({ clock });
    try {
      await registerAcme(service);
      const acme = businessOf(service);
      await must(acme.grant(grantBody(CONSENTED.phone)));
      await service.running.parts.store.close();
      for (const refused of [
        await acme.grant(grantBody(CONSENTED.phone)),
        await acme.revoke({ recipient: CONSENTED }),
        await acme.put('/purposes/new', { category: 'marketing', title: 'New' }),
        await deliver(service, deliveryOf({ from: '393332200001', id: 'wamid.away', text: 'STOP', at: NOON })),
      ]) {
        expectProblem(refused, 503, 'LEDGER_UNAVAILABLE');
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      }
      const fromLedger = await acme.check(CONSENTED, 'offers', { consistency: 'ledger' });
      expect(fromLedger).toMatchObject({ eligible: false, reason: 'VIEW_UNAVAILABLE' });
      expect(fromLedger.retryAfterMs).toBeGreaterThan(0);
      clock.advance(60_000);
      expect(await acme.check(CONSENTED, 'offers')).toMatchObject({ eligible: false });
      const ready = await ask(service, 'GET', '/health/ready', { key: '' });
      expect(ready).toMatchObject({ status: 503, body: { status: 'not_ready' } });
      expect((await ask(service, 'GET', '/health/live', { key: '' })).status).toBe(200);
    } finally {
      await service.stop();
    }
  });
});

describe('a service that has as much to do as it may', () => {
  it('turns others away with when to try again, and no revocation', async () => {
    const service = await startTestService({ env: { IN_FLIGHT_MAX: '1' } });
    try {
      await registerAcme(service);
      const acme = businessOf(service);
      // A plain check is answered within one turn of the event loop and is never in work; this one is not plain.
      const question = { recipient: CONSENTED, channel: 'sms', purpose: 'offers', consistency: 'fast' };
      const check = () => acme.post('/eligibility', question);
      const half = holdRequest(service, `${ACME}/eligibility`);
      const refused = await until('a second request is turned away', async () => {
        const answer = await check();
        return answer.status === 200 ? undefined : answer;
      });
      expectProblem(refused, 503, 'OVERLOADED');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await acme.revoke({ recipient: CONSENTED })).status).toBe(201);
      const stop = deliveryOf({ from: '393332200002', id: 'wamid.busy', text: 'STOP', at: NOON });
      expect((await deliver(service, stop)).status).toBe(200);
      half.destroy();
      await until('there is room again', async () => ((await check()).status === 200 ? true : undefined));
    } finally {
      await service.stop();
    }
  });
});

/** A request whose body never comes to its end, and which is in work until its socket is destroyed. */
function holdRequest({ base, adminKey }: TestService, path: string): Socket {
  const { hostname, port } = new URL(base);
  const socket = connect(Number(port), hostname);
  const lines = [`POST ${path} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${adminKey}`];
  socket.write([...lines, 'Content-Type: application/json', 'Content-Length: 100', '', '{'].join('\r\n'));
  return socket;
}

describe('a service that was started again', () => {
  it('knows what it acknowledged, its keys, and which requests it has carried out', async () => {
    let service = await startTestService({ clock: new SettableClock(NOON) });
    await registerAcme(service);
    const { secret } = await keyFor(service, ['consent:write', 'eligibility:read'], 'acme');
    const options = { key: secret, headers: { 'Idempotency-Key': 'before' } };
    const granted = await must(businessOf(service).grant(grantBody(CONSENTED.phone), options));
    service = await service.restart();
    try {
      const acme = businessOf(service);
      expect(await acme.check(CONSENTED, 'offers')).toMatchObject({ basis: { eventId: granted.body.eventId } });
      const again = await acme.grant(grantBody(CONSENTED.phone), options);
      expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: granted.body });
      expectProblem(
        await acme.grant(grantBody(CONSENTED.phone, { purposes: ['news'] }), options),
        422,
        'IDEMPOTENCY_KEY_REUSED',
      );
    } finally {
      await service.stop();
    }
  });
});
