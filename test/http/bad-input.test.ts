import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, must, registerAcme, type Answer } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { expectProblem, fieldsOf, headOf } from './support/acme.js';
import { badValuesOf, ROUTES_WITH_BODIES } from './support/bad-routes.js';
import { unsoundBodies, withField, type Bad } from './support/bad-values.js';

/** A problem whose every error names a field of the path, and none of whose words repeats what was sent. */
function expectRefused(answer: Answer, field: string, what: string): void {
  const label = `${field} as ${what}`;
  expect({ label, refused: answer.status >= 400 && answer.status < 500 }).toEqual({ label, refused: true });
  expectProblem(answer, answer.status, String(answer.body.code));
  const [root = ''] = field.split('.');
  const named = fieldsOf(answer);
  expect({ label, named: named.length > 0 && named.every((name) => name.startsWith(root)) }).toEqual({
    label,
    named: true,
  });
  expect(JSON.stringify(answer.body)).not.toMatch(/zz-private-zz|x{100}|Ελληνικά|🛑|471147114711|1e\+?308/);
}

describe('bad input', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService();
    await registerAcme(service);
  });
  afterAll(() => service.stop());

  describe.each(ROUTES_WITH_BODIES)('in $name', (route) => {
    const { method, path, body, fields } = route;
    const send = (options: Parameters<typeof ask>[3]) => ask(service, method, path, options);

    it('is refused in every field, with its name and without its value, and nothing is written', async () => {
      const before = await headOf(service);
      for (const [field, kind] of Object.entries(fields)) {
        const refuse = async ({ what, value }: Bad) =>
          expectRefused(await send({ body: withField(body, field, { value }) }), field, what);
        await Promise.all(badValuesOf(route, kind).map(refuse));
        if (!kind.endsWith('?'))
          expectRefused(await send({ body: withField(body, field, undefined) }), field, 'missing');
      }
      expect(await headOf(service)).toBe(before);
    });

    it('is refused as JSON that is not sound, by name', async () => {
      const before = await headOf(service);
      for (const { what, raw, field } of unsoundBodies(body)) {
        const answer = await send({ raw });
        expectProblem(answer, 400, 'VALIDATION_FAILED');
        const named = fieldsOf(answer);
        expect({ what, named: named.length > 0 && named.every((name) => field.test(name)) }).toEqual({
          what,
          named: true,
        });
        expect(JSON.stringify(answer.body)).not.toMatch(/zz-private-zz|393331234567/);
      }
      expect(await headOf(service)).toBe(before);
    });

    it('is refused in another media type, without one, and above the limit', async () => {
      const before = await headOf(service);
      const raw = JSON.stringify(body);
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'application/jsonp',
      ]) {
        expectProblem(await send({ raw, headers: { 'content-type': type } }), 415, 'UNSUPPORTED_MEDIA_TYPE');
      }
      const packed = { raw: gzipSync(raw), headers: { 'content-encoding': 'gzip' } };
      expectProblem(await send(packed), 415, 'UNSUPPORTED_MEDIA_TYPE');
      const large = JSON.stringify({ ...body, zz: 'x'.repeat(1_048_576) });
      expectProblem(await send({ raw: large }), 413, 'BODY_TOO_LARGE');
      expect(await headOf(service)).toBe(before);
    });

    it('does not keep the good from being taken', async () => {
      const raw = Buffer.from(JSON.stringify(body));
      await must(send({ raw, headers: { 'content-type': 'application/json; charset=utf-8' } }));
      await must(send({ raw: Buffer.concat([Buffer.from('\uFEFF'), raw]) }));
      await must(send({ raw, headers: { 'content-encoding': 'identity' } }));
    });
  });
});
