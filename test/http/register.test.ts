import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { ACME, businessOf, expectProblem, fieldsOf, headOf, keyFor } from './support/acme.js';

describe('the register of a business', () => {
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;

  beforeAll(async () => {
    service = await startTestService();
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  it('is founded once and changed afterwards', async () => {
    const body = {
      legalName: 'New Ltd',
      displayName: 'New',
      defaultRegion: 'GB',
      policy: { quietHours: '21-8', cap: 2 },
    };
    const put = (more: object) => ask(service, 'PUT', '/v1/businesses/new', { body: { ...body, ...more } });
    const founded = await put({});
    expect(founded).toMatchObject({ status: 201, body: { businessId: 'new', ...body } });
    const before = await headOf(service);
    expect(await put({})).toMatchObject({ status: 200, body: founded.body });
    expect(await headOf(service)).toBe(before);
    expect(await put({ displayName: 'Newer', policy: undefined })).toMatchObject({ status: 200 });
    const shown = await ask(service, 'GET', '/v1/businesses/new');
    expect(shown).toMatchObject({ status: 200, body: { displayName: 'Newer', policy: body.policy } });
  });

  it('keeps the category of a purpose for ever, also of a retired or built-in one', async () => {
    const put = (purpose: string, category: string) => acme.put(`/purposes/${purpose}`, { category, title: 'T' });
    expect(await put('surveys', 'marketing')).toMatchObject({
      status: 201,
      body: { purposeId: 'surveys', category: 'marketing', title: 'T', requires: 'consent', retired: false },
    });
    expect((await put('surveys', 'marketing')).status).toBe(200);
    const refused = await put('surveys', 'utility');
    expectProblem(refused, 409, 'PURPOSE_CATEGORY_FIXED');
    expect(fieldsOf(refused)).toEqual(['category']);
    expect(await acme.delete('/purposes/surveys')).toMatchObject({ status: 200, body: { retired: true } });
    expect((await acme.delete('/purposes/surveys')).status).toBe(200);
    expectProblem(await put('surveys', 'utility'), 409, 'PURPOSE_CATEGORY_FIXED');
    expectProblem(await put('service', 'marketing'), 409, 'PURPOSE_CATEGORY_FIXED');
    expect((await put('service', 'service')).status).toBe(200);
    expectProblem(await acme.delete('/purposes/nothing'), 404, 'PURPOSE_NOT_FOUND');
  });

  it('uses a retired purpose for nothing new', async () => {
    const phone = '+393334000001';
    await must(acme.put('/purposes/contests', { category: 'marketing', title: 'Contests' }));
    await must(acme.delete('/purposes/contests'));
    const grant = grantBody(phone, { purposes: ['contests'], method: 'in_app_signup', disclosure: undefined });
    expectProblem(await acme.grant(grant), 409, 'PURPOSE_RETIRED');
    const check = { recipient: { phone }, channel: 'whatsapp', purpose: 'contests' };
    expectProblem(await acme.post('/eligibility', check), 409, 'PURPOSE_RETIRED');
    expect((await acme.revoke({ recipient: { phone }, purposes: ['contests'] })).status).toBe(201);
  });

  it('lists purposes with the built-in ones', async () => {
    const { body } = await must(acme.get('/purposes'));
    expect(body.purposes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ purposeId: 'service', category: 'service' }),
        expect.objectContaining({ purposeId: 'opt_out_confirmation', category: 'service' }),
        expect.objectContaining({ purposeId: 'receipts', category: 'utility', requires: 'no_objection' }),
      ]),
    );
  });

  it('lets only utility and authentication do without consent', async () => {
    for (const category of ['marketing', 'service']) {
      const refused = await acme.put('/purposes/free', { category, title: 'T', requires: 'no_objection' });
      expectProblem(refused, 400, 'VALIDATION_FAILED');
      expect(fieldsOf(refused)).toEqual(['requires']);
    }
  });

  it('publishes disclosures in versions that nobody edits', async () => {
    const body = { text: 'Acme writes on WhatsApp.', locale: 'it', channels: ['whatsapp'], purposes: ['offers'] };
    const sha256 = createHash('sha256').update(body.text).digest('hex');
    const publish = (path: string) => acme.post(path, body);
    const dry = await publish('/disclosures/paper/versions?dryRun=true');
    expect(dry).toMatchObject({ status: 200, body: { disclosureId: 'paper', sha256, findings: [] } });
    expectProblem(await acme.get('/disclosures/paper/versions/1'), 404, 'DISCLOSURE_NOT_FOUND');
    const first = await publish('/disclosures/paper/versions');
    expect(first.status).toBe(201);
    expect(first.body).toEqual({ disclosureId: 'paper', version: 1, sha256, findings: [] });
    expect((await publish('/disclosures/paper/versions')).body.version).toBe(2);
    const shown = await acme.get('/disclosures/paper/versions/1');
    expect(shown).toMatchObject({ status: 200, body: { ...body, disclosureId: 'paper', version: 1, retired: false } });
    const unknown = await acme.post('/disclosures/paper/versions', { ...body, purposes: ['nothing'] });
    expectProblem(unknown, 404, 'PURPOSE_NOT_FOUND');
  });

  it('binds a provider id to one business at a time', async () => {
    await registerAcme(service, 'beta', '2002');
    const beta = businessOf(service, 'beta');
    const sender = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234567', providerId: '4004' };
    expect(await acme.put('/senders/second', sender)).toMatchObject({
      status: 201,
      body: { senderId: 'second', ...sender },
    });
    expect((await acme.put('/senders/second', sender)).status).toBe(200);
    const taken = await beta.put('/senders/stolen', sender);
    expectProblem(taken, 409, 'SENDER_TAKEN');
    expect(fieldsOf(taken)).toEqual(['providerId']);
    const pasted = await acme.put('/senders/pasted', { ...sender, providerId: '4004 ' });
    expectProblem(pasted, 400, 'VALIDATION_FAILED');
    expect(fieldsOf(pasted)).toEqual(['providerId']);
    const { secret } = await keyFor(service, ['business:admin'], 'acme');
    expectProblem(
      await acme.put('/senders/third', { ...sender, providerId: '5005' }, { key: secret }),
      403,
      'FORBIDDEN',
    );
    expectProblem(await acme.delete('/senders/nobody'), 404, 'SENDER_NOT_FOUND');
    const listed = await must(acme.get('/senders'));
    expect(listed.body.senders).toContainEqual({ senderId: 'second', ...sender, retired: false });
  });

  it('has WhatsApp’s senders on WhatsApp', async () => {
    const refused = await acme.put('/senders/odd', { channel: 'sms', provider: 'whatsapp_cloud', address: 'ACME' });
    expectProblem(refused, 400, 'VALIDATION_FAILED');
    expect(fieldsOf(refused)).toEqual(['channel']);
    expect((await acme.put('/senders/odd', { channel: 'whatsapp', provider: 'twilio', address: 'ACME' })).status).toBe(
      201,
    );
  });

  it('of two businesses that bind one id at the same time, gives it to one', async () => {
    await registerAcme(service, 'gamma', '2003');
    const sender = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234567', providerId: '6006' };
    const answers = await Promise.all(
      ['acme', 'gamma'].map((business) => businessOf(service, business).put('/senders/race', sender)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });

  it('hears through a retired sender its opt-outs alone, until another business binds it', async () => {
    const at = service.running.parts.clock.now();
    const [phone, providerId] = ['+393334000002', '7007'];
    const sender = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234567', providerId };
    await must(acme.put('/senders/old', sender));
    await must(acme.grant(grantBody(phone)));
    await must(acme.delete('/senders/old'));
    const say = (id: string, text: string) =>
      deliver(service, deliveryOf({ from: phone.slice(1), id, text, at, phoneNumberId: providerId }));
    await must(say('wamid.retired-1', 'Hello?'));
    expect(await acme.check({ phone }, 'service')).toMatchObject({ reason: 'SERVICE_WINDOW_CLOSED' });
    await must(say('wamid.retired-2', 'STOP'));
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
    await registerAcme(service, 'delta', providerId);
    await must(say('wamid.retired-3', 'STOP'));
    expect(await businessOf(service, 'delta').check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('has a code of its own for a channel that does not exist', async () => {
    const sender = { channel: 'fax', provider: 'other', address: 'ACME' };
    const unknown = await acme.put('/senders/fax', sender);
    expectProblem(unknown, 400, 'CHANNEL_UNKNOWN');
    expect(fieldsOf(unknown)).toEqual(['channel']);
    const text = { text: 'Acme writes by fax.', locale: 'it', channels: ['whatsapp', 'fax'], purposes: ['offers'] };
    for (const dryRun of [true, false]) {
      const refused = await acme.post(`/disclosures/fax/versions?dryRun=${dryRun}`, text);
      expectProblem(refused, 400, 'CHANNEL_UNKNOWN');
      expect(fieldsOf(refused)).toEqual(['channels']);
    }
    expectProblem(await acme.put('/senders/fax', { ...sender, channel: 5 }), 400, 'VALIDATION_FAILED');
  });

  it('answers ids that are none with 4xx', async () => {
    for (const id of ['UPPER', '-dash', 'a'.repeat(64), 'caf%C3%A9', 'a.b', '__proto__']) {
      const body = { category: 'marketing', title: 'T' };
      expectProblem(await ask(service, 'PUT', `${ACME}/purposes/${id}`, { body }), 400, 'VALIDATION_FAILED');
      const business = { legalName: 'L', displayName: 'D' };
      expectProblem(await ask(service, 'PUT', `/v1/businesses/${id}`, { body: business }), 400, 'VALIDATION_FAILED');
      expectProblem(await ask(service, 'GET', `/v1/businesses/${id}`), 404, 'BUSINESS_NOT_FOUND');
    }
    expect((await acme.put('/purposes/constructor', { category: 'marketing', title: 'T' })).status).toBe(201);
  });
});
