import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { status, type ServiceError } from '@grpc/grpc-js';
import { CHECK_BATCH_REQUEST, FILTER_REQUEST, METHODS, WATCH_REQUEST } from '#grpc-messages';
import { keyFor } from '../http/support/acme.js';
import { ask, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { GrpcClient, detailsOf, type Json } from './support.js';

const STREAMS = 2;
const IDLE_MS = 400;
const REQUEST_MS = 1_000;

let service: TestService;
let client: GrpcClient;
let session: ClientHttp2Session;

beforeEach(async () => {
  const env = { FILTER_STREAMS_MAX: String(STREAMS), FILTER_IDLE_MS: String(IDLE_MS), BODY_LIMIT_KB: '64' };
  Object.assign(env, { REQUEST_TIMEOUT_MS: String(REQUEST_MS), IN_FLIGHT_MAX: '2' });
  service = await startTestService({ env });
  await registerAcme(service);
  client = new GrpcClient({ port: service.running.ports.grpc, key: service.adminKey });
  // A caller who has room for no answer.
  session = connect(`http://127.0.0.1:${service.running.ports.grpc}`, { settings: { initialWindowSize: 0 } });
  await once(session, 'localSettings');
});

afterEach(async () => {
  session.destroy();
  client.close();
  await service.stop();
});

/** Begins a call and sends its first message; nothing of the answer can be sent but its head. */
function begin(path: string, message: Buffer, key = service.adminKey): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${key}`,
  });
  stream.on('error', () => undefined).write(framed(message));
  return stream;
}

function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const TOPIC = { businessId: 'acme', channel: 'whatsapp', purpose: 'offers' };
const question = { ...TOPIC, checks: [{ recipient: { phone: '+393330000001' } }] };

async function inWork(count: number): Promise<void> {
  while (service.running.grpcInWork() !== count) await new Promise((resolve) => setImmediate(resolve));
}

/** However it is closed. */
function closed(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve));
}

/** The end of a stream waits for what was said before it, which nobody takes. */
async function untilCutOff(stream: ClientHttp2Stream): Promise<void> {
  expect(stream.closed).toBe(false);
  await closed(stream);
  expect(stream.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  expect(session.closed).toBe(false);
}

it('a watch that is never read keeps no place once it was ended, and is not kept for long', async () => {
  const { keyId, secret } = await keyFor(service, ['eligibility:read'], 'acme');
  const stream = begin(METHODS.watch.path, WATCH_REQUEST.encode({ businessId: 'acme' }), secret).end();
  await once(stream, 'response');
  expect(service.running.grpcInWork()).toBe(1);
  await must(ask(service, 'DELETE', `/v1/businesses/acme/keys/${keyId}`));
  await inWork(0);
  await untilCutOff(stream);
});

it('a filter whose answers are not taken is ended, keeps no place, and is not kept for long', async () => {
  const stream = begin(METHODS.filter.path, FILTER_REQUEST.encode(question));
  await once(stream, 'response');
  await inWork(1);
  await inWork(0);
  await untilCutOff(stream);
});

it('a call whose answer is not taken keeps its place, and no longer than answers may wait', async () => {
  const unread = [1, 2].map(() => begin(METHODS.checkBatch.path, CHECK_BATCH_REQUEST.encode(question)).end());
  const cutOff = Promise.all(unread.map(closed));
  await Promise.all(unread.map((stream) => once(stream, 'response')));
  expect(service.running.grpcInWork()).toBe(2);
  expect((await client.call('CheckBatch', question)).code).toBe('OVERLOADED');
  await cutOff;
  for (const { rstCode } of unread) expect(rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  await inWork(0);
  expect(session.closed).toBe(false);
  expect((await client.call('CheckBatch', question)).code).toBe('OK');
});

const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
/** ServerReflectionRequest { list_services: "*" } */
const LIST = Buffer.from([0x3a, 1, 0x2a]);

it('of a stranger who takes no answer nothing more is read, until they are cut off', async () => {
  const stream = begin(REFLECTION, LIST, 'nobody');
  const cutOff = closed(stream);
  // More than there is room for on the way.
  const asked = Buffer.concat(Array.from({ length: 50_000 }, () => framed(LIST)));
  let isRead = false;
  stream.write(asked, (error) => (isRead = !error));
  await cutOff;
  expect([isRead, stream.rstCode]).toEqual([false, constants.NGHTTP2_ENHANCE_YOUR_CALM]);
});

it('a stranger who takes the answers late gets them all', async () => {
  const stream = begin(REFLECTION, LIST, 'nobody');
  await once(stream, 'response');
  for (let more = 1; more <= 2; more += 1) stream.write(framed(LIST));
  stream.end();
  session.settings({ initialWindowSize: 65_535 });
  const answers = Buffer.concat((await stream.toArray()) as Buffer[]).toString('latin1');
  expect(answers.match(/consentledger.v1.ChangeService/g)).toHaveLength(3);
});

it('a filter that is sent nothing is ended, and told that it may come again', async () => {
  const stream = client.filter();
  stream.write(question);
  await once(stream, 'data');
  const since = performance.now();
  expect(await failed(stream)).toEqual({ code: 'OVERLOADED', grpc: status.RESOURCE_EXHAUSTED, retryAfterMs: 1_000 });
  expect(performance.now() - since).toBeGreaterThan(IDLE_MS / 2);
});

it('so many filters are let in, and calls beside them', async () => {
  const streams = Array.from({ length: STREAMS }, () => client.filter());
  for (const stream of streams) stream.write(question);
  await Promise.all(streams.map((stream) => once(stream, 'data')));
  expect(await failed(client.filter())).toMatchObject({ code: 'OVERLOADED', retryAfterMs: 1_000 });
  expect((await client.call('Check', { ...TOPIC, recipient: { phone: '+393330000001' } })).code).toBe('OK');
  for (const stream of streams) stream.on('error', () => undefined).cancel();
});

it('a filter takes no message that is longer than a batch may be', async () => {
  const stream = client.filter();
  stream.write({ ...question, sender: 'x'.repeat(70_000) });
  expect(await failed(stream)).toMatchObject({ code: 'BODY_TOO_LARGE' });
});

interface Failed {
  readonly code: string | undefined;
  readonly grpc: status;
  readonly retryAfterMs: number | undefined;
}

function failed(stream: ReturnType<GrpcClient['filter']>): Promise<Failed> {
  return new Promise((resolve) => {
    stream.resume().on('error', (error) => {
      const { reason: code, retryAfterMs } = detailsOf(error as ServiceError) as Json & { reason?: string };
      resolve({ code, grpc: (error as ServiceError).code, retryAfterMs: retryAfterMs as number | undefined });
    });
  });
}
