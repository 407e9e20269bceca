import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TOPICS, type CatalogueRecord, type ChangeRecord, type StateRecord } from '#contracts';
import { startGuard, type Guard } from '#sender-guard';
import { newDataDirectory, removeDataDirectories } from '../faults/data-directory.js';
import { until } from '../faults/until.js';
import { type Json } from '../http/support/acme.js';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { killLaunched, launchService, type ServiceProcess } from '../support/process.js';
import { startBroker, stopBrokers, type Broker } from './broker.js';
import { jsonOf, readTopic, type SeenRecord } from './reader.js';

const START_MS = 120_000;

let broker: Broker;
let service: ServiceProcess;
let guard: Guard;

beforeAll(async () => {
  broker = await startBroker();
  service = await launchService(newDataDirectory(), { env: { KAFKA_BROKERS: broker.brokers.join(',') } });
  await registerAcme(service);
  guard = startGuard({ brokers: broker.brokers });
  expect(await guard.live(AbortSignal.timeout(60_000))).toBe(true);
}, START_MS);

afterAll(async () => {
  await guard.close();
  await killLaunched();
  await stopBrokers();
  removeDataDirectories();
}, START_MS);

const post = (path: string, body: unknown) => must(ask(service, 'POST', `/v1/businesses/acme/${path}`, { body }));

async function readLine(): Promise<{ readonly relay: string; readonly ports: { readonly metrics: number } }> {
  return JSON.parse((await service.process.line('{"ready":true')) ?? '{}') as never;
}

/** Of one recipient, or whatever else the key is, once the topic holds one that `isIt`. */
async function recordsOf<T>(topic: string, key: string, isIt: (record: T) => boolean): Promise<readonly T[]> {
  const ofKey = (records: readonly SeenRecord[]) =>
    records.filter((one) => one.key === key).map((one) => jsonOf<T>(one));
  return ofKey(await readTopic(broker.brokers, topic, { until: (records) => ofKey(records).some(isIt) }));
}

function guardSays(recipientId: string, reason: string) {
  const asked = { businessId: 'acme', recipientId, channel: 'whatsapp', purpose: 'offers' };
  return until(`the guard says ${reason}`, () => guard.check(asked).reason === reason || undefined);
}

async function granted(phone: string): Promise<string> {
  const recipientId = String((await post('grants', grantBody(phone))).body.recipientId);
  await guardSays(recipientId, 'CONSENTED');
  return recipientId;
}

