import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme, type InboundText } from '../support/client.js';
import { APP_SECRET, PHONE_NUMBER_ID, startTestService, VERIFY_TOKEN, type TestService } from '../support/service.js';
import { businessOf, expectProblem, headOf, type Json } from './support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const THREE_MIB = 3 * 1_048_576;

function golden(name: string): string {
  return readFileSync(new URL(`../../libs/providers/whatsapp/golden/${name}.json`, import.meta.url), 'utf8');
}

describe('WhatsApp webhooks', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  let people = 0;
  const somebody = () => `+39333500${String(1_000 + people++)}`;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  const said = (phone: string, text: string, id: string): InboundText => ({
    from: phone.slice(1),
    id,
    text,
    at: clock.now(),
  });
  const unrouted = async () =>
    (await must(ask(service, 'GET', '/v1/unrouted?limit=500'))).body.unrouted as unknown as Json[];
  const streamOf = async (category: string, recipient: Json) => {
    const { results } = (await must(acme.post('/recipients/lookup', { recipients: [recipient] }))).body;
    const [{ recipientId } = {}] = results as unknown as { recipientId: string }[];
    return service.running.parts.store.readStream(`${category}-${String(recipientId)}`, { limit: 500 });
  };

  it('are verified by their token, and by nothing else', async () => {
    const verify = (query: string) => ask(service, 'GET', `/webhooks/whatsapp?${query}`, { key: '' });
    const right = `hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=${VERIFY_TOKEN}`;
    const answer = await fetch(`${service.base}/webhooks/whatsapp?${right}`);
    expect(await answer.text()).toBe('1158201444');
    expect(answer.headers.get('content-type')).toContain('text/plain');
    for (const query of [
      '',
      right.replace(VERIFY_TOKEN, 'other'),
      right.replace('subscribe', 'unsubscribe'),
      right.replace('&hub.challenge=1158201444', ''),
      right.replace(`&hub.verify_token=${VERIFY_TOKEN}`, ''),
    ]) {
      expectProblem(await verify(query), 403, 'FORBIDDEN');
    }
    expect((await verify(`${right}&hub.verify_token=other`)).status).toBe(400);
  });

  it('are not read without their signature over these very bytes', async () => {
    const phone = somebody();
    await must(acme.grant(grantBody(phone)));
    const before = await headOf(service);
    const raw = JSON.stringify(deliveryOf(said(phone, 'STOP', 'wamid.unsigned')));
    const signed = (bytes: string, secret = APP_SECRET) => createHmac('sha256', secret).update(bytes).digest('hex');
    const good = `sha256=${signed(raw)}`;
    const headers: (string | undefined)[] = [
      undefined,
      '',
      'sha256=',
      signed(raw),
      `sha1=${signed(raw)}`,
      `sha256=${signed(raw, 'foreign-secret')}`,
      `sha256=${signed(`${raw} `)}`,
      `${good}00`,
      good.slice(0, -1),
      `${good.slice(0, -1)}g`,
      `${good}, ${good}`,
    ];
    for (const header of headers) {
      const more = header === undefined ? {} : { 'x-hub-signature-256': header };
      const answer = await ask(service, 'POST', '/webhooks/whatsapp', { key: '', raw, headers: more });
      expectProblem(answer, 401, 'UNAUTHENTICATED');
    }
    expect(await headOf(service)).toBe(before);
    expect(await unrouted()).toEqual([]);
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ eligible: true });
    const upper = { 'x-hub-signature-256': `sha256=${signed(raw).toUpperCase()}`, 'content-type': 'text/plain' };
    await must(ask(service, 'POST', '/webhooks/whatsapp', { key: '', raw, headers: upper }));
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('put the stop on disk before the message that carried it, and before the 200', async () => {
    const phone = somebody();
    await must(deliver(service, deliveryOf(said(phone, 'STOP', 'wamid.order'))));
    const [revoked] = await streamOf('consent', { phone });
    const [messaged] = await streamOf('conversation', { phone });
    expect([revoked?.type, messaged?.type]).toEqual(['ConsentRevoked', 'UserMessaged']);
    const number = (position: string | undefined) => Number(position?.split('.')[1]);
    expect(number(revoked?.position)).toBeLessThan(number(messaged?.position));
    expect(await acme.check({ phone }, 'service')).toMatchObject({ reason: 'REVOKED' });
  });

  it('example 11: three times, and in two orders, make one event of each fact and one state', async () => {
    const stories = [somebody(), somebody()].map((phone) => ({
      phone,
      parts: [
        said(phone, 'Hello', `${phone}.1`),
        said(phone, 'STOP', `${phone}.2`),
        said(phone, 'cancelar', `${phone}.3`),
      ],
    }));
    for (const { phone, parts } of stories) {
      const deliveries = [deliveryOf(...parts), ...parts.map((one) => deliveryOf(one)), deliveryOf(...parts)];
      const ordered = phone === stories[0]?.phone ? deliveries : deliveries.reverse();
      for (const delivery of ordered) expect((await deliver(service, delivery)).status).toBe(200);
      expect(await streamOf('consent', { phone })).toHaveLength(2);
      expect(await streamOf('conversation', { phone })).toHaveLength(3);
    }
    const states = stories.map(async ({ phone }) => {
      const { recipientId } = await acme.check({ phone }, 'offers');
      const { body } = await must(acme.get(`/recipients/${String(recipientId)}`));
      return JSON.stringify({ ...body, recipientId: '', position: '' }).replaceAll(/"eventId":"[^"]+"/g, '');
    });
    const [one, other] = await Promise.all(states);
    expect(one).toBe(other);
  });

  it('that tell several STOPs of one person at once set off one confirmation', async () => {
    const phone = somebody();
    const stops = ['wamid.twice-1', 'wamid.twice-2', 'wamid.twice-3'].map((id) => said(phone, 'STOP', id));
    await must(deliver(service, deliveryOf(...stops)));
    const stored = (await streamOf('consent', { phone })).map(
      ({ data }) => JSON.parse(Buffer.from(data).toString()) as Json,
    );
    expect(stored.map(({ confirmUntil }) => confirmUntil !== undefined)).toEqual([true, false, false]);
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('delivered ten times at once make one event of each fact', async () => {
    const phone = somebody();
    const delivery = deliveryOf(said(phone, 'STOP', 'wamid.at-once'));
    const answers = await Promise.all(Array.from({ length: 10 }, () => deliver(service, delivery)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(await streamOf('consent', { phone })).toHaveLength(1);
    expect(await streamOf('conversation', { phone })).toHaveLength(1);
  });

  it('revoke under the phone and under the user id that a message carries', async () => {
    const [phone, whatsappUserId] = [somebody(), 'IT.13491208655302741918'];
    await must(acme.grant(grantBody(phone)));
    await must(acme.grant(grantBody('', { recipient: { whatsappUserId } })));
    await must(deliver(service, deliveryOf({ ...said(phone, 'Stop!', 'wamid.both'), userId: whatsappUserId })));
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
    expect(await acme.check({ whatsappUserId }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it.each([
    ...['Stop!', 'STOP.', 'stop ', 'Ｓｔｏｐ', 'arrêt', 'ARRET', 'baja', 'parar', '🛑 stop 🛑'].map((text) => [
      text,
      'REVOKED',
      'REVOKED',
    ]),
    ...['cancelar', 'Cancel', 'quit'].map((text) => [text, 'REVOKED', 'SERVICE_WINDOW_OPEN']),
    ...['stop by later?', 'non-stop', 'tem como parar a dor?', '', 'Hello'].map((text) => [
      text,
      'CONSENTED',
      'SERVICE_WINDOW_OPEN',
    ]),
  ])('example 10: read %j as %s for marketing, %s for replies', async (text, marketing, service_) => {
    const phone = somebody();
    await must(acme.grant(grantBody(phone, { occurredAt: '2026-05-04T11:00:00Z' })));
    await must(deliver(service, deliveryOf(said(phone, String(text), `wamid.word-${phone}`))));
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: marketing });
    expect(await acme.check({ phone }, 'service')).toMatchObject({ reason: service_ });
  });

  it('are a STOP whatever stands around it that says nothing', async () => {
    const phone = somebody();
    await must(acme.grant(grantBody(phone)));
    const text = `STOP${' '.repeat(THREE_MIB / 2)}`;
    expect((await deliver(service, deliveryOf(said(phone, text, 'wamid.blanks')))).status).toBe(200);
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('take a batch of a thousand, each for its own person', async () => {
    const phones = Array.from({ length: 1_000 }, (_, n) => `+39333700${1_000 + n}`);
    const delivery = deliveryOf(
      ...phones.map((phone, n) => said(phone, n % 2 === 0 ? 'STOP' : 'Hi', `wamid.batch-${n}`)),
    );
    expect((await deliver(service, delivery)).status).toBe(200);
    const checks = phones.map((phone) => ({ recipient: { phone }, channel: 'whatsapp', purpose: 'service' }));
    const { results } = (await must(acme.post('/eligibility/batch', { checks }))).body;
    const reasons = (results as unknown as Json[]).map(({ reason }) => reason);
    expect(reasons).toEqual(phones.map((_, n) => (n % 2 === 0 ? 'REVOKED' : 'SERVICE_WINDOW_OPEN')));
  });

  it('are taken up to 3 MiB, and refused above', async () => {
    const phone = somebody();
    const small = JSON.stringify(deliveryOf(said(phone, 'STOP', 'wamid.large')));
    const sized = (bytes: number) => small + ' '.repeat(bytes - small.length);
    const before = await headOf(service);
    expectProblem(await deliver(service, sized(THREE_MIB + 1)), 413, 'BODY_TOO_LARGE');
    expect(await headOf(service)).toBe(before);
    expect((await deliver(service, sized(THREE_MIB))).status).toBe(200);
    expect(await acme.check({ phone }, 'opt_out_confirmation')).toMatchObject({ eligible: true });
  });

  it('keep what is no JSON, no delivery or of an unknown type, and go on with the rest', async () => {
    const phone = somebody();
    const kept = (await unrouted()).length;
    for (const body of ['not json', '[]', '{}', '"STOP"', '\u0000']) {
      expect((await deliver(service, body)).status).toBe(200);
    }
    expect(await unrouted()).toHaveLength(kept + 5);
    for (const name of ['reaction', 'account-update', 'list-reply', 'unsupported']) {
      const { entry } = JSON.parse(golden(name)) as { entry: unknown[] };
      const mixed = { ...deliveryOf(said(phone, 'STOP', `wamid.mixed-${name}`)) };
      expect((await deliver(service, { ...mixed, entry: [...entry, ...mixed.entry] })).status).toBe(200);
    }
    const after = await unrouted();
    expect(after.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining([
        'message:reaction',
        'field:account_update',
        'message:interactive',
        'message:unsupported',
      ]),
    );
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
    expect(await streamOf('consent', { phone })).toHaveLength(4);
  });

  it('read the tap on an opt-out button as a stop of marketing, which opens no window', async () => {
    const phone = somebody();
    await must(acme.grant(grantBody(phone, { occurredAt: '2026-05-04T11:00:00Z' })));
    const now = String(clock.now() / 1_000);
    const tap = golden('button').replaceAll('16505551234', phone.slice(1)).replace('1750091045', now);
    for (let time = 0; time < 2; time++) await must(deliver(service, tap));
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED', basis: { method: 'button' } });
    expect(await acme.check({ phone }, 'opt_out_confirmation')).toMatchObject({ eligible: true });
    expect(await acme.check({ phone }, 'service')).toMatchObject({ reason: 'SERVICE_WINDOW_CLOSED' });
    expect(await streamOf('consent', { phone })).toHaveLength(2);
  });

  it('read the golden STOPs', async () => {
    await must(deliver(service, golden('stop')));
    expect(await acme.check({ phone: '+16505551234' }, 'offers')).toMatchObject({ reason: 'REVOKED' });
    await must(deliver(service, golden('user-id-only-stop')));
    expect(await acme.check({ whatsappUserId: 'US.13491208655302741918' }, 'offers')).toMatchObject({
      reason: 'REVOKED',
    });
    expect(PHONE_NUMBER_ID).toBe('106540352242922');
  });
});

describe('WhatsApp webhooks that are not configured', () => {
  it('are answered 503, signed or not', async () => {
    const service = await startTestService({ env: { WHATSAPP_APP_SECRET: '', WHATSAPP_VERIFY_TOKEN: '' } });
    try {
      const delivery = deliveryOf({ from: '393335000001', id: 'wamid.x', text: 'STOP', at: NOON });
      expectProblem(await deliver(service, delivery), 503, 'NOT_CONFIGURED');
      expectProblem(await deliver(service, delivery, ''.padEnd(1)), 503, 'NOT_CONFIGURED');
      const query = 'hub.mode=subscribe&hub.challenge=1&hub.verify_token=';
      expectProblem(await ask(service, 'GET', `/webhooks/whatsapp?${query}`, { key: '' }), 503, 'NOT_CONFIGURED');
    } finally {
      await service.stop();
    }
  });
});
