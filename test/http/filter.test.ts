import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SettableClock } from '#platform';
import { until } from '../faults/until.js';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem, keyFor, type Json } from './support/acme.js';
import { FILTER, Filtering } from './support/filtering.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const AGREED = '+393331300001';
const STOPPED = '+393331300002';
const INSTANCE = /^urn:request:./;

/** A problem names the request that it is of, in which two answers to the same question differ. */
function ofNoRequest(answer: Json): Json {
  const { error } = answer as { error?: Json };
  return error === undefined ? answer : { ...answer, error: { ...error, instance: undefined } };
}

describe('an audience is filtered', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ clock, env: { FILTER_LINE_KB: '1', FILTER_STREAMS_MAX: '4' } });
    await registerAcme(service);
    await registerAcme(service, 'beta', '2002');
    for (const phone of [AGREED, STOPPED]) await must(businessOf(service).grant(grantBody(phone)));
    clock.advance(1_000);
    await must(businessOf(service).revoke({ recipient: { phone: STOPPED } }));
  });
  afterAll(() => service.stop());

  const filter = (text: string, path?: string) => new Filtering(service, path).exchange([text]);
  const nobodyFilters = () =>
    until('no filter is left', async () => {
      const tries = Array.from({ length: 4 }, () => new Filtering(service));
      const statuses = await Promise.all(tries.map(async (one) => (await one.answer).statusCode));
      for (const one of tries) one.close();
      return statuses.every((status) => status === 200) ? true : undefined;
    });

  it('line by line, in order, each with its ref', async () => {
    const lines = [
      { ref: 'a', recipient: { phone: AGREED } },
      { ref: { of: 'any', kind: [1] }, recipient: { phone: STOPPED } },
      { recipient: { phone: AGREED }, channel: 'sms' },
      { ref: 4, recipient: { phone: AGREED }, purpose: 'receipts', sender: 'main' },
    ];
    const answers = await filter(lines.map((line) => JSON.stringify(line)).join('\n'));
    expect(answers).toMatchObject([
      { ref: 'a', eligible: true, reason: 'CONSENTED' },
      { ref: { of: 'any', kind: [1] }, eligible: false, reason: 'REVOKED' },
      { eligible: false, reason: 'NO_CONSENT', channel: 'sms' },
      { ref: 4, eligible: false, purpose: 'receipts' },
    ]);
    expect(Object.hasOwn(answers[2] as Json, 'ref')).toBe(false);
  });

  it('as an answer of its own kind that nobody keeps', async () => {
    const filtering = new Filtering(service);
    const { statusCode, headers } = await filtering.answer;
    expect({ statusCode, headers }).toMatchObject({
      statusCode: 200,
      headers: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' },
    });
    filtering.sending.end();
    expect(await filtering.all()).toEqual([]);
  });

  it('while it is sent: a line is answered before the next one is there', async () => {
    const filtering = new Filtering(service);
    const answers = createInterface({ input: await filtering.answer })[Symbol.asyncIterator]();
    for (const [ref, phone] of [AGREED, STOPPED, AGREED].entries()) {
      filtering.sending.write(`${JSON.stringify({ ref, recipient: { phone } })}\n`);
      const { value } = (await answers.next()) as IteratorResult<string, string>;
      expect(JSON.parse(value)).toMatchObject({ ref, eligible: phone === AGREED });
    }
    filtering.sending.end();
    expect((await answers.next()).done).toBe(true);
  });

  it('around lines that are wrong, each of which is answered as such', async () => {
    const good = JSON.stringify({ recipient: { phone: AGREED } });
    const lines: readonly [string | Uint8Array, string][] = [
      ['{"ref":1,"recipient":', 'VALIDATION_FAILED'],
      ['[]', 'VALIDATION_FAILED'],
      ['{"ref":1,"ref":2}', 'VALIDATION_FAILED'],
      [Buffer.from('{"recipient":{"email":"\xe9@x.com"}}', 'latin1'), 'VALIDATION_FAILED'],
      [`{"ref":"${'x'.repeat(1_100)}"}`, 'BODY_TOO_LARGE'],
      ['{"recipient":{"phone":"12"}}', 'ADDRESS_INVALID'],
      ['{"recipient":{"phone":"+393331300001"},"channel":"pigeon"}', 'CHANNEL_UNKNOWN'],
      ['{"recipient":{"phone":"+393331300001"},"atLeast":"AAAAAAAAAAAAAAAA.1"}', 'VALIDATION_FAILED'],
    ];
    const pieces = lines.flatMap(([bad]) => [good, '\n', bad, '\r\n\n']);
    const answers = await new Filtering(service).exchange(pieces);
    expect(answers).toHaveLength(2 * lines.length);
    lines.forEach(([, code], index) => {
      expect(answers[2 * index]).toMatchObject({ eligible: true });
      expect(answers[2 * index + 1]).toMatchObject({
        error: { code, status: expect.any(Number), instance: expect.stringMatching(INSTANCE) },
      });
    });
    expect(answers[11]).toMatchObject({ error: { errors: [{ field: 'recipient.phone' }] } });
  });

  it('as the batch answers, however the bytes are cut', async () => {
    // A prototype key is refused, in a batch with all that stands beside it.
    const ref = fc.jsonValue().filter((value) => !/"(__proto__|constructor)"/.test(JSON.stringify(value)));
    const line = fc.record(
      {
        ref,
        recipient: fc.constantFrom({ phone: AGREED }, { phone: STOPPED }, { email: 'zoë@example.com' }, {}, 'x'),
        channel: fc.constantFrom('whatsapp', 'sms', 'pigeon'),
        purpose: fc.constantFrom('offers', 'receipts', 'service', 'unknown'),
      },
      { requiredKeys: ['recipient'] },
    );
    const cuts = fc.array(fc.nat(3_000), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 20 }), cuts, async (checks, places) => {
        const body = { channel: 'whatsapp', purpose: 'offers', checks };
        const batch = await must(businessOf(service).post('/eligibility/batch', body));
        const bytes = Buffer.from(checks.map((check) => `${JSON.stringify(check)}\n`).join(''));
        const ends = [...places.filter((place) => place < bytes.length).sort((a, b) => a - b), bytes.length];
        const pieces = ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
        const answers = await new Filtering(service).exchange(pieces);
        expect(answers.map(ofNoRequest)).toEqual((batch.body.results as unknown as Json[]).map(ofNoRequest));
      }),
      { numRuns: 40 },
    );
  });

  it('with what has been acknowledged, at a position too, and as long as that is not there with a no', async () => {
    const phone = '+393331300003';
    await must(businessOf(service).grant(grantBody(phone)));
    clock.advance(1_000);
    const { position } = (await must(businessOf(service).revoke({ recipient: { phone } }))).body;
    const line = JSON.stringify({ recipient: { phone } });
    const [answer] = await filter(line, `${FILTER}&atLeast=${String(position)}`);
    expect(answer).toMatchObject({ eligible: false, reason: 'REVOKED' });
    const [behind] = await filter(line, `${FILTER}&atLeast=elsewhere.9`);
    expect(behind).toMatchObject({ eligible: false, reason: 'VIEW_BEHIND' });
  });

  it('only for who may, as lines of JSON, about what there is', async () => {
    const raw = `{"recipient":{"phone":"${AGREED}"}}`;
    const post = (path: string, headers = {}, key?: string) =>
      ask(service, 'POST', path, { raw, headers, ...(key === undefined ? {} : { key }) });
    const lines = { 'content-type': 'application/x-ndjson' };
    expectProblem(await post(FILTER), 415, 'UNSUPPORTED_MEDIA_TYPE');
    expectProblem(await post('/v1/businesses/acme/eligibility', lines), 415, 'UNSUPPORTED_MEDIA_TYPE');
    expectProblem(await post(FILTER, { ...lines, 'content-encoding': 'gzip' }), 415, 'UNSUPPORTED_MEDIA_TYPE');
    expectProblem(await post(FILTER.replace('offers', 'nothing'), lines), 404, 'PURPOSE_NOT_FOUND');
    expectProblem(await post(`${FILTER}&atLeast=now`, lines), 400, 'VALIDATION_FAILED');
    expectProblem(await post(FILTER, lines, ''), 401, 'UNAUTHENTICATED');
    const { secret } = await keyFor(service, ['eligibility:read'], 'beta');
    expectProblem(await post(FILTER, lines, secret), 404, 'BUSINESS_NOT_FOUND');
    for (const type of ['application/ndjson', 'application/jsonl; charset=utf-8']) {
      expect((await post(FILTER, { 'content-type': type })).status).toBe(200);
    }
  });

  it('for so many at once, and one who hangs up leaves nothing', async () => {
    const begun = Array.from({ length: 4 }, () => new Filtering(service));
    for (const one of begun) one.sending.write(`{"recipient":{"phone":"${AGREED}"}}\n{"recip`);
    await Promise.all(begun.map(async ({ answer }) => once(await answer, 'data')));
    const refused = await ask(service, 'POST', FILTER, { raw: '{}', headers: { 'content-type': 'application/jsonl' } });
    expectProblem(refused, 503, 'OVERLOADED');
    expect(refused.headers.get('retry-after')).toBe('1');
    for (const one of begun) one.close();
    await nobodyFilters();
  });

  it('until its key is deleted, or nothing is sent for too long, and then says how far it came', async () => {
    const { keyId, secret } = await keyFor(service, ['eligibility:read'], 'acme');
    const filtering = new Filtering(service, FILTER, { key: secret });
    filtering.sending.write(`{"recipient":{"phone":"${AGREED}"}}\n{"recip`);
    await once(await filtering.answer, 'readable');
    await must(ask(service, 'DELETE', `/v1/businesses/acme/keys/${keyId}`));
    const answers = await filtering.all();
    expect(answers).toMatchObject([{ eligible: true }, { error: { code: 'UNAUTHENTICATED' }, answered: 1 }]);
    await nobodyFilters();
  });
});

