import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../faults/until.js';
import { keyFor } from '../http/support/acme.js';
import { GrpcClient, type Json } from '../grpc/support.js';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { check, decided, healthOf, phone, ReplicaScene, revoke, type Replica } from './scene.js';

const ACME = '/v1/businesses/acme';
const NDJSON = 'application/x-ndjson';

async function found(at: Replica, businessId: string): Promise<Json> {
  const body = { legalName: 'New S.p.A.', displayName: 'New', defaultRegion: 'IT' };
  await must(ask(at, 'PUT', `/v1/businesses/${businessId}`, { body }));
  return { businessId };
}

describe('two replicas over one ledger and one database', () => {
  let scene: ReplicaScene;
  let one: Replica;
  let other: Replica;
  beforeAll(async () => {
    scene = await ReplicaScene.found();
    // At once, on a ledger and a database that are empty.
    [one, other] = await Promise.all([scene.launch(), scene.launch()]);
    await registerAcme(one);
  }, 120_000);
  afterAll(() => scene.remove());

  const grant = (replica: Replica, to: string) => must(ask(replica, 'POST', `${ACME}/grants`, { body: grantBody(to) }));

  it('know at once what the other has registered', async () => {
    await must(ask(one, 'PUT', `${ACME}/purposes/events`, { body: { category: 'marketing', title: 'Events' } }));
    expect((await decided(other, phone(0), { purpose: 'events' })).reason).toBe('NO_CONSENT');
    for (let n = 0; n < 3; n++) {
      const topic = { channel: 'whatsapp', purpose: `parties-${n}` };
      await must(ask(one, 'PUT', `${ACME}/purposes/${topic.purpose}`, { body: { category: 'marketing', title: 'P' } }));
      const path = `${ACME}/eligibility/filter?${new URLSearchParams(topic).toString()}`;
      const raw = JSON.stringify({ recipient: { phone: phone(0) } });
      const { body } = await must(ask(other, 'POST', path, { raw, headers: { 'content-type': NDJSON } }));
      expect(body).toMatchObject({ reason: 'NO_CONSENT' });
    }
  });

  it('know a business over gRPC as soon as it is founded at the other', async () => {
    const client = new GrpcClient({ port: other.ports.grpc, key: other.adminKey });
    const recipient = { phone: phone(70) };
    const claim = { recipient, channels: ['sms'], purposes: ['x'], method: 'web_form' };
    const message = { recipient, channel: 'sms', sender: 'x', messageId: 'm', occurredAtText: '2026-05-04' };
    const asked: Readonly<Record<string, (of: Json) => Promise<string>>> = {
      OK: async (of) => (await client.call('Revoke', { ...of, recipient })).code,
      PURPOSE_NOT_FOUND: async (of) => (await client.call('Grant', { ...of, ...claim })).code,
      SENDER_NOT_FOUND: async (of) => (await client.call('RecordMessage', { ...of, ...message })).code,
      watched: async (of) => {
        const stream = client.watch(of);
        await once(stream, 'data');
        stream.on('error', () => undefined).cancel();
        return 'watched';
      },
    };
    let founded = 0;
    for (const [code, answerOf] of Object.entries(asked)) {
      // More than one, since the other may have heard of it by chance.
      for (let round = 0; round < 5; round++) expect(await answerOf(await found(one, `new-${++founded}`))).toBe(code);
    }
    client.close();
  });

  it('say no after an opt-out at the other, to whoever carries its position', async () => {
    for (let n = 1; n <= 20; n++) {
      const granted = await grant(n % 2 === 0 ? one : other, phone(n));
      const { position } = granted.body;
      expect((await decided(other, phone(n), { atLeast: position })).eligible).toBe(true);
      const revoked = await must(revoke(n % 3 === 0 ? other : one, phone(n)));
      const answer = await decided(n % 3 === 0 ? one : other, phone(n), { atLeast: revoked.body.position });
      expect(answer).toMatchObject({ eligible: false, reason: 'REVOKED' });
    }
  });

  it('say no without a position within the bound that health states', async () => {
    await grant(one, phone(30));
    await until('the grant is known there', async () => (await decided(other, phone(30))).eligible || undefined);
    await must(revoke(one, phone(30)));
    const since = performance.now();
    await until('the opt-out is known there', async () => !(await decided(other, phone(30))).eligible || undefined);
    const { maxLagMs } = (JSON.parse((await healthOf(other)).text) as { followers: { maxLagMs?: number }[] })
      .followers[0] as { maxLagMs: number };
    expect(maxLagMs).toBe(5_000);
    expect(performance.now() - since).toBeLessThan(maxLagMs);
  });

  it('route a delivery to a sender that was bound at the other', async () => {
    const sender = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234568', providerId: '777' };
    await grant(one, phone(40));
    await must(ask(one, 'PUT', `${ACME}/senders/second`, { body: sender }));
    const stop = { from: phone(40).slice(1), id: 'wamid.one', text: 'STOP', at: Date.now(), phoneNumberId: '777' };
    expect((await deliver(other, deliveryOf(stop))).status).toBe(200);
    expect((await decided(one, phone(40), { consistency: 'ledger' })).reason).toBe('REVOKED');
  });

  it('take no key for long that was deleted at the other', async () => {
    const { keyId, secret } = await keyFor(one, ['eligibility:read'], 'acme');
    const asked = () => ask(other, 'GET', `${ACME}/purposes`, { key: secret });
    const checked = () => check({ ...other, adminKey: secret }, phone(50));
    expect((await checked()).status).toBe(200);
    await must(ask(one, 'DELETE', `${ACME}/keys/${keyId}`));
    await until('the key is turned away', async () => ((await checked()).status === 401 ? true : undefined), 8_000);
    expect((await asked()).status).toBe(401);
  });

  it('erase for both, and neither can open what is gone', async () => {
    await grant(one, phone(60));
    const { body } = await must(
      ask(other, 'POST', `${ACME}/erasures`, { body: { recipient: { phone: phone(60) }, requestedBy: 'person' } }),
    );
    const timeline = await must(ask(one, 'GET', `${ACME}/recipients/${String(body.recipientId)}/timeline`));
    expect(JSON.stringify(timeline.body)).not.toContain(phone(60));
    expect((await decided(one, phone(60), { atLeast: body.position })).reason).toBe('REVOKED');
  });

  it('name who moves the rows on, and the database', async () => {
    const projecting = await until('one of them moves the rows on', async () => {
      const found = await Promise.all([one, other].map(async (replica) => (await healthOf(replica)).view?.shared));
      return found.some((shared) => shared?.projecting) ? found : undefined;
    });
    expect(projecting.filter((shared) => shared?.projecting)).toHaveLength(1);
    expect(JSON.parse((await healthOf(one)).text)).toMatchObject({
      dependencies: { database: { sessions: expect.any(Number) } },
    });
  });

  it('are refused where their secrets are not those of the ledger', async () => {
    const stranger = scene.begin({ PEPPER: Buffer.alloc(32, 9).toString('base64') });
    await stranger.exited;
    expect(stranger.stderr).toContain('PEPPER');
  });
});
