import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { depthOf } from '#event-store';
import { ask, grantBody, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { ACME, businessOf, expectProblem, headOf, keyFor } from './support/acme.js';

const SCOPES = ['consent:write', 'eligibility:read', 'audit:read', 'personal:read', 'business:admin'];
const ID = 'A'.repeat(42) + 'A';

/** What each route asks of its caller; `admin` is the admin key alone. Bodies are left out: access is judged before them. */
const ROUTES: readonly (readonly [method: string, path: string, scope: string])[] = [
  ['PUT', ACME, 'admin'],
  ['GET', ACME, 'admin'],
  ['POST', '/v1/keys', 'admin'],
  ['DELETE', '/v1/keys/none', 'admin'],
  ['GET', '/v1/unrouted', 'admin'],
  ['POST', '/v1/unrouted/none/replay', 'admin'],
  ['PUT', `${ACME}/purposes/p`, 'business:admin'],
  ['DELETE', `${ACME}/purposes/p`, 'business:admin'],
  ['GET', `${ACME}/purposes`, 'business:admin'],
  ['POST', `${ACME}/disclosures/d/versions`, 'business:admin'],
  ['GET', `${ACME}/disclosures/d/versions/9`, 'business:admin'],
  ['PUT', `${ACME}/senders/s`, 'business:admin'],
  ['DELETE', `${ACME}/senders/s`, 'business:admin'],
  ['GET', `${ACME}/senders`, 'business:admin'],
  ['POST', `${ACME}/erasures`, 'business:admin'],
  ['POST', `${ACME}/links`, 'business:admin'],
  ['DELETE', `${ACME}/links`, 'business:admin'],
  ['POST', `${ACME}/keys`, 'business:admin'],
  ['GET', `${ACME}/keys`, 'business:admin'],
  ['DELETE', `${ACME}/keys/none`, 'business:admin'],
  ['POST', `${ACME}/grants`, 'consent:write'],
  ['POST', `${ACME}/revocations`, 'consent:write'],
  ['POST', `${ACME}/messages`, 'consent:write'],
  ['POST', `${ACME}/eligibility`, 'eligibility:read'],
  ['GET', `${ACME}/recipients/${ID}/eligibility?channel=sms&purpose=offers`, 'eligibility:read'],
  ['POST', `${ACME}/eligibility/batch`, 'eligibility:read'],
  ['POST', `${ACME}/recipients/lookup`, 'eligibility:read'],
  ['POST', `${ACME}/eligibility/filter`, 'eligibility:read'],
  ['GET', `${ACME}/changes?from=nowhere`, 'eligibility:read'],
  ['GET', `${ACME}/recipients/${ID}`, 'audit:read'],
  ['GET', `${ACME}/recipients/${ID}/timeline`, 'audit:read'],
  ['GET', `${ACME}/recipient-key`, 'personal:read'],
];

describe('who may do what', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService();
    await registerAcme(service);
    await registerAcme(service, 'beta', '2002');
  });
  afterAll(() => service.stop());

  it.each(ROUTES)('%s %s is for nobody without a key', async (method, path) => {
    const answer = await ask(service, method, path, { key: '' });
    expectProblem(answer, 401, 'UNAUTHENTICATED');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expectProblem(await ask(service, method, path, { key: 'not-a-key' }), 401, 'UNAUTHENTICATED');
  });

  it('gives each route to its scope, and to no other', async () => {
    const before = await headOf(service);
    let handOuts = 0;
    for (const scope of SCOPES) {
      const { secret } = await keyFor(service, [scope], 'acme');
      for (const [method, path, needed] of ROUTES) {
        const answer = await ask(service, method, path, { key: secret });
        const refused = answer.status === 403;
        expect(`${method} ${path} refuses ${scope}: ${refused}`).toBe(
          `${method} ${path} refuses ${scope}: ${needed !== scope}`,
        );
        if (refused) expectProblem(answer, 403, 'FORBIDDEN');
        else if (path.endsWith('/recipient-key')) handOuts += 1;
      }
    }
    // Nothing but the hand-out of the recipient key is done without a body, and that is on record.
    expect(depthOf(await headOf(service)) - depthOf(before)).toBe(handOuts);
  });

  it('answers for another business as if there were none, before any word about scopes', async () => {
    const keys = [await keyFor(service, SCOPES, 'beta'), await keyFor(service, ['audit:read'], 'beta')];
    for (const { secret } of keys) {
      for (const [method, path] of ROUTES.filter(([, route]) => route.startsWith(`${ACME}/`))) {
        const foreign = await ask(service, method, path, { key: secret });
        const missing = await ask(service, method, path.replace('acme', 'nobody'), { key: secret });
        expectProblem(foreign, 404, 'BUSINESS_NOT_FOUND');
        expect({ ...foreign.body, instance: '' }).toEqual({ ...missing.body, instance: '' });
      }
    }
  });

  it('says of a business that does not exist that it does not, also to the admin key', async () => {
    for (const [method, path] of ROUTES.filter(([, route]) => route.startsWith(`${ACME}/`))) {
      expectProblem(await ask(service, method, path.replace('acme', 'nobody')), 404, 'BUSINESS_NOT_FOUND');
    }
  });

  it('lets a key for all businesses into each, within its scopes', async () => {
    const { secret } = await keyFor(service, ['eligibility:read']);
    for (const business of ['acme', 'beta']) {
      const body = { recipient: { phone: '+393331000001' }, channel: 'sms', purpose: 'offers' };
      const check = await ask(service, 'POST', `/v1/businesses/${business}/eligibility`, { key: secret, body });
      expect(check.status).toBe(200);
      const write = await ask(service, 'POST', `/v1/businesses/${business}/revocations`, { key: secret, body });
      expectProblem(write, 403, 'FORBIDDEN');
    }
  });

  it('reads Bearer in any case, and no other scheme', async () => {
    const { secret } = await keyFor(service, ['eligibility:read'], 'acme');
    const body = { recipient: { phone: '+393331000001' }, channel: 'sms', purpose: 'offers' };
    const withHeader = (authorization: string) =>
      ask(service, 'POST', `${ACME}/eligibility`, { key: '', body, headers: { authorization } });
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      expect((await withHeader(`${scheme} ${secret}`)).status).toBe(200);
    }
    for (const header of [`Basic ${secret}`, secret, 'Bearer', `Bearer${secret}`, `Bearer ${secret} x`]) {
      expectProblem(await withHeader(header), 401, 'UNAUTHENTICATED');
    }
  });

  it('opens nothing for a deleted key, from the moment that its deletion is answered', async () => {
    const acme = businessOf(service);
    const { keyId, secret } = await keyFor(service, ['eligibility:read'], 'acme');
    const body = { recipient: { phone: '+393331000001' }, channel: 'sms', purpose: 'offers' };
    expect((await acme.post('/eligibility', body, { key: secret })).status).toBe(200);
    const deleted = await acme.delete(`/keys/${keyId}`);
    expect({ status: deleted.status, body: deleted.body }).toEqual({ status: 204, body: { text: '' } });
    expectProblem(await acme.post('/eligibility', body, { key: secret }), 401, 'UNAUTHENTICATED');
    expectProblem(await acme.delete(`/keys/${keyId}`), 404, 'NOT_FOUND');
  });

  it('shows a secret once, lists keys without it, and keeps the keys of businesses apart', async () => {
    const [acme, beta] = [businessOf(service), businessOf(service, 'beta')];
    const made = await acme.post('/keys', { name: 'once', scopes: ['audit:read'] });
    expect(made.status).toBe(201);
    expect(made.headers.get('cache-control')).toBe('no-store');
    const { secret, ...shown } = made.body;
    const listed = await acme.get('/keys');
    expect(listed.body.keys).toContainEqual(shown);
    expect(JSON.stringify(listed.body)).not.toContain(secret);
    expectProblem(await beta.delete(`/keys/${String(shown.keyId)}`), 404, 'NOT_FOUND');
    expect((await ask(service, 'DELETE', `/v1/keys/${String(shown.keyId)}`)).status).toBe(204);
  });

  it('gives a key of one business no right to bind a provider id, nor to open all businesses', async () => {
    const { secret } = await keyFor(service, SCOPES, 'acme');
    const sender = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234567', providerId: '3003' };
    const answer = await businessOf(service).put('/senders/mine', sender, { key: secret });
    expectProblem(answer, 403, 'FORBIDDEN');
    expect(answer.body.errors).toMatchObject([{ field: 'providerId' }]);
    const { providerId: _bound, ...free } = sender;
    expect((await businessOf(service).put('/senders/mine', free, { key: secret })).status).toBe(201);
    const body = { name: 'mine', scopes: ['audit:read'] };
    expectProblem(await ask(service, 'POST', '/v1/keys', { key: secret, body }), 403, 'FORBIDDEN');
  });

  it('takes a revocation from a business key without asking more than whose it is', async () => {
    const { secret } = await keyFor(service, ['consent:write'], 'acme');
    const recipient = { phone: '+393331000009' };
    expect((await businessOf(service).grant(grantBody(recipient.phone), { key: secret })).status).toBe(201);
    expect((await businessOf(service).revoke({ recipient }, { key: secret })).status).toBe(201);
    expect(await businessOf(service).check(recipient, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });
});
