import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem, fieldsOf, headOf, type Json } from './support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const IMPORT = { method: 'import', disclosure: undefined } as const;

describe('grants, revocations and messages', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  let people = 0;
  const somebody = () => `+39333200${String(1_000 + people++)}`;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
    const leaflet = { text: 'Offers by SMS', locale: 'en', channels: ['sms'], purposes: ['offers'] };
    await must(acme.post('/disclosures/leaflet/versions', leaflet));
  });
  afterAll(() => service.stop());

  it('answer a command with where its event stands and what it does', async () => {
    const granted = await acme.grant(grantBody(somebody()));
    expect(granted.status).toBe(201);
    expect(granted.body).toEqual({
      eventId: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
      type: 'ConsentGranted',
      recipientId: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      stream: `consent-${granted.body.recipientId}`,
      revision: '0',
      position: expect.stringMatching(/^[A-Za-z0-9_-]+\.\d+$/),
      occurredAt: '2026-05-04T12:00:00.000Z',
      recordedAt: '2026-05-04T12:00:00.000Z',
      effective: true,
    });
    const revoked = await acme.revoke({ recipient: { recipientId: granted.body.recipientId } });
    expect(revoked.body).toMatchObject({ type: 'ConsentRevoked', revision: '1', effective: true });
    const sent = { recipient: { phone: somebody() }, channel: 'whatsapp', sender: 'main', messageId: 'm-1' };
    const messaged = await acme.message({ ...sent, occurredAt: '2026-05-04T11:59:00Z' });
    expect(messaged.status).toBe(201);
    expect(messaged.body).toMatchObject({ type: 'UserMessaged', effective: true });
    expect(messaged.body.stream).toBe(`conversation-${messaged.body.recipientId}`);
  });

  it('keep the trace that a request is part of beside its event, and nothing that is none', async () => {
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const traced = async (traceparent: string) => {
      const { body } = await must(acme.revoke({ recipient: { phone: somebody() } }, { headers: { traceparent } }));
      const [stored] = await service.running.parts.store.readStream(String(body.stream), { limit: 1 });
      return (JSON.parse(Buffer.from(stored?.metadata ?? []).toString()) as Json).traceparent;
    };
    expect(await traced(trace)).toBe(trace);
    expect(await traced('+393331234567')).toBeUndefined();
  });

  it('tell a grant that a later no, or its own expiry, leaves it without effect', async () => {
    const recipient = { phone: somebody() };
    await must(acme.revoke({ recipient, occurredAt: '2026-05-01T00:00:00Z' }));
    const late = grantBody(recipient.phone, { method: 'paper_form', occurredAt: '2026-03-01' });
    expect((await acme.grant(late)).body).toMatchObject({ effective: false, ineffectiveBecause: 'REVOKED_LATER' });
    expect(await acme.check(recipient, 'offers')).toMatchObject({ eligible: false, reason: 'REVOKED' });
    const expired = grantBody(recipient.phone, { expiresAt: '2026-05-04T11:59:59Z' });
    expect((await acme.grant(expired)).body).toMatchObject({
      effective: false,
      ineffectiveBecause: 'ALREADY_EXPIRED',
    });
    expect(await acme.check(recipient, 'offers')).toMatchObject({ eligible: false, reason: 'EXPIRED' });
  });

  it('count a message older than a day as history', async () => {
    const body = { recipient: { phone: somebody() }, channel: 'whatsapp', sender: 'main', messageId: 'm-2' };
    const { body: answer } = await must(acme.message({ ...body, occurredAt: '2026-05-03T12:00:00.000Z' }));
    expect(answer).toMatchObject({ effective: false, ineffectiveBecause: 'ALREADY_EXPIRED' });
  });

  it('expire a grant at its instant, and not before', async () => {
    const phone = somebody();
    const expiresAt = '2026-05-04T12:10:00.000Z';
    await must(acme.grant(grantBody(phone, { expiresAt })));
    clock.setTo(Date.parse(expiresAt) - 1);
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'CONSENTED', validUntil: expiresAt });
    clock.setTo(Date.parse(expiresAt));
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ eligible: false, reason: 'EXPIRED' });
    await must(acme.grant(grantBody(phone)));
    await must(acme.grant(grantBody(phone, { expiresAt: '2026-05-04T12:20:00.000Z' })));
    clock.setTo(NOON + 30 * 60_000);
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'CONSENTED' });
    clock.setTo(NOON);
  });

  it('refuse an expiry that cannot be kept, rather than keep the grant for ever', async () => {
    const refused = await acme.grant(grantBody('+393332000009', { expiresAt: '9999-12-31T23:59:59-12:00' }));
    expectProblem(refused, 400, 'VALIDATION_FAILED');
    expect(fieldsOf(refused)).toEqual(['expiresAt']);
  });

  it('read a day alone as early as it can be for a grant, and as late as it can be for a no', async () => {
    const phone = somebody();
    const granted = await must(acme.grant(grantBody(phone, { ...IMPORT, occurredAt: '2026-05-03' })));
    expect(granted.body.occurredAt).toBe('2026-05-02T10:00:00.000Z');
    const revoked = await must(acme.revoke({ recipient: { phone }, occurredAt: '2026-05-02' }));
    expect(revoked.body.occurredAt).toBe('2026-05-03T11:59:59.999Z');
    expect(revoked.body.warnings).toBeUndefined();
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('refuse a grant that is undated where it must not be, or dated too far ahead', async () => {
    const before = await headOf(service);
    for (const method of ['import', 'paper_form', 'phone_call', 'in_person', 'qr_code']) {
      const refused = await acme.grant(grantBody('+393332000001', { method }));
      expectProblem(refused, 422, 'OCCURRED_AT_REQUIRED');
      expect(fieldsOf(refused)).toEqual(['occurredAt']);
    }
    const ahead = await acme.grant(grantBody('+393332000001', { occurredAt: '2026-05-04T12:05:00.001Z' }));
    expectProblem(ahead, 422, 'OCCURRED_IN_FUTURE');
    expect(await headOf(service)).toBe(before);
    const tolerated = await must(acme.grant(grantBody('+393332000001', { occurredAt: '2026-05-04T12:05:00.000Z' })));
    expect(tolerated.body.occurredAt).toBe('2026-05-04T12:00:00.000Z');
  });

  it.each([
    ['without one', { disclosure: undefined }, 422, 'DISCLOSURE_REQUIRED'],
    ['that is not published', { disclosure: { id: 'nowhere', version: 1 } }, 404, 'DISCLOSURE_NOT_FOUND'],
    ['of a version that is not published', { disclosure: { id: 'web', version: 2 } }, 404, 'DISCLOSURE_NOT_FOUND'],
    ['of other channels', { disclosure: { id: 'leaflet', version: 1 } }, 422, 'DISCLOSURE_DOES_NOT_COVER'],
    [
      'of other purposes',
      { disclosure: { id: 'leaflet', version: 1 }, channels: ['sms'], purposes: ['news'] },
      422,
      'DISCLOSURE_DOES_NOT_COVER',
    ],
    [
      'of no purpose of that category',
      { purposes: undefined, categories: ['service'] },
      422,
      'DISCLOSURE_DOES_NOT_COVER',
    ],
    [
      'missing where categories are to be expanded',
      { ...IMPORT, purposes: undefined, categories: ['marketing'], occurredAt: '2026-05-01' },
      422,
      'DISCLOSURE_REQUIRED',
    ],
  ])('refuse a grant by a disclosure %s', async (_what, more, status, code) => {
    const before = await headOf(service);
    const refused = await acme.grant(grantBody('+393332000002', more));
    expectProblem(refused, status, code);
    expect(fieldsOf(refused)).toEqual(['disclosure']);
    expect(await headOf(service)).toBe(before);
  });

  it('expand categories into the registered purposes that the disclosure names', async () => {
    const phone = somebody();
    await must(acme.grant(grantBody(phone, { purposes: undefined, categories: ['marketing'] })));
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'CONSENTED' });
    expect(await acme.check({ phone }, 'news')).toMatchObject({ reason: 'CONSENTED' });
    expect(await acme.check({ phone }, 'receipts')).toMatchObject({ reason: 'NO_CONSENT' });
  });

  it('take an import without a disclosure, flagged', async () => {
    const answer = await must(acme.grant(grantBody(somebody(), { ...IMPORT, occurredAt: '2026-05-01' })));
    expect(answer.body.effective).toBe(true);
    expect(fieldsOf(answer, 'warnings')).toEqual(['disclosure']);
  });

  it('refuse what names no registered purpose, channel, sender or person', async () => {
    const before = await headOf(service);
    const grant = (more: object) => acme.grant(grantBody('+393332000003', more as Record<string, unknown>));
    expectProblem(await grant({ purposes: ['nothing'] }), 404, 'PURPOSE_NOT_FOUND');
    expectProblem(await grant({ channels: ['telegram'] }), 400, 'CHANNEL_UNKNOWN');
    expectProblem(await grant({ recipient: { phone: 'nobody' } }), 400, 'ADDRESS_INVALID');
    expectProblem(await grant({ recipient: {} }), 400, 'VALIDATION_FAILED');
    expectProblem(
      await grant({ recipient: { phone: '+393332000003', email: 'a@b.example' } }),
      400,
      'VALIDATION_FAILED',
    );
    expectProblem(await grant({ categories: ['marketing'] }), 400, 'VALIDATION_FAILED');
    const message = {
      recipient: { phone: '+393332000003' },
      channel: 'whatsapp',
      messageId: 'm',
      occurredAt: '2026-05-04T11:00:00Z',
    };
    expectProblem(await acme.message({ ...message, sender: 'nobody' }), 404, 'SENDER_NOT_FOUND');
    expectProblem(await acme.message({ ...message, sender: 'main', channel: 'sms' }), 404, 'SENDER_NOT_FOUND');
    expectProblem(await acme.message({ ...message, sender: 'main', channel: 'fax' }), 400, 'CHANNEL_UNKNOWN');
    expect(await headOf(service)).toBe(before);
  });
});
