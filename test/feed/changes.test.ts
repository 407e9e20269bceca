import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '#platform';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { until } from '../faults/until.js';
import { businessOf, expectProblem, headOf, keyFor } from '../http/support/acme.js';
import { EventSource } from './event-source.js';

const CHANGES = '/v1/businesses/acme/changes';

describe('the changes of a business over Server-Sent Events', () => {
  let service: TestService;
  const opened: EventSource[] = [];
  const open = async (...args: Parameters<typeof EventSource.open> extends [unknown, ...infer R] ? R : never) => {
    const source = await EventSource.open(service, ...args);
    opened.push(source);
    return source;
  };

  beforeAll(async () => {
    service = await startTestService({ clock: systemClock });
    await registerAcme(service);
    await registerAcme(service, 'beta', '2002');
  });
  afterAll(async () => {
    for (const source of opened) source.close();
    await service.stop();
  });

  it('begin at once with where they are, and bring what is appended then, as Kafka would', async () => {
    const source = await open();
    expect(source.response.statusCode).toBe(200);
    expect(source.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const first = await source.until('a watermark', ({ event }) => event === 'watermark');
    expect(first.id).toBe(await headOf(service));
    const granted = await must(businessOf(service).grant(grantBody('+393331200001')));
    const stop = { from: '393331200001', id: 'wamid.1', text: 'STOP', at: Date.now() };
    expect((await deliver(service, deliveryOf(stop))).status).toBe(200);
    const [grant, revocation] = await source.untilChanges(2);
    expect(grant).toEqual({
      id: granted.body.position,
      event: 'change',
      data: {
        businessId: 'acme',
        recipientId: granted.body.recipientId,
        eventId: granted.body.eventId,
        type: 'ConsentGranted',
        channels: ['whatsapp'],
        purposes: ['offers'],
        categories: [],
        method: 'web_form',
        occurredAt: granted.body.occurredAt,
        recordedAt: granted.body.recordedAt,
      },
    });
    expect(revocation?.data).toMatchObject({ type: 'ConsentRevoked', recipientId: granted.body.recipientId });
    expect(JSON.stringify(source.events)).not.toContain('393331200001');
  });

  it('prove every second that all which was acknowledged has been told', async () => {
    const source = await open();
    const { position, recordedAt } = (await must(businessOf(service).revoke({ recipient: { phone: '+393331200002' } })))
      .body;
    const proof = await source.until('the proof', ({ data }) => String(data.at) >= String(recordedAt) && !!data.at);
    expect(source.changes.map(({ id }) => id)).toEqual([position]);
    expect(proof).toMatchObject({ event: 'watermark', id: position, data: { position } });
  });

  it('go on from any event, by Last-Event-ID before from, without gap or repeat', async () => {
    const all = await open({ from: 'start' });
    await until('some are there', () => (all.changes.length >= 3 ? true : undefined));
    const ids = all.changes.map(({ id }) => String(id));
    for (const [index, id] of ids.entries()) {
      const rest = ids.slice(index + 1);
      const again = await open(index % 2 === 0 ? { from: id } : { from: ids[0] as string, lastEventId: id });
      await again.until('a proof', ({ data }) => data.at !== undefined);
      expect(again.changes.map((one) => one.id)).toEqual(rest);
      again.close();
    }
  });

  it('are told to the business alone', async () => {
    const [ours, theirs] = [await open(), await open({ business: 'beta' })];
    for (const business of ['beta', 'acme', 'beta']) {
      await must(businessOf(service, business).revoke({ recipient: { phone: '+393331200003' } }));
    }
    await Promise.all([ours.untilChanges(1), theirs.untilChanges(2)]);
    const { recipientId } = (await must(businessOf(service).revoke({ recipient: { phone: '+393331200004' } }))).body;
    await ours.until('the last', ({ data }) => data.recipientId === recipientId);
    await theirs.until('a later proof', ({ id, data }) => data.at !== undefined && id === ours.lastId);
    expect(ours.changes.map(({ data }) => data.businessId)).toEqual(['acme', 'acme']);
    expect(theirs.changes.map(({ data }) => data.businessId)).toEqual(['beta', 'beta']);
    const { secret } = await keyFor(service, ['eligibility:read'], 'beta');
    expectProblem(await ask(service, 'GET', CHANGES, { key: secret }), 404, 'BUSINESS_NOT_FOUND');
  });

  it('say of an erasure what Kafka says, and nothing of who it was', async () => {
    const acme = businessOf(service);
    const recipient = { phone: '+393331200005' };
    await must(acme.grant(grantBody(recipient.phone)));
    const source = await open();
    await must(acme.post('/erasures', { recipient, requestedBy: 'the person', reason: 'asked' }));
    const [told] = await source.untilChanges(1);
    expect(told?.data).toMatchObject({ type: 'RecipientErased', method: null });
    expect(JSON.stringify(told)).not.toMatch(/asked|the person|39333/);
  });

  it.each([
    ['from', { path: '?from=nowhere', headers: {} }],
    ['Last-Event-ID', { path: '?from=start', headers: { 'last-event-id': 'nowhere' } }],
  ])('refuse a %s that is no position', async (field, { path, headers }) => {
    const answer = await ask(service, 'GET', CHANGES + path, { headers });
    expect(expectProblem(answer, 400, 'VALIDATION_FAILED').errors).toMatchObject([{ field, code: 'POSITION' }]);
  });

  it('refuse a place of another ledger, and one that has not come yet, as a conflict', async () => {
    const [ledgerId] = (await headOf(service)).split('.');
    for (const [from, code] of [
      ['elsewhere.1', 'FOREIGN_POSITION'],
      [`${ledgerId}.999999`, 'POSITION_AHEAD'],
    ] as const) {
      const answer = await ask(service, 'GET', `${CHANGES}?from=${from}`);
      expect(expectProblem(answer, 409, 'CONFLICT').errors).toMatchObject([{ field: 'from', code }]);
    }
  });

  it('answer HEAD, and leave nobody watching', async () => {
    const before = service.running.parts.feed.status().watchers;
    const answer = await ask(service, 'HEAD', CHANGES);
    expect({ status: answer.status, type: answer.headers.get('content-type') }).toEqual({
      status: 200,
      type: 'text/event-stream; charset=utf-8',
    });
    expect(service.running.parts.feed.status().watchers).toBe(before);
  });

  it('end with their key, at once, and a caller who has gone leaves nothing', async () => {
    const { keyId, secret } = await keyFor(service, ['eligibility:read'], 'acme');
    const source = await open({ key: secret });
    await must(ask(service, 'DELETE', `/v1/businesses/acme/keys/${keyId}`));
    const end = await source.until('the end', ({ event }) => event === 'end');
    expect(end.data).toMatchObject({ code: 'UNAUTHENTICATED', position: source.lastId });
    await source.ended;
    for (const one of opened) one.close();
    await until('nobody watches', () => (service.running.parts.feed.status().watchers === 0 ? true : undefined));
    expect(service.running.parts.feed.status().live).toBeUndefined();
  });

  it('watch for nobody who has left before their key was known', async () => {
    const { secret } = await keyFor(service, ['eligibility:read'], 'acme');
    const { vault, feed } = service.running.parts;
    const find = vault.findApiKey.bind(vault);
    let [asked, goOn] = [() => {}, () => {}];
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const mayGoOn = new Promise<void>((resolve) => (goOn = resolve));
    vault.findApiKey = async (keyId) => {
      asked();
      await mayGoOn;
      return find(keyId);
    };
    const request = get(service.base + CHANGES, { headers: { authorization: `Bearer ${secret}` }, agent: false });
    const left = new Promise((resolve) => request.on('error', () => undefined).on('close', resolve));
    await isAsked;
    request.destroy();
    await left;
    // Answered after that: the service has been told that the caller has gone.
    const answers = () => ask(service, 'GET', '/health/live', { key: '' });
    await answers();
    vault.findApiKey = find;
    goOn();
    for (let n = 0; n < 5; n += 1) await answers();
    expect(feed.status().watchers).toBe(0);
  });

  it('end within seconds with a key that another process deleted', async () => {
    const { keyId, secret } = await keyFor(service, ['eligibility:read'], 'acme');
    const [ending, staying] = [await open({ key: secret }), await open()];
    await service.running.parts.vault.deleteApiKey(keyId);
    const beganMs = performance.now();
    const end = await ending.until('the end', ({ event }) => event === 'end');
    expect(end.data).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(performance.now() - beganMs).toBeLessThan(6_000);
    await must(businessOf(service).revoke({ recipient: { phone: '+393331200006' } }));
    await staying.untilChanges(1);
    staying.close();
    await until('nobody watches', () => (service.running.parts.feed.status().watchers === 0 ? true : undefined));
  });

  it('are counted, and listed with their lag', async () => {
    const source = await open({ from: 'start' });
    await source.untilChanges(1);
    const ready = await ask(service, 'GET', '/health/ready', { key: '' });
    expect(ready.body.followers).toContainEqual(expect.objectContaining({ name: 'feed', watchers: 1, ready: true }));
    const metrics = await (await fetch(`${service.metricsBase}/metrics`)).text();
    expect(metrics).toMatch(/^consent_feed_watchers 1$/m);
    expect(metrics).toMatch(/^consent_http_request_duration_seconds_count\{.*\/changes.*\} \d+$/m);
  });
});

describe('limits of the changes', () => {
  it('take so many watchers, of which none is a request in work, and end them all at the stop', async () => {
    const env = { FEED_WATCHERS_MAX: '3', IN_FLIGHT_MAX: '1', SHUTDOWN_TIMEOUT_MS: '9500' };
    const service = await startTestService({ clock: systemClock, env });
    await registerAcme(service);
    const sources = [];
    for (let n = 0; n < 3; n += 1) sources.push(await EventSource.open(service));
    const refused = await ask(service, 'GET', CHANGES);
    expectProblem(refused, 503, 'OVERLOADED');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await businessOf(service).revoke({ recipient: { phone: '+393331200009' } })).status).toBe(201);
    await Promise.all(sources.map((source) => source.untilChanges(1)));
    const beganMs = performance.now();
    await service.stop();
    // What holds it up is cut off after half of the time that a stop may take.
    expect(performance.now() - beganMs).toBeLessThan(4_500);
    for (const source of sources) {
      await source.ended;
      expect(source.events.at(-1)).toMatchObject({
        event: 'end',
        data: { code: 'OVERLOADED', position: source.lastId },
      });
    }
  });
});
