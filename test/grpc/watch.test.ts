import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { status, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js';
import { keyFor } from '../http/support/acme.js';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { GrpcClient, detailsOf, plain, type Json } from './support.js';

const WATCHERS = 12;

let service: TestService;
let client: GrpcClient;

beforeAll(async () => {
  service = await startTestService({ env: { FEED_WATCHERS_MAX: String(WATCHERS) } });
  await registerAcme(service);
  await registerAcme(service, 'other', '999');
  client = new GrpcClient({ port: service.running.ports.grpc, key: service.adminKey });
});

afterAll(async () => {
  client.close();
  await service.stop();
});

const grant = async (phone: string, business = 'acme') =>
  (await must(ask(service, 'POST', `/v1/businesses/${business}/grants`, { body: grantBody(phone) }))).body;

/** The next of the stream that `wanted` takes. Rejects with its error, and where it ends before. */
async function next(stream: ClientReadableStream<Json>, wanted: (told: Json) => boolean): Promise<Json> {
  for await (const told of stream.iterator({ destroyOnReturn: false })) {
    const one = plain(told) as Json;
    if (wanted(one)) return one;
  }
  throw new Error('the stream ended');
}

const isChange = ({ change }: Json) => change !== undefined;

function failed(stream: ClientReadableStream<Json>): Promise<ServiceError> {
  return new Promise((resolve) => stream.on('error', (error) => resolve(error as ServiceError)).resume());
}

it('tells a change of the business once it is recorded, and none of another', async () => {
  const stream = client.watch({ businessId: 'acme' });
  const proof = await next(stream, ({ watermark }) => (watermark as Json | undefined)?.at !== undefined);
  expect(Date.parse(String((proof.watermark as Json).at))).toBeLessThanOrEqual(Date.now());
  await grant('+393330000201', 'other');
  const { eventId, recipientId, position, occurredAt } = await grant('+393330000202');
  expect(await next(stream, isChange)).toEqual({
    position,
    change: {
      businessId: 'acme',
      recipientId,
      eventId,
      type: 'ConsentGranted',
      channels: ['whatsapp'],
      purposes: ['offers'],
      method: 'web_form',
      occurredAt,
      recordedAt: expect.any(String),
    },
  });
  stream.on('error', () => undefined).cancel();
});

it('goes on from a position, and from the start', async () => {
  const first = await grant('+393330000203');
  const second = await grant('+393330000204');
  const resumed = client.watch({ businessId: 'acme', fromPosition: first.position });
  expect(await next(resumed, isChange)).toMatchObject({ position: second.position });
  const whole = client.watch({ businessId: 'acme', fromPosition: 'start' });
  expect(await next(whole, isChange)).toMatchObject({ change: { type: 'ConsentGranted', businessId: 'acme' } });
  for (const stream of [resumed, whole]) stream.on('error', () => undefined).cancel();
});

it.each([
  ['no position', 'soon', 'VALIDATION_FAILED', status.INVALID_ARGUMENT],
  ['a position of another ledger', 'AAAAAAAAAAAAAAAA.1', 'CONFLICT', status.ABORTED],
])('refuses %s', async (_what, fromPosition, reason, code) => {
  const error = await failed(client.watch({ businessId: 'acme', fromPosition }));
  const { violations, ...details } = detailsOf(error);
  expect([error.code, details.reason, violations?.map(({ field }) => field)]).toEqual([
    code,
    reason,
    ['from_position'],
  ]);
});

async function nobodyWatches(): Promise<void> {
  while (service.running.parts.feed.status().watchers > 0) await new Promise(setImmediate);
}

it('lets in so many, and others once one has gone', async () => {
  await nobodyWatches();
  const streams = Array.from({ length: WATCHERS }, () => client.watch({ businessId: 'acme' }));
  await Promise.all(streams.map((stream) => next(stream, () => true)));
  const error = await failed(client.watch({ businessId: 'acme' }));
  expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
  expect(detailsOf(error)).toMatchObject({ reason: 'OVERLOADED', retryAfterMs: 1_000 });
  for (const stream of streams) stream.on('error', () => undefined).cancel();
  for (;;) {
    // Nobody is told that a place has become free: whoever was turned away asks again.
    const again = client.watch({ businessId: 'acme' });
    const told = await next(again, () => true).catch(() => undefined);
    again.on('error', () => undefined).cancel();
    if (told) return;
  }
});

it('ends once its key is deleted', async () => {
  const { keyId, secret } = await keyFor(service, ['eligibility:read'], 'acme');
  const watcher = new GrpcClient({ port: service.running.ports.grpc, key: secret });
  const stream = watcher.watch({ businessId: 'acme' });
  await next(stream, () => true);
  const ended = failed(stream);
  await must(ask(service, 'DELETE', `/v1/businesses/acme/keys/${keyId}`));
  expect((await ended).code).toBe(status.UNAUTHENTICATED);
  watcher.close();
});
