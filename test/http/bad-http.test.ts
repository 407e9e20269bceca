import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { ACME, businessOf, expectProblem, fieldsOf, headOf, keyFor } from './support/acme.js';
import { sendBytes } from './support/raw-http.js';

const ID = 'A'.repeat(43);
const SECRET_PATH = 'zz-private-zz';

describe('bad HTTP', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService();
    await registerAcme(service);
  });
  afterAll(() => service.stop());

  /** A request over a bare socket; `more` are header lines. */
  const request = (target: string, { method = 'GET', more = [] as readonly string[], body = '' } = {}) =>
    sendBytes(
      service.base,
      [
        `${method} ${target} HTTP/1.1`,
        'Host: localhost',
        `Authorization: Bearer ${service.adminKey}`,
        ...more,
        ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
        '',
        body,
      ].join('\r\n'),
    );

  const expectRefused = (answer: string) => {
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json');
    const problem = JSON.parse(answer.split('\r\n\r\n')[1] ?? '') as { code: string; status: number };
    expect(problem).toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/), status: Number(answer.slice(9, 12)) });
    expect(answer).not.toContain(SECRET_PATH);
  };

  it.each([
    ['half an escape', `/v1/businesses/acme/recipients/%E0%A4%A/${SECRET_PATH}`],
    ['an escape that is none', `/v1/businesses/%zz/${SECRET_PATH}`],
    ['a lone percent', `/v1/businesses/acme/purposes/%?${SECRET_PATH}`],
    ['an escaped NUL', `${ACME}/purposes/%00${SECRET_PATH}`],
    ['an escaped slash', `${ACME}/purposes/a%2fb`],
    ['a path upwards', `${ACME}/../../${SECRET_PATH}`],
    ['two slashes', `//v1//businesses/${SECRET_PATH}`],
    ['a very long part', `${ACME}/recipients/${'a'.repeat(5_000)}`],
    ['a very long query', `${ACME}/recipients/${ID}/eligibility?channel=${'a'.repeat(10_000)}&purpose=offers`],
    ['a query that is no escape', `${ACME}/recipients/${ID}/eligibility?channel=%&purpose=%E0%A4%A`],
    ['a prototype in the query', `${ACME}/recipients/${ID}/eligibility?__proto__=x&channel=sms&purpose=offers`],
    ['a list in the query', `${ACME}/recipients/${ID}/eligibility?channel[]=sms&purpose=offers`],
    ['an absolute form of nowhere', `http://example.com/${SECRET_PATH}`],
    ['no route', `/${SECRET_PATH}`],
  ])('with %s is answered by a problem', async (_what, target) => {
    expectRefused(await request(target));
  });

  it.each([
    ['no HTTP at all', `${SECRET_PATH}\r\n\r\n`],
    ['a version that is none', `GET / HTTP/9.9\r\nHost: x\r\n\r\n`],
    ['a method that is none', `STEAL / HTTP/1.1\r\nHost: x\r\n\r\n`],
    ['TLS', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])],
    ['a header too large', `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(100_000)}\r\n\r\n`],
    ['two lengths', 'POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}'],
    ['a length that is none', 'POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: two\r\n\r\n{}'],
    [
      'length and chunks',
      'POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX-Nul: a\u0000b\r\n\r\n'],
  ])('that is %s is answered by a problem, and the service goes on', async (_what, bytes) => {
    expectRefused(await sendBytes(service.base, bytes));
    expect((await ask(service, 'GET', '/health/live', { key: '' })).status).toBe(200);
  });

  it('refuses a body without a media type, or one that is compressed', async () => {
    const before = await headOf(service);
    const body = JSON.stringify(grantBody('+393339000001'));
    expectRefused(await request(`${ACME}/grants`, { method: 'POST', body }));
    const zipped = { raw: gzipSync(body), headers: { 'content-encoding': 'gzip' } };
    expectProblem(await ask(service, 'POST', `${ACME}/grants`, zipped), 415, 'UNSUPPORTED_MEDIA_TYPE');
    expect(await headOf(service)).toBe(before);
  });

  it('refuses a request without the body that it needs', async () => {
    for (const path of [
      'grants',
      'messages',
      'eligibility',
      'eligibility/batch',
      'recipients/lookup',
      'revocations',
      'erasures',
      'links',
    ]) {
      expectProblem(await ask(service, 'POST', `${ACME}/${path}`), 400, 'VALIDATION_FAILED');
      const typed = { headers: { 'content-type': 'application/json' } };
      expectProblem(await ask(service, 'POST', `${ACME}/${path}`, typed), 400, 'VALIDATION_FAILED');
    }
  });

  it.each([
    ['a media type and no body', { headers: { 'content-type': 'application/json' } }],
    ['a media type that is none', { headers: { 'content-type': 'json' } }],
    ['a body that is not JSON', { raw: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
  ])('passes over %s where none is asked for', async (_what, options) => {
    const acme = businessOf(service);
    await must(acme.put('/purposes/passing', { category: 'marketing', title: 'Passing' }));
    expect((await must(acme.delete('/purposes/passing', undefined, options))).body).toMatchObject({ retired: true });
    const { keyId } = await keyFor(service, ['audit:read'], 'acme');
    expect((await acme.delete(`/keys/${keyId}`, undefined, options)).status).toBe(204);
    expectProblem(await ask(service, 'POST', '/v1/unrouted/nothing/replay', options), 404, 'NOT_FOUND');
    expectProblem(await ask(service, 'POST', '/v1/nowhere', options), 404, 'NOT_FOUND');
  });

  it('knows no other method and no other route', async () => {
    for (const [method, path] of [
      ['PATCH', ACME],
      ['DELETE', ACME],
      ['GET', `${ACME}/grants`],
      ['PUT', `${ACME}/revocations`],
      ['OPTIONS', `${ACME}/grants`],
      ['PUT', `${ACME}/erasures`],
      ['GET', `${ACME}/links`],
      ['POST', '/'],
    ] as const) {
      const answer = await ask(service, method, path, { body: method === 'GET' ? undefined : {} });
      expectProblem(answer, 404, 'NOT_FOUND');
    }
  });

  it('takes a body in chunks, and one with a media type of its family', async () => {
    const body = JSON.stringify(grantBody('+393339000002'));
    const chunked = await request(`${ACME}/grants`, {
      method: 'POST',
      more: [
        'Content-Type: application/vnd.acme+json',
        'Transfer-Encoding: chunked',
        '',
        `${body.length.toString(16)}`,
        body,
        '0',
      ],
    });
    expect(chunked).toMatch(/^HTTP\/1\.1 201 /);
    expect(await businessOf(service).check({ phone: '+393339000002' }, 'offers')).toMatchObject({ eligible: true });
  });

  it('names a part of the path that cannot be an id', async () => {
    const answers = [
      [await ask(service, 'GET', `${ACME}/disclosures/web/versions/0`), 'n'],
      [await ask(service, 'GET', `${ACME}/disclosures/web/versions/1e3`), 'n'],
      [await ask(service, 'GET', `${ACME}/recipients/${SECRET_PATH}`), 'id'],
      [await ask(service, 'DELETE', '/v1/keys/%20'), 'keyId'],
      [await ask(service, 'GET', '/v1/unrouted?limit=501'), 'limit'],
      [await ask(service, 'POST', '/v1/unrouted/a.b/replay'), 'id'],
    ] as const;
    for (const [answer, field] of answers) {
      expectProblem(answer, 400, 'VALIDATION_FAILED');
      expect(fieldsOf(answer)).toEqual([field]);
      expect(JSON.stringify(answer.body)).not.toContain(SECRET_PATH);
    }
    await must(ask(service, 'GET', `${ACME}/disclosures/web/versions/1`));
  });
});