describe('limits of a filter', () => {
  it('are not those of a body: one that comes slowly is answered, others that do are cut off', async () => {
    const service = await startTestService({ env: { REQUEST_TIMEOUT_MS: '1000', FILTER_IDLE_MS: '4000' } });
    await registerAcme(service);
    const slowly = new Filtering(service, '/v1/businesses/acme/eligibility', { type: 'application/json' });
    slowly.sending.write('{"recipient"');
    const filtering = new Filtering(service);
    filtering.sending.write('{"recipient"');
    const cut = await slowly.answer;
    expect(cut.statusCode).toBe(400);
    filtering.sending.write(`:{"phone":"${AGREED}"}}\n`);
    const answers = await filtering.all();
    expect(answers).toMatchObject([
      { eligible: false, reason: 'NO_CONSENT' },
      { error: { code: 'OVERLOADED' }, answered: 1 },
    ]);
    await service.stop();
  });

  it('do not hold up the stop: the last line says how far it came', async () => {
    const service = await startTestService({ env: { SHUTDOWN_TIMEOUT_MS: '9500' } });
    await registerAcme(service);
    const filtering = new Filtering(service);
    filtering.sending.write(`{"recipient":{"phone":"${AGREED}"}}\n`.repeat(3));
    await once(await filtering.answer, 'readable');
    const answers = filtering.all();
    const beganMs = performance.now();
    await service.stop();
    // What holds it up is cut off after half of the time that a stop may take.
    expect(performance.now() - beganMs).toBeLessThan(4_500);
    expect((await answers).at(-1)).toMatchObject({ error: { code: 'OVERLOADED' }, answered: 3 });
  });
});
