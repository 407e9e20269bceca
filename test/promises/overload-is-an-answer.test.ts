import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { APP_SECRET, startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem } from '../http/support/acme.js';
import { people } from './support/people.js';
import { holdView, releaseView, until } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const LIMIT = 4;
const somebody = people(9);

describe('beyond a limit', () => {
  let service: TestService;
  beforeEach(async () => {
    // Nobody is given up here for the time alone that a request may take.
    const times = { REQUEST_TIMEOUT_MS: '600000' };
    const env = { ...times, DELIVERIES_IN_FLIGHT_MAX: String(LIMIT), OVERLAY_MAX: String(LIMIT) };
    service = await startTestService({ clock: new SettableClock(NOON), env });
    await registerAcme(service);
  });
  afterEach(() => service.stop());

  /** A delivery of which the service has the head and not yet the body: Node says "continue" once it has taken it up. */
  const beginDelivery = async (body: string): Promise<ClientRequest> => {
    const signature = createHmac('sha256', APP_SECRET).update(body).digest('hex');
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'x-hub-signature-256': `sha256=${signature}`,
      expect: '100-continue',
    };
    const begun = request(`${service.base}/webhooks/whatsapp`, { method: 'POST', headers });
    begun.flushHeaders();
    await once(begun, 'continue');
    return begun;
  };
  const finish = async (begun: ClientRequest, body: string): Promise<number | undefined> => {
    const answered = once(begun, 'response');
    begun.end(body);
    const [response] = (await answered) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  const stopOf = (phone: string) =>
    JSON.stringify(deliveryOf({ from: phone.slice(1), id: `wamid.${phone}`, text: 'STOP', at: NOON }));

  it('deliveries are answered 503, with when to send again, and no other request is', async () => {
    const bodies = Array.from({ length: LIMIT }, () => stopOf(somebody()));
    const begun = await Promise.all(bodies.map(beginDelivery));
    const [late, told] = [somebody(), somebody()];
    const refused = await deliver(service, stopOf(late));
    expectProblem(refused, 503, 'OVERLOADED');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const acme = businessOf(service);
    expect((await acme.revoke({ recipient: { phone: told } })).status).toBe(201);
    expect((await acme.grant(grantBody(somebody()))).status).toBe(201);
    expect(await Promise.all(begun.map((one, index) => finish(one, bodies[index] as string)))).toEqual([
      200, 200, 200, 200,
    ]);
    expect((await deliver(service, stopOf(late))).status).toBe(200);
    for (const phone of [late, told])
      expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('a delivery that was given up no longer counts', async () => {
    const begun = await Promise.all(Array.from({ length: LIMIT }, () => beginDelivery(stopOf(somebody()))));
    for (const one of begun) {
      one.on('error', () => undefined);
      one.destroy();
    }
    const phone = somebody();
    await until('a delivery is taken again', async () => (await deliver(service, stopOf(phone))).status === 200);
    expect(await businessOf(service).check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('strangers whose bodies do not come to an end give their places up, and those of providers are taken', async () => {
    const begun = await Promise.all(Array.from({ length: LIMIT }, () => beginDelivery(stopOf(somebody()))));
    const answers = begun.map((one) =>
      once(
        one.on('error', () => undefined),
        'response',
      ),
    );
    for (const one of begun) one.write('{');
    const phones = Array.from({ length: LIMIT }, somebody);
    for (const phone of phones)
      await until('a delivery is taken', async () => (await deliver(service, stopOf(phone))).status === 200);
    const acme = businessOf(service);
    for (const phone of phones) expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
    const [answer] = (await Promise.race(answers)) as [IncomingMessage];
    expect(answer.statusCode).toBe(400);
  });

  it('deliveries that waited behind another answer no longer count once their caller has hung up', async () => {
    const { hostname, port } = new URL(service.base);
    const caller = connect(Number(port), hostname);
    await once(caller, 'connect');
    // One who watches is answered without end, and the rest has to wait for that.
    const key = `Authorization: Bearer ${service.adminKey}`;
    const watch = `GET /v1/businesses/acme/changes HTTP/1.1\r\nHost: a\r\n${key}\r\n\r\n`;
    const unsigned = 'POST /webhooks/whatsapp HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}';
    caller.write(watch + unsigned.repeat(LIMIT));
    await once(caller, 'data');
    const phone = somebody();
    expectProblem(await deliver(service, stopOf(phone)), 503, 'OVERLOADED');
    caller.destroy();
    await until('a delivery is taken again', async () => (await deliver(service, stopOf(phone))).status === 200);
  });

  it('of what a view that cannot move lacks, only opt-outs are added to it', async () => {
    const acme = businessOf(service);
    await service.running.parts.view.whenReady();
    holdView(service.dataDir);
    const agreed = Array.from({ length: LIMIT }, somebody);
    for (const phone of agreed) await must(acme.grant(grantBody(phone)));
    const message = { channel: 'whatsapp', sender: 'main', messageId: 'm-1', occurredAt: new Date(NOON).toISOString() };
    for (const refused of [
      await acme.grant(grantBody(somebody())),
      await acme.message({ recipient: { phone: somebody() }, ...message }),
    ]) {
      expectProblem(refused, 503, 'OVERLOADED');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const stopped = [...agreed, ...Array.from({ length: 3 * LIMIT }, somebody)];
    for (const phone of stopped) expect((await acme.revoke({ recipient: { phone } })).status).toBe(201);
    const byWebhook = somebody();
    expect((await deliver(service, stopOf(byWebhook))).status).toBe(200);
    const expectStopped = async () => {
      for (const phone of [...stopped, byWebhook]) {
        expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
      }
    };
    await expectStopped();
    releaseView(service.dataDir);
    await until('grants are taken again', async () => (await acme.grant(grantBody(somebody()))).status === 201);
    await expectStopped();
  });
});
