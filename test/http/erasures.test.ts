import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { hasReached } from '#event-store';
import { SettableClock } from '#platform';
import { deliver, deliveryOf, grantBody, must, registerAcme, type Answer } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem, fieldsOf, headOf, type Json } from './support/acme.js';
import { WRONG_TYPES, WRONG_WORDS } from './support/bad-values.js';
import { PRIVATE, foundIn, foundInFiles } from './support/private.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const withKey = (key: string) => ({ headers: { 'Idempotency-Key': key } });

describe('an erasure', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  let people = 0;
  const somebody = () => ({ phone: `+3933391${String(people++).padStart(5, '0')}` });
  const erase = (body: unknown, options = {}) => acme.post('/erasures', body, options);

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  const timelineOf = async ({ body }: Answer): Promise<readonly Json[]> =>
    (await must(acme.get(`/recipients/${String(body.recipientId)}/timeline`))).body.events as unknown as Json[];
  const personalIn = async (answer: Answer) => (await timelineOf(answer)).map(({ type, personal }) => [type, personal]);

  it('answers as a command, is on record with whose request it was, and denies every purpose', async () => {
    const recipient = somebody();
    await must(acme.grant(grantBody(recipient.phone)));
    const erased = await erase({ recipient, requestedBy: 'person' });
    expect(erased.status).toBe(201);
    expect(erased.body).toEqual({
      eventId: expect.any(String),
      type: 'RecipientErased',
      recipientId: expect.any(String),
      stream: `consent-${String(erased.body.recipientId)}`,
      revision: '1',
      position: expect.any(String),
      occurredAt: '2026-05-04T12:00:00.000Z',
      recordedAt: '2026-05-04T12:00:00.000Z',
      effective: true,
    });
    expect((await timelineOf(erased)).at(-1)).toMatchObject({
      eventId: erased.body.eventId,
      data: { businessId: 'acme', requestedBy: 'person' },
    });
    for (const purpose of ['offers', 'news', 'receipts', 'service']) {
      const decision = await acme.check(recipient, purpose);
      expect({ purpose, ...decision }).toMatchObject({
        purpose,
        reason: 'REVOKED',
        basis: { type: 'RecipientErased' },
      });
      expect(await acme.check(recipient, purpose, { consistency: 'ledger' })).toMatchObject({ reason: 'REVOKED' });
    }
    expect((await acme.get(`/recipients/${String(erased.body.recipientId)}`)).body).toMatchObject({ erased: true });
  });

  it('leaves nothing personal to be read, and a fresh opt-in begins anew', async () => {
    const recipient = { phone: PRIVATE.phone };
    const from = PRIVATE.phone.replace('+', '');
    const evidence = { name: PRIVATE.name };
    await must(acme.grant(grantBody(PRIVATE.phone, { evidence })));
    await must(deliver(service, deliveryOf({ from, id: PRIVATE.wamid, text: PRIVATE.message, at: clock.now() })));
    await must(acme.revoke({ recipient, reason: PRIVATE.reason, channels: ['sms'] }));
    const erased = await must(erase({ recipient, reason: PRIVATE.reason, requestedBy: PRIVATE.name }));
    expect(fieldsOf(erased, 'warnings')).toEqual(['requestedBy', 'reason']);
    const none = [
      ['ConsentGranted', undefined],
      ['UserMessaged', undefined],
      ['ConsentRevoked', undefined],
      ['RecipientErased', undefined],
    ];
    expect(await personalIn(erased)).toEqual(none);
    const old = await must(acme.grant(grantBody(PRIVATE.phone, { method: 'import', occurredAt: '2026-03-01' })));
    expect(old.body).toMatchObject({ effective: false, ineffectiveBecause: 'REVOKED_LATER' });
    expect(fieldsOf(old, 'warnings')).toEqual(['recipient']);
    const late = { recipient, channel: 'whatsapp', sender: 'main', messageId: PRIVATE.messageId };
    await must(acme.message({ ...late, occurredAt: '2026-05-04T11:59:00Z' }));
    expect((await personalIn(erased)).filter(([, personal]) => personal !== undefined)).toEqual([]);
    clock.advance(1_000);
    const fresh = await must(acme.grant(grantBody(PRIVATE.phone)));
    expect(fresh.body).toMatchObject({ effective: true });
    expect(await acme.check(recipient, 'offers')).toMatchObject({ reason: 'CONSENTED' });
    const address = { address: PRIVATE.phone, addressKind: 'phone' };
    expect(await personalIn(erased)).toEqual([
      ...none,
      ['ConsentGranted', undefined],
      ['UserMessaged', undefined],
      ['ConsentGranted', address],
    ]);
    await must(erase({ recipient }));
    const answers = [
      await acme.get(`/recipients/${String(erased.body.recipientId)}/timeline`),
      await acme.get(`/recipients/${String(erased.body.recipientId)}`),
      erased,
    ];
    expect(foundIn(answers.map(({ body }) => JSON.stringify(body)).join('\n'))).toEqual([]);
    expect(foundIn(service.log())).toEqual([]);
    expect(foundInFiles(service.dataDir)).toEqual([]);
  });

  it('is heeded by a late message also while the view may not say who was erased', async () => {
    const recipient = somebody();
    await must(acme.grant(grantBody(recipient.phone)));
    const erased = await must(erase({ recipient }));
    const blind = jest
      .spyOn(service.running.parts.view, 'lookUp')
      .mockReturnValue({ ok: false, reason: 'VIEW_STALE', retryAfterMs: 1 });
    const late = { recipient, channel: 'whatsapp', sender: 'main', messageId: 'late-1' };
    await must(acme.message({ ...late, occurredAt: new Date(clock.now() - 60_000).toISOString() }));
    blind.mockRestore();
    expect((await personalIn(erased)).filter(([, personal]) => personal !== undefined)).toEqual([]);
  });

  it('of somebody unknown, and of somebody erased, is recorded', async () => {
    const recipient = somebody();
    const [first, second] = [await erase({ recipient }), await erase({ recipient })];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body.eventId).not.toBe(first.body.eventId);
    expect(await acme.check(recipient, 'receipts', { channel: 'email' })).toMatchObject({ reason: 'REVOKED' });
  });

  it('is not outlived by a grant or a message of a clock that runs ahead', async () => {
    const recipient = somebody();
    const now = clock.now();
    clock.setTo(now + 240_000);
    await must(acme.grant(grantBody(recipient.phone)));
    const message = { recipient, channel: 'whatsapp', sender: 'main', messageId: 'ahead' };
    await must(acme.message({ ...message, occurredAt: new Date(clock.now()).toISOString() }));
    const newest = new Date(clock.now()).toISOString();
    clock.setTo(now);
    expect((await must(erase({ recipient }))).body).toMatchObject({ occurredAt: newest });
    for (const purpose of ['offers', 'service']) {
      expect(await acme.check(recipient, purpose)).toMatchObject({ reason: 'REVOKED' });
    }
  });

  it('sent again under its key is carried out once: who has come back since is not erased', async () => {
    const recipient = somebody();
    const body = { recipient, requestedBy: 'authority', reason: 'case 4711' };
    await must(acme.grant(grantBody(recipient.phone)));
    const first = await must(erase(body, withKey('erase-once')));
    clock.advance(1_000);
    await must(acme.grant(grantBody(recipient.phone)));
    const before = await headOf(service);
    const again = await erase(body, withKey('erase-once'));
    expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: first.body });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await headOf(service)).toBe(before);
    expect((await personalIn(first)).at(-1)).toEqual([
      'ConsentGranted',
      expect.objectContaining({ addressKind: 'phone' }),
    ]);
    const other = await erase({ ...body, requestedBy: 'person' }, withKey('erase-once'));
    expect({ status: other.status, warned: fieldsOf(other, 'warnings') }).toEqual({
      status: 201,
      warned: ['reason', 'Idempotency-Key'],
    });
    expect((await personalIn(first)).every(([, personal]) => personal === undefined)).toBe(true);
  });

  describe('leaves keys of earlier requests behind', () => {
    it('under which a grant is not recorded anew, whatever it says', async () => {
      const recipient = somebody();
      const body = grantBody(recipient.phone);
      const first = await must(acme.grant(body, withKey('signup-1')));
      await must(erase({ recipient }));
      clock.advance(1_000);
      const before = await headOf(service);
      const again = await acme.grant(body, withKey('signup-1'));
      expect(again.status).toBe(200);
      expect(again.body).toMatchObject({ eventId: first.body.eventId, occurredAt: first.body.occurredAt });
      expect(fieldsOf(again, 'warnings')).toEqual(['Idempotency-Key']);
      service = await service.restart();
      acme = businessOf(service);
      const other = await acme.grant(grantBody(recipient.phone, { purposes: ['news'] }), withKey('signup-1'));
      expect({ status: other.status, warned: fieldsOf(other, 'warnings') }).toEqual({
        status: 200,
        warned: ['Idempotency-Key'],
      });
      expect(await headOf(service)).toBe(before);
      for (const purpose of ['offers', 'news']) {
        expect(await acme.check(recipient, purpose)).toMatchObject({ reason: 'REVOKED' });
      }
      expect((await acme.grant(body, withKey('signup-2'))).status).toBe(201);
      expect(await acme.check(recipient, 'offers')).toMatchObject({ reason: 'CONSENTED' });
    });

    it('under which a message is a repeat, and an opt-out is recorded', async () => {
      const recipient = somebody();
      const message = { recipient, channel: 'whatsapp', sender: 'main', messageId: 'before', occurredAt: '2026-05-04' };
      await must(acme.message(message));
      await must(acme.revoke({ recipient, channels: ['sms'] }, withKey('stop-1')));
      await must(erase({ recipient }));
      clock.advance(1_000);
      expect((await acme.message(message)).status).toBe(200);
      const stop = await acme.revoke({ recipient, channels: ['email'] }, withKey('stop-1'));
      expect({ status: stop.status, warned: fieldsOf(stop, 'warnings') }).toEqual({
        status: 201,
        warned: ['Idempotency-Key'],
      });
      expect((await acme.revoke({ recipient, channels: ['sms'] }, withKey('stop-1'))).status).toBe(200);
    });
  });

  it('of several addresses erases each', async () => {
    const [{ phone }, email] = [somebody(), 'both@erasures.example'];
    await must(acme.grant(grantBody(phone)));
    const mail = await must(acme.grant({ ...grantBody(''), recipient: { email }, channels: ['email'] }));
    const erased = await erase({ recipient: { phone, email } });
    expect(fieldsOf(erased, 'warnings')).toEqual(['recipient']);
    for (const answer of [erased, mail]) {
      expect((await personalIn(answer)).every(([, personal]) => personal === undefined)).toBe(true);
      // A check that carries the position finds each of the two erased, on whatever replica.
      const last = String((await timelineOf(answer)).at(-1)?.position);
      expect(hasReached(String(erased.body.position), last)).toBe(true);
    }
  });

  it('takes a broken request as an opt-out does, keeps nothing of it, and warns of it by name', async () => {
    for (const field of ['requestedBy', 'reason']) {
      for (const { what, value } of [...WRONG_TYPES, ...WRONG_WORDS]) {
        const answer = await erase({ recipient: somebody(), [field]: value });
        const label = `${field} as ${what}`;
        expect({ label, status: answer.status }).toEqual({ label, status: 201 });
        const named = [...new Set(fieldsOf(answer, 'warnings'))];
        const isTold = what !== 'null';
        expect({ label, named }).toEqual({ label, named: isTold ? [field] : [] });
        const data = (await timelineOf(answer)).at(-1)?.data;
        expect({ label, data }).toEqual({ label, data: { businessId: 'acme' } });
      }
    }
  });

  it.each([
    ['a key twice', (p: string) => `{"requestedBy":"person","requestedBy":"authority",${p}`, 'requestedBy'],
    ['__proto__', (p: string) => `{"__proto__":{"requestedBy":"person"},${p}`, '__proto__'],
    ['an unknown field', (p: string) => `{"requestdBy":"person",${p}`, 'requestdBy'],
    ['deep nesting', (p: string) => `{"reason":${'['.repeat(5_000)}${']'.repeat(5_000)},${p}`, 'reason'],
  ])('survives %s', async (_what, bodyOf, field) => {
    const raw = bodyOf(`"recipient":${JSON.stringify(somebody())}}`);
    const answer = await acme.post('/erasures', undefined, { raw, headers: { 'content-type': 'text/plain' } });
    expect(answer.status).toBe(201);
    expect(fieldsOf(answer, 'warnings').some((name) => name.startsWith(field))).toBe(true);
    expect((await timelineOf(answer)).at(-1)?.data).toEqual({ businessId: 'acme' });
  });

  it('is turned away only where it names nobody, or somebody of another business', async () => {
    await registerAcme(service, 'beta', '2002');
    const theirs = await must(businessOf(service, 'beta').grant(grantBody('+393338000002')));
    const before = await headOf(service);
    for (const recipient of [undefined, null, {}, [], 'nobody', { phone: {} }, { recipientId: 'x' }]) {
      const refused = await erase({ recipient, requestedBy: 'person' });
      expectProblem(refused, 400, String(refused.body.code));
      expect(fieldsOf(refused).every((field) => field.startsWith('recipient'))).toBe(true);
    }
    const recipient = { recipientId: theirs.body.recipientId };
    expectProblem(await erase({ recipient }), 404, 'RECIPIENT_NOT_FOUND');
    expect(await headOf(service)).toBe(before);
  });

  it('is counted as the other commands are', async () => {
    await must(erase({ recipient: somebody(), requestedBy: 'someone' }));
    const metrics = await (await fetch(`${service.metricsBase}/metrics`)).text();
    expect(metrics).toMatch(/consent_commands_total\{type="RecipientErased",outcome="recorded"\} [1-9]/);
    expect(metrics).toMatch(/consent_lenient_warnings_total\{key_id="admin",field="requestedBy"\} [1-9]/);
  });
});
