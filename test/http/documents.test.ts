import { channel } from 'node:diagnostics_channel';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme, type Answer } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { ACME, businessOf, type Json } from './support/acme.js';
import { validatorOf, type OpenApi, type Operation } from './support/schemas.js';

interface Served {
  readonly method: string | readonly string[];
  readonly url: string;
  readonly config?: { readonly access?: unknown };
}

/** Starts the service and notes each route that Fastify is given, from the moment that the server exists. */
async function startWatched(): Promise<{ service: TestService; served: readonly Served[] }> {
  const served: Served[] = [];
  const watch = (message: unknown) => {
    const { fastify } = message as { fastify: { addHook(name: 'onRoute', hook: (route: Served) => void): void } };
    fastify.addHook('onRoute', (route) => served.push(route));
  };
  const initialization = channel('fastify.initialization');
  initialization.subscribe(watch);
  try {
    return { service: await startTestService(), served };
  } finally {
    initialization.unsubscribe(watch);
  }
}

describe('the documents of the running service', () => {
  let service: TestService;
  let served: readonly Served[];
  let document: OpenApi;
  let operations: readonly { readonly path: string; readonly method: string; readonly operation: Operation }[];

  beforeAll(async () => {
    ({ service, served } = await startWatched());
    await registerAcme(service);
    document = (await must(ask(service, 'GET', '/openapi.json', { key: '' }))).body as unknown as OpenApi;
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
    );
  });
  afterAll(() => service.stop());

  it('describe every route that is served, and none that is not', () => {
    const routes = served
      .flatMap(({ method, url }) => [method].flat().map((verb) => `${verb} ${url.replaceAll(/:(\w+)/g, '{$1}')}`))
      .filter((route) => !route.startsWith('HEAD '));
    const documented = operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`);
    expect(documented.sort()).toEqual(routes.sort());
    expect(documented.length).toBeGreaterThan(25);
  });

  it('serve no route that does not say who may call it', () => {
    expect(served.filter(({ config }) => config?.access === undefined)).toEqual([]);
  });

  it('are OpenAPI 3.1: unique ids, described answers, parameters of the path, schemas that compile', () => {
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info).toMatchObject({ title: 'Consent Ledger', version: expect.any(String) });
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    const validate = validatorOf(document);
    for (const { path, operation } of operations) {
      const { parameters = [], requestBody, responses } = operation;
      const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      const contents = [requestBody, ...Object.values(responses)].flatMap((one) => Object.values(one?.content ?? {}));
      const schemas = [...contents.map(({ schema }) => schema), ...parameters.map(({ schema }) => schema)];
      for (const schema of schemas) if (schema) expect(() => validate(schema, {})).not.toThrow();
      expect(Object.values(responses).every(({ description }) => description !== '')).toBe(true);
    }
  });

  it('name the codes that any route may answer, and those of a person named by an id', () => {
    const codesOf = ({ responses }: Operation, status: string) => responses[status]?.description ?? '';
    for (const { path, operation } of operations) {
      const isHealth = path === '/health/ready';
      expect([path, isHealth || codesOf(operation, '503').includes('LEDGER_UNAVAILABLE')]).toEqual([path, true]);
    }
    for (const id of ['grantConsent', 'revokeConsent', 'recordMessage', 'eraseRecipient', 'linkRecipients']) {
      const named = operations.find(({ operation }) => operation.operationId === id);
      expect([id, named && codesOf(named.operation, '404')]).toEqual([
        id,
        expect.stringMatching('RECIPIENT_NOT_FOUND'),
      ]);
    }
  });

  it('name what a foreign key, a stranger and a process without the role are answered, with their headers', () => {
    const told = operations.map(({ path, operation: { operationId, responses } }) => ({
      operationId,
      business: path.includes('/{b}'),
      notFound: responses['404']?.description.includes('BUSINESS_NOT_FOUND') ?? false,
      unknown: 'WWW-Authenticate' in (responses['401']?.headers ?? {}),
      misled: responses['503']?.description.includes('NOT_CONFIGURED') ?? false,
      later: 'Retry-After' in (responses['503']?.headers ?? {}),
    }));
    expect(told.filter(({ business, notFound }) => business !== notFound)).toEqual([]);
    expect(told.filter(({ business, unknown, later }) => business && !(unknown && later))).toEqual([]);
    expect(told.filter(({ misled }) => misled).map(({ operationId }) => operationId)).toEqual(
      expect.arrayContaining(['checkEligibility', 'grantConsent', 'watchChanges', 'putBusiness']),
    );
    expect(document.paths['/docs']?.get?.responses['200']?.content).toHaveProperty('text/html');
  });

  it('describe real answers, field by field', async () => {
    const asked = await realAnswers(service);
    const validate = validatorOf(document);
    const seen = new Set<string>();
    for (const [operationId, answer] of asked) {
      seen.add(operationId);
      const { operation } = operations.find((one) => one.operation.operationId === operationId) ?? {};
      const content = Object.values(operation?.responses[String(answer.status)]?.content ?? {});
      const [{ schema } = {}] = content;
      expect(`${operationId} documents ${answer.status}: ${schema !== undefined}`).toBe(
        `${operationId} documents ${answer.status}: true`,
      );
      expect({ operationId, faults: validate(closed(schema as Json) as Json, answer.body) }).toEqual({
        operationId,
        faults: [],
      });
    }
    const withJson = operations
      .filter(({ path }) => path.startsWith('/v1/'))
      .map(({ operation }) => operation.operationId);
    const withoutJson = ['deleteKey', 'deleteGlobalKey', 'watchChanges'];
    expect(withJson.filter((id) => !seen.has(id) && !withoutJson.includes(id))).toEqual([]);
  });

  it('take for a recipient what the service takes: one address where it reads strictly, any number to stop', () => {
    const validate = validatorOf(document);
    const bodyOf = (id: string) =>
      operations.find(({ operation }) => operation.operationId === id)?.operation.requestBody?.content ?? {};
    const faults = (id: string, recipient: Json) => {
      const [{ schema } = { schema: {} }] = Object.values(bodyOf(id));
      const { properties } = (typeof schema.$ref === 'string' ? named(schema.$ref) : schema) as { properties: Json };
      return validate(properties.recipient as Json, recipient).length;
    };
    const named = (ref: string) => document.components.schemas[ref.split('/').at(-1) ?? ''];
    const phone = '+393337000001';
    const [one, none, two] = [
      [{ phone }, { phone, email: null }],
      [{}, { phone: null }],
      [{ phone, email: 'a@b.example' }],
    ];
    const strict = ['grantConsent', 'recordMessage', 'linkRecipients', 'checkEligibility', 'filterAudience'];
    for (const id of strict) {
      expect([id, ...one.map((recipient) => faults(id, recipient))]).toEqual([id, 0, 0]);
      for (const recipient of [...none, ...two]) expect([id, faults(id, recipient) > 0]).toEqual([id, true]);
    }
    for (const id of ['revokeConsent', 'eraseRecipient']) {
      for (const recipient of [...one, ...two, { phone, mobile: 'x' }])
        expect([id, faults(id, recipient)]).toEqual([id, 0]);
    }
  });

  it('show a page that loads what it names, and nothing from elsewhere', async () => {
    const page = await fetch(`${service.base}/docs`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const html = await page.text();
    const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) {
      expect(link).toMatch(/^\/docs\//);
      const file = await fetch(service.base + link);
      expect({ link, status: file.status, sniff: file.headers.get('x-content-type-options') }).toEqual({
        link,
        status: 200,
        sniff: 'nosniff',
      });
      expect((await file.arrayBuffer()).byteLength).toBeGreaterThan(50);
    }
    for (const path of ['/docs/other.js', '/docs/'])
      expect((await ask(service, 'GET', path, { key: '' })).status).toBe(404);
    expect((await ask(service, 'GET', '/docs/..%2fpackage.json', { key: '' })).status).toBe(400);
  });

  it('say whether the process lives and is ready, with the lag of each follower', async () => {
    expect(await ask(service, 'GET', '/health/live', { key: '' })).toMatchObject({
      status: 200,
      body: { status: 'ok' },
    });
    const ready = await ask(service, 'GET', '/health/ready', { key: '' });
    expect(ready).toMatchObject({
      status: 200,
      body: {
        status: 'ready',
        dependencies: { ledger: { writable: true } },
        followers: [{ name: 'view' }, { name: 'feed' }, { name: 'completion' }],
      },
    });
    const [view] = ready.body.followers as unknown as Json[];
    expect(view?.lagMs).toBeGreaterThanOrEqual(0);
  });

  it('render metrics on their own port, with route patterns for labels and never an address of the web', async () => {
    await must(businessOf(service).revoke({ recipient: { phone: '+393337000009' }, channels: 'all' }));
    const response = await fetch(`${service.metricsBase}/metrics`);
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toMatch(/route="\/v1\/businesses\/:b\/revocations",status="201"/);
    expect(text).toMatch(/consent_commands_total\{[^}]*type="ConsentRevoked"/);
    expect(text).toMatch(/consent_lenient_warnings_total\{[^}]*field="channels"/);
    expect(text).not.toContain('/v1/businesses/acme');
    expect((await fetch(`${service.base}/metrics`)).status).toBe(404);
  });
});

/** The schema with every object that lists its fields closed against others, so that no answer has a field unmentioned. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, value]: [string, unknown]) => [key, closed(value)]),
  );
  return 'properties' in schema && 'type' in schema ? { additionalProperties: false, ...inner } : inner;
}

/** One answer at least of every route that answers JSON to who holds a key. */
async function realAnswers(service: TestService): Promise<readonly (readonly [string, Answer])[]> {
  const acme = businessOf(service);
  const phone = '+393337000001';
  const admin = (method: string, path: string, body?: unknown) => ask(service, method, path, { body });
  const filtered = (line: Json) =>
    acme.post('/eligibility/filter', undefined, {
      raw: JSON.stringify(line),
      headers: { 'content-type': 'application/x-ndjson' },
    });
  const business = { legalName: 'L', displayName: 'D', defaultRegion: 'IT', policy: { cap: 3 } };
  const purpose = { category: 'marketing', title: 'T' };
  const sender = { channel: 'sms', provider: 'other', address: 'ACME' };
  const text = {
    text: 'T',
    locale: 'en',
    channels: ['sms'],
    purposes: ['offers'],
    frequency: 'weekly',
    quickReplyExpected: true,
  };
  const key = { name: 'k', scopes: ['audit:read'] };
  const at = service.running.parts.clock.now();
  const grant = grantBody(phone, { expiresAt: '2199-01-01T00:00:00Z' });
  const granted = await acme.grant(grant, { headers: { 'Idempotency-Key': 'doc' } });
  const path = `/recipients/${String(granted.body.recipientId)}`;
  const question = { recipient: { phone }, channel: 'whatsapp', purpose: 'offers' };
  const said = { recipient: { phone }, channel: 'whatsapp', sender: 'main', messageId: 'm', occurredAt: '2026-01-01' };
  const other = { email: 'link@documents.example' };
  const link = { recipient: { phone }, other, kind: 'same_person', occurredAt: '2026-05-01' };
  await must(
    deliver(service, deliveryOf({ from: '393337000002', id: 'wamid.d', text: 'STOP', at, phoneNumberId: '0' })),
  );
  const unrouted = await admin('GET', '/v1/unrouted');
  const [kept] = unrouted.body.unrouted as unknown as { id: string }[];
  return [
    ['putBusiness', await admin('PUT', '/v1/businesses/documented', business)],
    ['putBusiness', await admin('PUT', '/v1/businesses/documented', business)],
    ['getBusiness', await admin('GET', '/v1/businesses/documented')],
    ['putPurpose', await acme.put('/purposes/documented', purpose)],
    ['retirePurpose', await acme.delete('/purposes/documented')],
    ['listPurposes', await acme.get('/purposes')],
    ['publishDisclosure', await acme.post('/disclosures/documented/versions', text)],
    ['publishDisclosure', await acme.post('/disclosures/documented/versions?dryRun=true', text)],
    ['getDisclosure', await acme.get('/disclosures/documented/versions/1')],
    ['putSender', await acme.put('/senders/documented', sender)],
    ['retireSender', await acme.delete('/senders/documented')],
    ['listSenders', await acme.get('/senders')],
    ['makeGlobalKey', await admin('POST', '/v1/keys', key)],
    ['makeKey', await acme.post('/keys', key)],
    ['listKeys', await acme.get('/keys')],
    ['grantConsent', granted],
    ['grantConsent', await acme.grant(grant, { headers: { 'Idempotency-Key': 'doc' } })],
    ['grantConsent', await acme.grant({ ...grant, purposes: ['nothing'] })],
    ['recordMessage', await acme.message(said)],
    ['revokeConsent', await acme.revoke({ recipient: { phone: '+393337000003' }, method: 'keyword', channels: 'x' })],
    ['eraseRecipient', await acme.post('/erasures', { recipient: { phone: '+393337000004' }, reason: 'x' })],
    ['linkRecipients', await acme.post('/links', link)],
    ['unlinkRecipients', await acme.delete('/links', link)],
    ['getRecipientKey', await acme.get('/recipient-key')],
    ['checkEligibility', await acme.post('/eligibility', question)],
    ['checkEligibility', await acme.post('/eligibility', { ...question, atLeast: 'another.1' })],
    ['checkEligibilityById', await acme.get(`${path}/eligibility?channel=whatsapp&purpose=service`)],
    ['checkEligibilityBatch', await acme.post('/eligibility/batch', { checks: [{ ref: 1, ...question }, {}] })],
    ['filterAudience', await filtered(question)],
    ['filterAudience', await filtered({ ref: [1] })],
    ['lookUpRecipients', await acme.post('/recipients/lookup', { recipients: [{ phone }, {}] })],
    ['getRecipient', await acme.get(path)],
    ['getTimeline', await acme.get(`${path}/timeline?limit=1`)],
    ['listUnrouted', unrouted],
    ['replayUnrouted', await admin('POST', `/v1/unrouted/${String(kept?.id)}/replay`)],
    ['getBusiness', await ask(service, 'GET', ACME, { key: '' })],
    ['getReady', await ask(service, 'GET', '/health/ready', { key: '' })],
    ['getLive', await ask(service, 'GET', '/health/live', { key: '' })],
  ];
}
