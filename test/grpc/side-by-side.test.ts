import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ERRORS, SettableClock, type ErrorCode } from '#platform';
import { keyFor } from '../http/support/acme.js';
import { ask, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import {
  BATCHES,
  COMMANDS,
  METHOD_OF,
  PEOPLE,
  QUESTIONS,
  REFUSED_CHECKS,
  REFUSED_COMMANDS,
  RETIRED,
  ROUTE_OF,
  type Case,
} from './cases.js';
import { GrpcClient, timestamp, type GrpcAnswer, type Json } from './support.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');

let service: TestService;
const clients = new Map<string, GrpcClient>();
const keys = new Map<string, string>([
  ['none', ''],
  ['wrong', 'cl_nobody_has_this_key'],
]);

beforeAll(async () => {
  service = await startTestService({ clock: new SettableClock(NOON) });
  await registerAcme(service);
  await registerAcme(service, 'other', '999');
  keys.set('admin', service.adminKey);
  keys.set('reader', (await keyFor(service, ['eligibility:read'], 'acme')).secret);
  keys.set('writer', (await keyFor(service, ['consent:write'], 'acme')).secret);
  keys.set('foreign', (await keyFor(service, ['eligibility:read'], 'other')).secret);
  const retired = `/v1/businesses/acme/purposes/${RETIRED}`;
  await must(ask(service, 'PUT', retired, { body: { category: 'marketing', title: 'Raffles' } }));
  await must(ask(service, 'DELETE', retired));
  await tellTheStory();
});

afterAll(async () => {
  for (const client of clients.values()) client.close();
  await service.stop();
});

/** Nothing of somebody, and of each of the others what their name says. */
async function tellTheStory(): Promise<void> {
  const [, agreed, stopped, wrote, all, blocked, before] = PEOPLE.map((phone) => ({ recipient: { phone } }));
  const topic = {
    channels: ['whatsapp'],
    purposes: ['offers'],
    method: 'web_form',
    disclosure: { id: 'web', version: 1 },
  };
  const message = { channel: 'whatsapp', sender: 'main', messageId: 'm', occurredAt: '2026-05-04T11:00:00.000Z' };
  const told: readonly (readonly [Case['ask'], Json])[] = [
    ['grant', { ...agreed, ...topic, expiresAt: '2026-06-01T00:00:00.000Z' }],
    ['grant', { ...stopped, ...topic, occurredAt: '2026-05-04T10:00:00.000Z' }],
    ['revoke', { ...stopped, channels: ['whatsapp'], method: 'keyword' }],
    ['message', { ...wrote, ...message }],
    ['grant', { ...all, ...topic, occurredAt: '2026-05-04T09:00:00.000Z' }],
    ['revoke', { ...all, categories: ['marketing'], occurredAt: '2026-05-04T10:00:00.000Z' }],
    ['message', { ...all, ...message, messageId: 'n' }],
    ['revoke', { ...blocked, channels: ['whatsapp'], method: 'block' }],
    ['grant', { ...before, ...topic, occurredAt: '2026-05-04T09:00:00.000Z', expiresAt: '2026-05-04T11:00:00.000Z' }],
  ];
  for (const [index, [what, body]] of told.entries()) {
    const one: Case = { what: '', ask: what, body, code: 'OK' };
    expect((index % 2 === 0 ? await overGrpc(one) : await overHttp(one)).code).toBe('OK');
  }
}

interface Answered {
  readonly code: string;
  readonly body: Json;
  readonly violations: readonly Json[];
  readonly replayed: boolean;
}

async function overHttp({
  ask: what,
  body,
  business = 'acme',
  key = 'admin',
  idempotencyKey,
}: Case): Promise<Answered> {
  const headers: Record<string, string> = idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
  const path = `/v1/businesses/${business}${ROUTE_OF[what]}`;
  const answer = await ask(service, 'POST', path, { body, headers, key: keys.get(key) ?? '' });
  const { code, errors = [] } = answer.body as { code?: string; errors?: readonly Json[] };
  return {
    code: answer.status < 300 ? 'OK' : String(code),
    body: answer.body,
    violations: errors.map(({ field, code: reason, message }) => ({
      field: snake(field),
      reason,
      description: message,
    })),
    replayed: answer.headers.get('idempotent-replayed') === 'true',
  };
}