describe('a service with Kafka', () => {
  it('says at start that the relay is on, lists its lanes and measures them', async () => {
    const { relay, ports } = await readLine();
    expect(relay).toBe('on');
    const { body } = await must(ask(service, 'GET', '/health/ready'));
    const followers = body.followers as unknown as readonly { name: string; ready: boolean }[];
    expect(followers.map(({ name, ready }) => [name, ready])).toEqual(
      expect.arrayContaining(['optouts', 'changes', 'state'].map((lane) => [`relay-${lane}`, true])),
    );
    expect(body.relay).toMatchObject({ leader: true, parked: 0 });
    const scrape = async () => (await fetch(`http://127.0.0.1:${ports.metrics}/metrics`)).text();
    expect(await scrape()).toMatch(/^consent_relay_leader 1$/m);
    const stored = /^consent_relay_records_total\{lane="state"\} [1-9]/m;
    await until('the records of the state are counted', async () => stored.test(await scrape()) || undefined);
  });

  it('tells an opt-out, the state and the register, and the guard says yes, then no', async () => {
    const recipientId = await granted('+393331000001');
    const { body } = await post('revocations', { recipient: { phone: '+393331000001' } });
    await guardSays(recipientId, 'REVOKED');
    const [optOut] = await recordsOf<ChangeRecord>(TOPICS.optouts.topic, recipientId, () => true);
    expect(optOut).toMatchObject({ eventId: body.eventId, type: 'ConsentRevoked', businessId: 'acme' });
    const isRevoked = ({ revocations }: StateRecord) => revocations.some(({ eventId }) => eventId === body.eventId);
    const state = (await recordsOf<StateRecord>(TOPICS.state.topic, recipientId, isRevoked)).at(-1);
    expect(state?.grants.length).toBe(1);
    const hasAll = ({ purposes }: CatalogueRecord) => purposes.some(({ purposeId }) => purposeId === 'receipts');
    const register = (await recordsOf<CatalogueRecord>(TOPICS.catalogue.topic, 'acme', hasAll)).at(-1);
    expect(register?.senders.map(({ senderId }) => senderId)).toEqual(['main']);
  });

  it('tells an erasure as an opt-out and as the state', async () => {
    const recipientId = await granted('+393331000002');
    const { body } = await post('erasures', { recipient: { phone: '+393331000002' }, requestedBy: 'person' });
    const [optOut] = await recordsOf<ChangeRecord>(TOPICS.optouts.topic, recipientId, () => true);
    expect(optOut).toMatchObject({ eventId: body.eventId, type: 'RecipientErased' });
    const states = await recordsOf<StateRecord>(TOPICS.state.topic, recipientId, ({ erased }) => erased);
    expect(states.at(-1)).toMatchObject({ erased: true, erasureEventId: body.eventId });
    await guardSays(recipientId, 'REVOKED');
  });

  it('tells a link, what stops one of the two under both keys, and that they part', async () => {
    const [phone, email] = ['+393331000011', 'linked@kafka.example'];
    const one = await granted(phone);
    const link = { recipient: { phone }, other: { email }, kind: 'same_person', occurredAt: '2026-01-01T00:00:00Z' };
    await post('links', link);
    const body = { recipients: [{ email }] };
    const [named] = (await post('recipients/lookup', body)).body.results as unknown as { recipientId: string }[];
    const other = String(named?.recipientId);
    await guardSays(other, 'CONSENTED');
    const [half] = await recordsOf<ChangeRecord>(TOPICS.optouts.topic, other, () => true);
    expect(half).toMatchObject({ type: 'RecipientLinked', link: { recipientId: one, kind: 'same_person' } });
    const stop = await post('revocations', { recipient: { email } });
    await guardSays(one, 'REVOKED');
    const isTold = ({ eventId }: ChangeRecord) => eventId === stop.body.eventId;
    const told = await recordsOf<ChangeRecord>(TOPICS.optouts.topic, one, isTold);
    expect(told.find(isTold)).toMatchObject({ recipientId: one, linkedFrom: other });
    await must(ask(service, 'DELETE', '/v1/businesses/acme/links', { body: link }));
    await guardSays(one, 'CONSENTED');
    await guardSays(other, 'REVOKED');
  });

  it('tells a change of number: the guard lets the new one have what the old one had', async () => {
    const [from, to] = [{ phone: '+393331000012' }, { phone: '+393331000013' }];
    const old = await granted(from.phone);
    const { body } = await post('links', {
      ...{ recipient: from, other: to, kind: 'changed_number' },
      occurredAt: new Date().toISOString(),
    });
    await guardSays(old, 'REVOKED');
    const lookup = (await post('recipients/lookup', { recipients: [to] })).body.results as unknown as Json[];
    const taken = String(lookup[0]?.recipientId);
    await guardSays(taken, 'CONSENTED');
    expect(body).toMatchObject({ recipientId: old, type: 'RecipientLinked' });
    await post('grants', grantBody(from.phone, { purposes: ['news'] }));
    const asked = { businessId: 'acme', channel: 'whatsapp', purpose: 'news' };
    await until('the next owner is known', () => guard.check({ ...asked, recipientId: old }).eligible || undefined);
    expect(guard.check({ ...asked, recipientId: taken })).toMatchObject({ eligible: false, reason: 'NO_CONSENT' });
    expect(guard.check({ ...asked, purpose: 'offers', recipientId: old }).reason).toBe('REVOKED');
  });

  it('tells everything again where it is asked to', async () => {
    const recipientId = await granted('+393331000003');
    await post('revocations', { recipient: { phone: '+393331000003' } });
    await recordsOf<ChangeRecord>(TOPICS.optouts.topic, recipientId, () => true);
    const file = join(process.cwd(), 'dist', 'apps', 'ledger', 'relay-republish.js');
    const env = { PATH: process.env.PATH, DATA_DIR: service.dataDir };
    const run = promisify(execFile)(process.execPath, [file, '--from', 'start'], { cwd: tmpdir(), env });
    expect((await run).stdout).toMatch(/published again: [1-9]\d* events/);
    const told = (await readTopic(broker.brokers, TOPICS.optouts.topic)).filter(({ key }) => key === recipientId);
    expect(told.length).toBe(2);
    expect(new Set(told.map(({ headers }) => headers.ce_id)).size).toBe(1);
    expect(new Set(told.map(({ headers }) => headers.traceparent)).size).toBe(1);
    expect(told[0]?.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });

  it('ends in order', async () => {
    expect(await service.process.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(service.process.stderr).toBe('');
  });
});
