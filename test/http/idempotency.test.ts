import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { grantBody, must, registerAcme, type Answer } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem, fieldsOf, headOf, type Json } from './support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const withKey = (key: string) => ({ headers: { 'Idempotency-Key': key } });

function expectReplayed(again: Answer, first: Answer): void {
  expect(again.status).toBe(200);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(again.body).toEqual(first.body);
}

describe('the same request again', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  it('is answered as the first time, with a header, and writes nothing', async () => {
    const body = grantBody('+393333000001', { occurredAt: '2026-05-03T08:00:00Z', evidence: { form: 'f-1' } });
    const first = await acme.grant(body, withKey('grant-1'));
    expect(first.status).toBe(201);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    const before = await headOf(service);
    clock.setTo(clock.now() + 60_000);
    expectReplayed(await acme.grant(body, withKey('grant-1')), first);
    const reordered = Object.fromEntries(Object.entries(body).reverse());
    expectReplayed(await acme.grant(reordered, withKey('grant-1')), first);
    expect(await headOf(service)).toBe(before);
  });

  it('still says what was so then, though it is no longer', async () => {
    const phone = '+393333000002';
    const body = grantBody(phone);
    const first = await acme.grant(body, withKey('grant-2'));
    await must(acme.revoke({ recipient: { phone } }));
    expect(first.body.effective).toBe(true);
    expectReplayed(await acme.grant(body, withKey('grant-2')), first);
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('hears the same warnings once the future it was dated in has passed', async () => {
    const body = { recipient: { phone: '+393333000003' }, occurredAt: new Date(clock.now() + 60_000).toISOString() };
    const first = await acme.revoke(body, withKey('revoke-1'));
    expect(fieldsOf(first, 'warnings')).toEqual(['occurredAt']);
    clock.setTo(clock.now() + 120_000);
    expectReplayed(await acme.revoke(body, withKey('revoke-1')), first);
  });

  it('is another command without a key', async () => {
    const body = grantBody('+393333000004');
    const [first, second] = [await acme.grant(body), await acme.grant(body)];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toMatchObject({ revision: '1' });
  });

  it('is refused with another body, and changes nothing', async () => {
    await must(acme.grant(grantBody('+393333000005'), withKey('grant-5')));
    const before = await headOf(service);
    const other = grantBody('+393333000005', { purposes: ['news'] });
    const refused = await acme.grant(other, withKey('grant-5'));
    expectProblem(refused, 422, 'IDEMPOTENCY_KEY_REUSED');
    expect(fieldsOf(refused)).toEqual(['Idempotency-Key']);
    expect(await headOf(service)).toBe(before);
  });

  it('records a revocation with another body as a command of its own, with a warning, and that once', async () => {
    const recipient = { phone: '+393333000006' };
    const first = await must(acme.revoke({ recipient, channels: ['sms'] }, withKey('revoke-6')));
    const second = await acme.revoke({ recipient, channels: ['email'] }, withKey('revoke-6'));
    expect(second.status).toBe(201);
    expect(second.body.eventId).not.toBe(first.body.eventId);
    expect(fieldsOf(second, 'warnings')).toEqual(['Idempotency-Key']);
    expectReplayed(await acme.revoke({ recipient, channels: ['email'] }, withKey('revoke-6')), second);
    expectReplayed(await acme.revoke({ recipient, channels: ['sms'] }, withKey('revoke-6')), first);
  });

  it('is refused for another person, and a revocation recorded for them with a warning', async () => {
    await must(acme.grant(grantBody('+393333000021'), withKey('one-person')));
    const before = await headOf(service);
    expectProblem(await acme.grant(grantBody('+393333000022'), withKey('one-person')), 422, 'IDEMPOTENCY_KEY_REUSED');
    expect(await headOf(service)).toBe(before);
    await must(acme.revoke({ recipient: { phone: '+393333000021' } }, withKey('one-stop')));
    const other = await acme.revoke({ recipient: { phone: '+393333000022' } }, withKey('one-stop'));
    expect(other.status).toBe(201);
    expect(fieldsOf(other, 'warnings')).toEqual(['Idempotency-Key']);
    expectReplayed(await acme.revoke({ recipient: { phone: '+393333000022' } }, withKey('one-stop')), other);
  });

  it('is not burnt by a request that was refused', async () => {
    const refused = await acme.grant(grantBody('+393333000023', { purposes: ['nothing'] }), withKey('mended'));
    expectProblem(refused, 404, 'PURPOSE_NOT_FOUND');
    expect((await acme.grant(grantBody('+393333000023'), withKey('mended'))).status).toBe(201);
  });

  it('of several addresses in one revocation is recorded for each without a warning for the key', async () => {
    const recipient = { phone: '+393333000024', email: 'several@idempotency.example' };
    const first = await acme.revoke({ recipient }, withKey('several'));
    expect(fieldsOf(first, 'warnings')).toEqual(['recipient']);
    expectReplayed(await acme.revoke({ recipient }, withKey('several')), first);
  });

  it('knows a key by its business and route', async () => {
    const phone = '+393333000007';
    const granted = await must(acme.grant(grantBody(phone), withKey('shared')));
    const revoked = await acme.revoke({ recipient: { phone } }, withKey('shared'));
    expect(revoked.status).toBe(201);
    expect(revoked.body.warnings).toBeUndefined();
    await registerAcme(service, 'beta', '2002');
    const elsewhere = await businessOf(service, 'beta').grant(grantBody(phone), withKey('shared'));
    expect(elsewhere.status).toBe(201);
    expect(elsewhere.body.eventId).not.toBe(granted.body.eventId);
  });

  it.each([
    ['too long', 'k'.repeat(256)],
    ['not ASCII', 'caff\u00e8'],
  ])('refuses a key that is %s on a grant, and ignores it with a warning on a revocation', async (_what, key) => {
    const before = await headOf(service);
    const refused = await acme.grant(grantBody('+393333000008'), withKey(key));
    expectProblem(refused, 400, 'VALIDATION_FAILED');
    expect(fieldsOf(refused)).toEqual(['Idempotency-Key']);
    expect(await headOf(service)).toBe(before);
    for (const revision of [0, 1]) {
      const revoked = await acme.revoke({ recipient: { email: `${key.length}@idempotency.example` } }, withKey(key));
      expect({ status: revoked.status, revision: revoked.body.revision }).toEqual({
        status: 201,
        revision: String(revision),
      });
      expect(fieldsOf(revoked, 'warnings')).toEqual(['Idempotency-Key']);
    }
  });

  it('takes a key of 255 characters', async () => {
    const body = grantBody('+393333000009');
    const first = await must(acme.grant(body, withKey('k'.repeat(255))));
    expectReplayed(await acme.grant(body, withKey('k'.repeat(255))), first);
  });

  it.each([
    ['grants', (body: Json) => acme.grant({ ...grantBody('+393333000010'), ...body }, withKey('at-once'))],
    [
      'revocations',
      (body: Json) => acme.revoke({ recipient: { phone: '+393333000011' }, ...body }, withKey('at-once')),
    ],
    [
      'messages',
      (body: Json) =>
        acme.message({
          recipient: { phone: '+393333000012' },
          channel: 'whatsapp',
          sender: 'main',
          messageId: 'wamid.at-once',
          occurredAt: '2026-05-04T12:00:00Z',
          ...body,
        }),
    ],
  ])('makes one event of twenty %s under one key at the same time', async (_route, send) => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => send({})));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const [first] = answers.filter(({ status }) => status === 201);
    for (const again of answers.filter((answer) => answer !== first)) expectReplayed(again, first as Answer);
    expect(first?.body.revision).toBe('0');
  });

  it('tells a message by its own id, also when it comes in again under another time', async () => {
    const body = { recipient: { phone: '+393333000013' }, channel: 'whatsapp', sender: 'main', messageId: 'wamid.13' };
    const first = await must(acme.message({ ...body, occurredAt: '2026-05-04T11:00:00Z' }));
    expectReplayed(await acme.message({ ...body, occurredAt: '2026-05-04T11:00:00Z' }), first);
    expect((await acme.message({ ...body, occurredAt: '2026-05-04T11:30:00Z' })).status).toBe(200);
  });

  it('lets a key of a message go with that message alone', async () => {
    const body = { recipient: { phone: '+393333000014' }, channel: 'whatsapp', sender: 'main', messageId: 'wamid.14' };
    const occurredAt = '2026-05-04T11:00:00Z';
    const first = await must(acme.message({ ...body, occurredAt }, withKey('message-14')));
    expectReplayed(await acme.message({ ...body, occurredAt }, withKey('message-14')), first);
    const other = { ...body, occurredAt, messageId: 'wamid.15' };
    expectProblem(await acme.message(other, withKey('message-14')), 422, 'IDEMPOTENCY_KEY_REUSED');
    expectProblem(await acme.message(other, withKey('k'.repeat(256))), 400, 'VALIDATION_FAILED');
  });

  it('publishes a disclosure once, and not another text under the same key', async () => {
    const body = { text: 'One', locale: 'en', channels: ['sms'], purposes: ['offers'] };
    const publish = (more: Json) => acme.post('/disclosures/once/versions', { ...body, ...more }, withKey('publish-1'));
    const first = await publish({});
    expect(first).toMatchObject({ status: 201, body: { version: 1 } });
    expectReplayed(await publish({}), first);
    expectProblem(await publish({ text: 'Two' }), 422, 'IDEMPOTENCY_KEY_REUSED');
    expectProblem(await acme.get('/disclosures/once/versions/2'), 404, 'DISCLOSURE_NOT_FOUND');
  });
});
