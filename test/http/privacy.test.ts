import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme, type Answer } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { ACME, businessOf, expectProblem, type Json } from './support/acme.js';
import { ROUTES_WITH_BODIES } from './support/bad-routes.js';
import { withField } from './support/bad-values.js';
import { filesIn, foundIn, foundInFiles, PRIVATE } from './support/private.js';

/** A clock that can fail with an error that tells of somebody: what no code of ours expects. */
class TellingClock extends SettableClock {
  fails = false;

  override now(): number {
    if (!this.fails) return super.now();
    const { phone, email, wamid } = PRIVATE;
    throw new Error(`no time for ${phone}, ${phone.slice(1)}, ${email}, ${encodeURIComponent(email)} or ${wamid}`);
  }
}

describe('what is somebody’s own', () => {
  const clock = new TellingClock(Date.parse('2026-05-04T12:00:00.000Z'));
  const errors: Answer[] = [];
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  const addresses: readonly Json[] = [
    { phone: PRIVATE.phone },
    { phone: PRIVATE.landline },
    { phone: PRIVATE.national },
    { email: PRIVATE.email },
    { whatsappUserId: PRIVATE.whatsappUserId },
  ];

  it('is found by the search of this test, in every form', () => {
    const { phone, email, wamid } = PRIVATE;
    const forms = [
      phone,
      phone.slice(1),
      encodeURIComponent(email),
      Buffer.from(`a${email}`).toString('base64'),
      wamid,
    ];
    for (const form of forms) expect(foundIn(`{"x":"${form}"}`)).not.toEqual([]);
    expect(foundIn(JSON.stringify(PRIVATE)).length).toBeGreaterThan(Object.keys(PRIVATE).length);
    expect(foundIn('{"phone":"[masked]"}')).toEqual([]);
  });

  it('is taken on every route that takes it', async () => {
    const evidence = { [PRIVATE.evidenceKey]: PRIVATE.evidence, signer: PRIVATE.name };
    for (const [n, recipient] of addresses.entries()) {
      const withKey = { headers: { 'Idempotency-Key': `${PRIVATE.idempotencyKey}-${n}` } };
      await must(acme.grant(grantBody('', { recipient, evidence }), withKey));
      await must(
        acme
          .check(recipient, 'offers')
          .then((body) => ({ status: 200, headers: new Headers(), body: body as Answer['body'] })),
      );
      const sent = { recipient, channel: 'whatsapp', sender: 'main', messageId: PRIVATE.messageId };
      await must(acme.message({ ...sent, occurredAt: '2026-05-04T11:59:00Z' }));
      await must(acme.revoke({ recipient, reason: PRIVATE.reason }, withKey));
    }
    await must(acme.revoke({ recipient: { phone: PRIVATE.brokenPhone }, reason: PRIVATE.reason, note: PRIVATE.name }));
    await must(
      acme.revoke({ recipient: { email: PRIVATE.brokenEmail }, [PRIVATE.phone]: 1, channels: [PRIVATE.phone] }),
    );
    const checks = addresses.map((recipient) => ({ recipient, channel: 'whatsapp', purpose: 'offers' }));
    await must(acme.post('/eligibility/batch', { checks }));
    await must(acme.post('/recipients/lookup', { recipients: addresses }));
  });

  it('is taken from webhooks, routed and not', async () => {
    const [from, at] = [PRIVATE.phone.slice(1), clock.now()];
    for (const phoneNumberId of [undefined, '999']) {
      const routed = phoneNumberId === undefined ? {} : { phoneNumberId };
      const said = { from, userId: PRIVATE.whatsappUserId, at, ...routed };
      const texts = [PRIVATE.message, 'STOP', PRIVATE.optOut].map((text, n) => ({
        ...said,
        text,
        id: `${PRIVATE.wamid}${n}`,
      }));
      await must(deliver(service, deliveryOf(...texts)));
      const delivery = JSON.stringify(deliveryOf(...texts));
      for (const broken of [
        delivery.slice(0, -2),
        delivery.replaceAll('"text"', `"${PRIVATE.name}"`),
        delivery.replaceAll('messages', 'message_echoes'),
        delivery.replaceAll('"entry"', `"${PRIVATE.phone}"`),
      ]) {
        await must(deliver(service, broken));
      }
    }
    const { body } = await must(ask(service, 'GET', '/v1/unrouted?limit=500'));
    expect((body.unrouted as unknown as Json[]).length).toBeGreaterThan(5);
    expect(foundIn(JSON.stringify(body))).toEqual([]);
  });

  it('is not repeated by the refusal of any field, key, path or query that held it', async () => {
    // A key that is a plain word is named in a refusal, so that a misspelt field can be found.
    const keys = Object.values(PRIVATE).filter((value) => !/^\w+$/.test(value) || /\d{7}/.test(value));
    const headers = { 'X-Name': PRIVATE.email };
    for (const { method, path, body, fields } of ROUTES_WITH_BODIES) {
      const refusable = Object.keys(fields).filter((field) => !/^(text|flat)/.test(fields[field] ?? ''));
      const bodies = [
        ...refusable.flatMap((field) => keys.map((value) => withField(body, field, { value: { [value]: value } }))),
        ...keys.map((value) => ({ ...body, [value]: value })),
      ];
      errors.push(...(await Promise.all(bodies.map((one) => ask(service, method, path, { body: one, headers })))));
    }
    for (const value of Object.values(PRIVATE).map(encodeURIComponent)) {
      errors.push(await ask(service, 'GET', `${ACME}/recipients/${value}`));
      errors.push(await ask(service, 'GET', `${ACME}/recipients/${value}/timeline?after=${value}&limit=${value}`));
      errors.push(
        await ask(service, 'GET', `${ACME}/recipients/${value}/eligibility?channel=${value}&purpose=${value}`),
      );
      errors.push(await ask(service, 'PUT', `${ACME}/purposes/${value}`, { body: {} }));
      errors.push(await ask(service, 'GET', `/${value}?${value}=${value}`, { key: '' }));
      errors.push(await ask(service, 'GET', `/v1/businesses/${value}/senders`));
      errors.push(await ask(service, 'POST', `${ACME}/grants`, { key: value, body: grantBody(PRIVATE.phone) }));
    }
    for (const raw of [`{"phone":"${PRIVATE.phone}"`, PRIVATE.email, `"${PRIVATE.name}"`]) {
      errors.push(await ask(service, 'POST', `${ACME}/grants`, { raw }));
      errors.push(await ask(service, 'POST', `${ACME}/revocations`, { raw }));
    }
    expect(errors.every(({ status }) => status >= 400 && status < 500)).toBe(true);
    expect(foundIn(errors.map(({ body }) => JSON.stringify(body)).join('\n'))).toEqual([]);
  });

  it('is not told by an error that nobody expected', async () => {
    clock.fails = true;
    const unexpected = [
      await acme.grant(grantBody(PRIVATE.phone)),
      await acme.revoke({ recipient: { phone: PRIVATE.phone } }),
      await deliver(service, deliveryOf({ from: '393334567890', id: PRIVATE.wamid, text: PRIVATE.optOut, at: 0 })),
    ];
    clock.fails = false;
    for (const answer of unexpected) expectProblem(answer, 500, 'INTERNAL');
    expect(foundIn(JSON.stringify(unexpected.map(({ body }) => body)))).toEqual([]);
    expect(service.log()).toContain('no time for [masked]');
  });

  it('is opened for personal:read', async () => {
    const { recipientId } = await acme.check({ phone: PRIVATE.phone }, 'offers');
    const { body } = await must(acme.get(`/recipients/${String(recipientId)}/timeline`));
    const opened = JSON.stringify(body);
    for (const one of ['phone', 'name', 'evidence', 'evidenceKey', 'reason', 'optOut', 'wamid', 'messageId'] as const) {
      expect(opened).toContain(PRIVATE[one]);
    }
    // Of a message that neither granted nor revoked, the text is not kept at all.
    expect(opened).not.toContain(PRIVATE.message);
    expect(opened).not.toContain(PRIVATE.idempotencyKey);
  });

  it('stands in no log and on no page of metrics', async () => {
    const metrics = await (await fetch(`${service.metricsBase}/metrics`)).text();
    expect(foundIn(metrics)).toEqual([]);
    expect(service.log().length).toBeGreaterThan(500);
    expect(foundIn(service.log())).toEqual([]);
  });

  it('can be read in no file of the data directory, neither while the service runs nor afterwards', async () => {
    expect(filesIn(service.dataDir).some((file) => file.endsWith('-wal'))).toBe(true);
    expect(foundInFiles(service.dataDir)).toEqual([]);
    await service.running.close();
    expect(filesIn(service.dataDir).length).toBeGreaterThan(3);
    expect(foundInFiles(service.dataDir)).toEqual([]);
    expect(foundIn(service.log())).toEqual([]);
  });
});
