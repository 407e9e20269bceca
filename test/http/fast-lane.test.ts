import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { ask, must, registerAcme, type Answer, type Ask } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { ACME, businessOf, expectProblem, keyFor } from './support/acme.js';

const PHONE = '+393331234567';
const TOPIC = 'channel=whatsapp&purpose=offers';
const BODY = { recipient: { phone: PHONE }, channel: 'whatsapp', purpose: 'offers' };

describe('a plain check, which passes the frameworks by', () => {
  let service: TestService;
  let recipientId: string;

  beforeAll(async () => {
    service = await startTestService({ clock: new SettableClock(Date.parse('2026-05-04T12:00:00.000Z')) });
    await registerAcme(service);
    const disclosure = { id: 'web', version: 1 };
    const grant = { recipient: { phone: PHONE }, channels: ['whatsapp'], purposes: ['offers'], method: 'web_form' };
    const { body } = await must(businessOf(service).grant({ ...grant, disclosure }));
    recipientId = String(body.recipientId);
  });
  afterAll(() => service.stop());

  const byId = (query: string, options?: Ask) =>
    ask(service, 'GET', `${ACME}/recipients/${recipientId}/eligibility?${query}`, options);
  const byAddress = (body: unknown, options: Ask = {}) =>
    ask(service, 'POST', `${ACME}/eligibility`, { body, ...options });

  /** `consistency=fast` says what is meant anyway, and takes the ordinary route. */
  it.each([
    ['by id', () => byId(TOPIC), () => byId(`${TOPIC}&consistency=fast`)],
    ['by id with a sender', () => byId(`${TOPIC}&sender=main`), () => byId(`${TOPIC}&sender=main&consistency=fast`)],
    ['by phone', () => byAddress(BODY), () => byAddress({ ...BODY, consistency: 'fast' })],
    [
      'by phone, of somebody unknown',
      () => byAddress({ ...BODY, recipient: { phone: '+393330000000' } }),
      () => byAddress({ ...BODY, recipient: { phone: '+393330000000' }, consistency: 'fast' }),
    ],
  ])('%s has the status, headers and bytes of an ordinary one', async (_, plain, ordinary) => {
    const [one, other] = [await plain(), await ordinary()];
    expect(one.status).toBe(200);
    expect(one.body.reason).toBeDefined();
    expect(seen(one)).toEqual(seen(other));
    expect(JSON.stringify(one.body)).toBe(JSON.stringify(other.body));
  });

  it('is counted like any other', async () => {
    const count = async () => {
      const metrics = await (await fetch(`${service.metricsBase}/metrics`)).text();
      const lines = metrics.match(/^consent_http_request_duration_seconds_count\{.*eligibility.*$/gm) ?? [];
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    };
    const before = await count();
    await byId(TOPIC);
    await byAddress(BODY);
    expect(await count()).toBe(before + 2);
  });

  it.each<[string, number, string, () => Promise<Answer>]>([
    ['an unknown purpose', 404, 'PURPOSE_NOT_FOUND', () => byId('channel=whatsapp&purpose=none')],
    ['a purpose asked for twice', 400, 'VALIDATION_FAILED', () => byId(`${TOPIC}&purpose=news`)],
    ['an option that is not there', 400, 'VALIDATION_FAILED', () => byId(`${TOPIC}&color=red`)],
    ['a missing purpose', 400, 'VALIDATION_FAILED', () => byAddress({ ...BODY, purpose: undefined })],
    ['a number for a channel', 400, 'VALIDATION_FAILED', () => byAddress({ ...BODY, channel: 7 })],
    ['null for a sender', 400, 'VALIDATION_FAILED', () => byAddress({ ...BODY, sender: null })],
    ['a phone that is none', 400, 'ADDRESS_INVALID', () => byAddress({ ...BODY, recipient: { phone: '12' } })],
    ['a field that is not there', 400, 'VALIDATION_FAILED', () => byAddress({ ...BODY, color: 'red' })],
    ['a prototype key', 400, 'VALIDATION_FAILED', () => byAddress(undefined, { raw: withProto() })],
    ['a key twice', 400, 'VALIDATION_FAILED', () => byAddress(undefined, { raw: `{"purpose":"x",${withoutBrace()}` })],
    ['broken JSON', 400, 'VALIDATION_FAILED', () => byAddress(undefined, { raw: JSON.stringify(BODY).slice(0, -1) })],
    ['a list', 400, 'VALIDATION_FAILED', () => byAddress([BODY])],
    ['no key', 401, 'UNAUTHENTICATED', () => byId(TOPIC, { key: '' })],
    [
      'an unknown business',
      404,
      'BUSINESS_NOT_FOUND',
      () => ask(service, 'POST', '/v1/businesses/b/eligibility', { body: BODY }),
    ],
  ])('leaves %s to the ordinary route, which says what is wrong', async (_, status, code, asked) => {
    expectProblem(await asked(), status, code);
  });

  it('does not open a business to the key of another, or to a key without the scope', async () => {
    await registerAcme(service, 'other', '106540352249999');
    const foreign = await keyFor(service, ['eligibility:read'], 'other');
    const narrow = await keyFor(service, ['consent:write'], 'acme');
    await must(
      ask(service, 'GET', `/v1/businesses/other/recipients/${recipientId}/eligibility?${TOPIC}`, {
        key: foreign.secret,
      }),
    );
    for (let again = 0; again < 2; again++) {
      expectProblem(await byId(TOPIC, { key: foreign.secret }), 404, 'BUSINESS_NOT_FOUND');
      expectProblem(await byAddress(BODY, { key: narrow.secret }), 403, 'FORBIDDEN');
    }
  });

  it('takes a body that comes in pieces, and several requests at once on one connection', async () => {
    const body = JSON.stringify(BODY);
    const head = [
      `POST ${ACME}/eligibility HTTP/1.1`,
      'host: x',
      `authorization: Bearer ${service.adminKey}`,
      'content-type: application/json',
      `content-length: ${body.length}`,
    ].join('\r\n');
    const whole = `${head}\r\n\r\n${body}`;
    const pieces = [
      `${head}\r\n\r\n`,
      body.slice(0, 9),
      `${body.slice(9)}${whole}${whole}${head}\r\n\r\n${body.slice(0, 3)}`,
      body.slice(3),
    ];
    const answers = await conversation(new URL(service.base), pieces, 4);
    expect(answers).toEqual(Array.from({ length: 4 }, () => ['HTTP/1.1 200 OK', 'CONSENTED']));
  });
});

/** What a caller sees beside the body, but for the moment it was made. */
function seen({ status, headers }: Answer) {
  return { status, headers: [...headers].filter(([name]) => name !== 'date').sort() };
}

function withoutBrace(): string {
  return JSON.stringify(BODY).slice(1);
}

function withProto(): string {
  return `{"__proto__":{"purpose":"offers"},${withoutBrace()}`;
}

/** Sends the pieces each in a segment of its own; resolves with status line and reason of so many answers. */
function conversation({ hostname, port }: URL, pieces: readonly string[], answers: number): Promise<string[][]> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname).setNoDelay(true).on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk.toString();
      const found = [...text.matchAll(/(HTTP\/1\.1 [^\r]+)[\s\S]*?"reason":"(\w+)"/g)].map(
        ([, line = '', reason = '']) => [line, reason],
      );
      if (found.length < answers) return;
      socket.destroy();
      resolve(found);
    });
    const send = (next: number): void => {
      const piece = pieces[next];
      if (piece !== undefined) socket.write(piece, () => setImmediate(send, next + 1));
    };
    socket.once('connect', () => send(0));
  });
}
