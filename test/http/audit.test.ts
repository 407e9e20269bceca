import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '#event-store';
import { SettableClock, collectGarbage } from '#platform';
import { ask, grantBody, must, registerAcme, type Answer } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem, fieldsOf, headOf, keyFor, type Json } from './support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const PHONE = '+393336000001';
const EVIDENCE = { form: 'signup-2026', signer: 'Maria Rossi', sha256: 'ab'.repeat(32) };

describe('what auditors read', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  let path: string;
  let auditor: string;
  let reader: { readonly keyId: string; readonly secret: string };

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
    auditor = (await keyFor(service, ['audit:read'], 'acme')).secret;
    reader = await keyFor(service, ['audit:read', 'personal:read'], 'acme');
    const granted = await must(acme.grant(grantBody(PHONE, { evidence: EVIDENCE, occurredAt: '2026-05-04' })));
    await must(message('wamid.audit-1', '2026-05-04T10:00:00Z'));
    await must(
      acme.revoke({ recipient: { phone: PHONE }, method: 'phone_call', reason: 'She called', channels: ['sms'] }),
    );
    await must(message('wamid.audit-2', '2099-01-01T00:00:00Z'));
    path = `/recipients/${String(granted.body.recipientId)}`;
  });
  afterAll(() => service.stop());

  const message = (messageId: string, occurredAt: string) =>
    acme.message({ recipient: { phone: PHONE }, channel: 'whatsapp', sender: 'main', messageId, occurredAt });
  const timeline = async (query = '', key = auditor) =>
    (await must(acme.get(`${path}/timeline${query}`, { key }))).body as unknown as { events: Json[]; next?: string };
  const readings = () => service.running.parts.store.readStream('access-acme', { limit: 100 });

  it('is every event, oldest first, with who wrote it and what the source said', async () => {
    const { events, next } = await timeline();
    expect(next).toBeUndefined();
    expect(events.map(({ type }) => type)).toEqual([
      'ConsentGranted',
      'UserMessaged',
      'ConsentRevoked',
      'UserMessaged',
    ]);
    expect(events[0]).toEqual({
      eventId: expect.any(String),
      type: 'ConsentGranted',
      stream: path.replace('/recipients/', 'consent-'),
      revision: '0',
      position: expect.any(String),
      occurredAt: '2026-05-03T10:00:00.000Z',
      claimedAt: '2026-05-04',
      recordedAt: '2026-05-04T12:00:00.000Z',
      actor: 'admin',
      data: {
        businessId: 'acme',
        channels: ['whatsapp'],
        purposes: ['offers'],
        method: 'web_form',
        disclosure: { id: 'web', version: 1 },
        evidenceSha256: EVIDENCE.sha256,
      },
    });
    expect(events[2]).toMatchObject({ data: { channels: ['sms'], categories: ['*'], method: 'phone_call' } });
    expect(events[3]).toMatchObject({ occurredAt: '2026-05-04T12:00:00.000Z', claimedAt: '2099-01-01T00:00:00Z' });
  });

  it('comes in pages that join to the whole', async () => {
    const whole = await timeline();
    const collected: Json[] = [];
    for (let after: string | undefined = ''; after !== undefined;) {
      const page: { events: Json[]; next?: string } = await timeline(
        `?limit=1${after === '' ? '' : `&after=${after}`}`,
      );
      expect(page.events).toHaveLength(1);
      collected.push(...page.events);
      after = page.next;
    }
    expect(collected).toEqual(whole.events);
    const three = await timeline('?limit=3');
    expect((await timeline(`?after=${String(three.next)}`)).events).toEqual(whole.events.slice(3));
    expect((await timeline('?limit=100000')).events).toHaveLength(4);
  });

  it('refuses a place or a size that cannot be one, before anything is put on record', async () => {
    const before = await headOf(service);
    for (const query of ['after=x', 'after=', 'limit=0', 'limit=-1', 'limit=1e3', 'limit=ten', 'colour=red']) {
      const refused = await acme.get(`${path}/timeline?${query}`, { key: reader.secret });
      expectProblem(refused, 400, 'VALIDATION_FAILED');
      expect(fieldsOf(refused)).toEqual([query.split('=')[0]]);
    }
    const nobody = `/recipients/${'A'.repeat(43)}/timeline`;
    expectProblem(await acme.get(nobody, { key: reader.secret }), 404, 'RECIPIENT_NOT_FOUND');
    expect(await headOf(service)).toBe(before);
  });

  it('opens personal parts for personal:read alone, and puts that on record', async () => {
    const shut = await timeline();
    expect(shut.events.some((event) => 'personal' in event)).toBe(false);
    expect(await readings()).toHaveLength(0);
    const { events } = await timeline('', reader.secret);
    expect(events.map(({ personal }) => personal)).toEqual([
      { address: PHONE, addressKind: 'phone', evidence: EVIDENCE },
      { address: PHONE, addressKind: 'phone', messageId: 'wamid.audit-1' },
      { address: PHONE, addressKind: 'phone', reason: 'She called' },
      { address: PHONE, addressKind: 'phone', messageId: 'wamid.audit-2' },
    ]);
    const [reading, ...others] = await readings();
    expect(others).toHaveLength(0);
    expect(reading?.type).toBe('PersonalDataRead');
    const metadata = JSON.parse(Buffer.from(reading?.metadata ?? []).toString()) as Json;
    expect(metadata.actor).toBe(reader.keyId);
    expect(await timeline()).toEqual(shut);
  });

  it('shows an event whose sealed part is not what was sealed without it, and the others with theirs', async () => {
    const { store } = service.running.parts;
    const { body } = await must(acme.revoke({ recipient: { phone: '+393336000003' } }));
    const [stored] = await store.readStream(String(body.stream), { limit: 1 });
    // Of another event, as far as its seal knows.
    const moved = { ...(stored as StoredEvent), id: '00000000-0000-4000-8000-000000000001' };
    await store.append(String(body.stream), [moved], 'any');
    const story = `/recipients/${String(body.recipientId)}/timeline`;
    const { events } = (await must(acme.get(story, { key: reader.secret }))).body as unknown as { events: Json[] };
    const personal = { address: '+393336000003', addressKind: 'phone' };
    expect(events.map((event) => event.personal)).toEqual([personal, undefined]);
    expect(service.log()).toContain(moved.id);
  });

  it('folds the state as the join has it', async () => {
    const { body } = await must(acme.get(path, { key: auditor }));
    const occurredAt = expect.stringMatching(/^2026-05-0[34]T/);
    expect(body).toEqual({
      businessId: 'acme',
      recipientId: path.replace('/recipients/', ''),
      position: expect.any(String),
      erased: false,
      unreadable: false,
      grants: [{ channel: 'whatsapp', purpose: 'offers', occurredAt, eventId: expect.any(String) }],
      revocations: [{ channel: 'sms', category: '*', occurredAt, eventId: expect.any(String) }],
      preferences: [],
      blocks: [],
      contacts: [
        { channel: 'whatsapp', sender: 'main', occurredAt: '2026-05-04T12:00:00.000Z', eventId: expect.any(String) },
      ],
      confirmations: [],
      links: [],
    });
  });

  it('folds which number was left behind, and when somebody was erased', async () => {
    const [left, taken] = [{ phone: '+393336000004' }, { phone: '+393336000005' }];
    const link = { recipient: left, other: taken, kind: 'changed_number', occurredAt: '2026-05-04T11:00:00.500Z' };
    const linked = await must(acme.post('/links', link));
    const stateOf = async ({ body: { recipientId } }: Answer) =>
      (await must(acme.get(`/recipients/${String(recipientId)}`, { key: auditor }))).body;
    const [{ recipientId: takenId } = {}] = (await stateOf(linked)).links as unknown as Json[];
    expect((await stateOf(linked)).links).toMatchObject([
      { kind: 'changed_number', role: 'old', linkedAt: '2026-05-04T11:00:00.500Z', linkEventId: linked.body.eventId },
    ]);
    const erased = await must(acme.post('/erasures', { recipient: taken }));
    expect(erased.body.recipientId).toBe(takenId);
    expect(await stateOf(erased)).toMatchObject({
      ...{ erased: true, erasedAt: erased.body.occurredAt, erasureEventId: erased.body.eventId },
      links: [{ role: 'new' }],
    });
  });

  it('folds a conversation of any length page by page, and keeps none of its events', async () => {
    const { store } = service.running.parts;
    const recipient = { phone: '+393336000002' };
    const first = {
      recipient,
      channel: 'whatsapp',
      sender: 'main',
      messageId: 'wamid.long',
      occurredAt: '2026-05-04T10:00:00Z',
    };
    const { recipientId, stream } = (await must(acme.message(first))).body;
    const [stored] = await store.readStream(String(stream), { limit: 1 });
    const { id, type, data, metadata } = stored as StoredEvent;
    const more = Array.from({ length: 2_500 }, (_, n) => ({
      ...{ id: `${id.slice(0, -8)}${String(n).padStart(8, '0')}`, type, data, metadata },
    }));
    await store.append(String(stream), more, 'any');
    const readStream = store.readStream.bind(store);
    const read: WeakRef<StoredEvent>[] = [];
    let kept = 0;
    store.readStream = async (name, options) => {
      await turn();
      collectGarbage();
      kept = read.filter((one) => one.deref() !== undefined).length;
      await turn();
      const page = await readStream(name, options);
      read.push(...page.map((event) => new WeakRef(event)));
      return page;
    };
    try {
      const { body } = await must(acme.get(`/recipients/${String(recipientId)}`, { key: auditor }));
      expect(body.contacts).toHaveLength(1);
    } finally {
      store.readStream = readStream;
    }
    expect(read.length).toBeGreaterThan(2_500);
    expect(kept).toBeLessThanOrEqual(1_000);
  });

  it('is nothing of a person that another business knows, or nobody', async () => {
    await registerAcme(service, 'beta', '2002');
    for (const route of [path, `${path}/timeline`]) {
      const foreign = await ask(service, 'GET', `/v1/businesses/beta${route}`);
      expectProblem(foreign, 404, 'RECIPIENT_NOT_FOUND');
      const nobody = await ask(service, 'GET', `/v1/businesses/beta${route.replace(/recipients\/./, 'recipients/_')}`);
      expect({ ...nobody.body, instance: '' }).toEqual({ ...foreign.body, instance: '' });
    }
    const other = businessOf(service, 'beta');
    const recipientId = path.replace('/recipients/', '');
    expectProblem(await other.revoke({ recipient: { recipientId } }), 404, 'RECIPIENT_NOT_FOUND');
    expectProblem(await other.grant(grantBody('', { recipient: { recipientId } })), 404, 'RECIPIENT_NOT_FOUND');
    expect(await other.check({ recipientId }, 'offers')).toMatchObject({ reason: 'NO_CONSENT' });
    expect(await acme.check({ recipientId }, 'offers')).toMatchObject({ reason: 'CONSENTED' });
  });
});