async function overGrpc(one: Case): Promise<Answered> {
  const answer = await callOf(one);
  const { body } = answer;
  return {
    code: answer.code,
    body: (body.decision ?? body.answer ?? body) as Json,
    violations: (answer.details.violations ?? []) as unknown as readonly Json[],
    replayed: answer.trailer.get('idempotent-replayed').length > 0,
  };
}

function callOf({ ask: what, body, business = 'acme', key = 'admin', idempotencyKey }: Case): Promise<GrpcAnswer> {
  const client = clients.get(key) ?? new GrpcClient({ port: service.running.ports.grpc, key: keys.get(key) ?? '' });
  clients.set(key, client);
  const { occurredAt, expiresAt, ...same } = body as { occurredAt?: string; expiresAt?: string };
  const request = {
    ...same,
    businessId: business,
    ...(occurredAt === undefined ? {} : actedAt(occurredAt)),
    ...(expiresAt === undefined ? {} : { expiresAt: timestamp(expiresAt) }),
  };
  return client.call(
    METHOD_OF[what],
    request,
    idempotencyKey === undefined ? {} : { metadata: { 'idempotency-key': idempotencyKey } },
  );
}

/** Of an empty text over HTTP the counterpart is a Timestamp that nobody gave a time to. */
function actedAt(text: string) {
  if (text === '') return { occurredAt: {} };
  return /\.\d{3}Z$/.test(text) ? { occurredAt: timestamp(text) } : { occurredAtText: text };
}

function snake(name: unknown): string {
  const text = String(name);
  return text === 'Idempotency-Key'
    ? 'idempotency-key'
    : text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What gRPC does not write because it says nothing. */
function withoutNothing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNothing);
  if (typeof value !== 'object' || value === null) return value;
  const said = Object.entries(value).filter(
    ([, member]) => member !== false && !(Array.isArray(member) && member.length === 0),
  );
  return Object.fromEntries(said.map(([name, member]) => [name, withoutNothing(member)]));
}

describe('every question is decided alike over HTTP and gRPC, field by field', () => {
  it.each(QUESTIONS)('$what', async (one) => {
    const http = await overHttp(one);
    const grpc = await overGrpc(one);
    expect(http.code).toBe('OK');
    expect(http.body.reason).toEqual(expect.any(String));
    expect(grpc.body).toEqual(withoutNothing(http.body));
  });

  it('asks about people to whom everything was said that can be', async () => {
    const reasons = await Promise.all(QUESTIONS.map(async (one) => (await overGrpc(one)).body.reason));
    const all = [
      'NO_CONSENT',
      'CONSENTED',
      'REVOKED',
      'SERVICE_WINDOW_OPEN',
      'SERVICE_WINDOW_CLOSED',
      'NO_OBJECTION',
      'NO_RECENT_OPT_OUT',
      'OPT_OUT_CONFIRMATION',
      'BLOCKED',
      'EXPIRED',
    ];
    expect([...new Set(reasons)].sort()).toEqual(all.sort());
  });
});

describe('every refusal has the same code and names the same fields', () => {
  it.each([...REFUSED_CHECKS, ...REFUSED_COMMANDS])('$what: $code', async (one) => {
    const http = await overHttp(one);
    const answer = await callOf(one);
    const grpc = await overGrpc(one);
    expect([http.code, grpc.code]).toEqual([one.code, one.code]);
    if (one.code === 'OK') return expect(grpc.body).toEqual(withoutNothing(http.body));
    expect(answer.grpc).toBe(ERRORS[one.code as ErrorCode].grpc);
    expect(grpc.violations.map(({ field }) => field)).toEqual(http.violations.map(({ field }) => field));
  });
});

describe('batches', () => {
  it.each(BATCHES)('$what: $code', async (one) => {
    const http = await overHttp(one);
    const grpc = await overGrpc(one);
    expect([http.code, grpc.code]).toEqual([one.code, one.code]);
    if (one.code !== 'OK') return;
    const { position, results } = http.body as { position: string; results: readonly Json[] };
    const expected = results.map(({ ref, error, ...decision }) => ({
      ...(ref === undefined ? {} : { ref }),
      ...(error === undefined ? { decision } : { error: problem(error as Json) }),
    }));
    expect(withoutNothing(grpc.body)).toEqual(withoutNothing({ position, results: expected }));
  });

  function problem({ code, title, detail, errors }: Json) {
    return {
      code,
      title,
      detail,
      errors: (errors as readonly Json[]).map((error) => ({ ...error, field: snake(error.field) })),
    };
  }
});

describe('every command does and answers alike', () => {
  it.each(COMMANDS.map((one, index) => ({ ...one, index })))('$what', async ({ index, ...one }) => {
    const key = one.idempotencyKey ?? `command-${index}`;
    const of = (phone: string): Case => ({ ...one, body: { ...one.body, recipient: { phone } }, idempotencyKey: key });
    const [byHttp, byGrpc] = [of(`+39333001${1_000 + index}`), of(`+39333002${1_000 + index}`)];
    const http = await overHttp(byHttp);
    const grpc = await overGrpc({ ...byGrpc, idempotencyKey: one.idempotencyKey ?? `${key}-grpc` });
    expect([http.code, grpc.code, http.replayed, grpc.replayed]).toEqual(['OK', 'OK', false, false]);
    expect(comparable(grpc.body)).toEqual(comparable(http.body));
    expect(await effectsOn(byGrpc)).toEqual(await effectsOn(byHttp));
  });

  /** Without what names the person, the event or the place. */
  function comparable({ eventId, recipientId, stream, position, warnings, ...same }: Json) {
    const said = [eventId, recipientId, stream, position].map((text) => typeof text);
    const told = ((warnings ?? []) as readonly Json[]).map(({ field, message }) => ({ field: snake(field), message }));
    return { ...(withoutNothing(same) as Json), said, told };
  }

  /** The folded state of the person as auditors see it, but for the ids. */
  async function effectsOn({ body }: Case): Promise<string> {
    const { recipient } = body;
    const { results } = (
      await must(ask(service, 'POST', '/v1/businesses/acme/recipients/lookup', { body: { recipients: [recipient] } }))
    ).body as unknown as { results: readonly [{ recipientId: string }] };
    const id = results[0].recipientId;
    const state = (await must(ask(service, 'GET', `/v1/businesses/acme/recipients/${id}`))).body;
    return JSON.stringify(state)
      .replaceAll(id, 'somebody')
      .replaceAll(/"eventId":"[^"]*"/g, '"eventId":"an event"')
      .replaceAll(/"position":"[^"]*"/g, '"position":"somewhere"');
  }

  it.each(['Grant', 'Revoke', 'RecordMessage'] as const)(
    '%s: a time as text counts before an instant',
    async (method) => {
      const client = clients.get('admin') as GrpcClient;
      const occurredIn = async (phone: string, time: Json) => {
        const said = COMMANDS.find((one) => METHOD_OF[one.ask] === method)?.body;
        const request = { ...said, ...time, recipient: { phone }, expiresAt: undefined, businessId: 'acme' };
        const { code, body } = await client.call(method, request);
        expect(code).toBe('OK');
        return (body.answer as Json).occurredAt;
      };
      const text = { occurredAtText: '2026-03-01' };
      const alone = await occurredIn('+393330030002', { occurredAt: undefined, ...text });
      // The earliest instant that is that day somewhere, or the latest of an opt-out.
      expect(alone).toMatch(/^2026-0(2-28|3-0[12])T/);
      expect(await occurredIn('+393330030003', { occurredAt: timestamp('2026-02-01T00:00:00.000Z'), ...text })).toBe(
        alone,
      );
    },
  );

  it('keeps the trace that a call is part of beside its event', async () => {
    const client = new GrpcClient({ port: service.running.ports.grpc, key: keys.get('admin') ?? '' });
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const request = { businessId: 'acme', recipient: { phone: '+393330030009' } };
    const { body } = await client.call('Revoke', request, { metadata: { traceparent } });
    client.close();
    const { stream } = body.answer as Json;
    const [stored] = await service.running.parts.store.readStream(String(stream), { limit: 1 });
    expect(JSON.parse(Buffer.from(stored?.metadata ?? []).toString())).toMatchObject({ traceparent });
  });

  it('takes a repeated key for a repeat, whichever way each came', async () => {
    const one: Case = {
      what: '',
      ask: 'grant',
      body: { ...COMMANDS[0]?.body, recipient: { phone: '+393330030001' } },
      idempotencyKey: 'both',
      code: 'OK',
    };
    const first = await overHttp(one);
    const second = await overGrpc(one);
    expect([first.replayed, second.replayed]).toEqual([false, true]);
    expect(second.body).toEqual(withoutNothing(first.body));
    const other = await overGrpc({ ...one, body: { ...one.body, purposes: ['news'] } });
    expect(other.code).toBe('IDEMPOTENCY_KEY_REUSED');
  });
});
