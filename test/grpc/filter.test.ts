import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { keyFor } from '../http/support/acme.js';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { GrpcClient, detailsOf, type Json } from './support.js';

const TOPIC = { businessId: 'acme', channel: 'whatsapp', purpose: 'offers' };
/** The messages that may wait on the way to a caller who does not read: in the stream, in HTTP/2, in the kernel. */
const MOST_UNREAD = 60;

let service: TestService;
let client: GrpcClient;

beforeAll(async () => {
  service = await startTestService();
  await registerAcme(service);
  client = new GrpcClient({ port: service.running.ports.grpc, key: service.adminKey });
});

afterAll(async () => {
  client.close();
  await service.stop();
});

type Stream = ClientDuplexStream<Json, Json>;

interface Answers {
  readonly position: string;
  readonly answers: readonly { readonly ref: string; readonly decision?: Json; readonly error?: Json }[];
}

async function read(stream: Stream): Promise<readonly Answers[]> {
  const all: Answers[] = [];
  for await (const one of stream as AsyncIterable<unknown>) all.push(one as Answers);
  return all;
}

function failed(stream: Stream): Promise<ServiceError> {
  return new Promise((resolve) => stream.on('error', (error) => resolve(error as ServiceError)).resume());
}

const phone = (n: number) => `+3933300${String(n).padStart(5, '0')}`;
const checksFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, n) => ({ ref: String(first + n), recipient: { phone: phone(first + n) } }));

describe('Filter', () => {
  it('answers each message, in the order sent, with whoever agreed', async () => {
    await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(phone(250)) }));
    const stream = client.filter();
    for (let first = 0; first < 1_000; first += 100) stream.write({ ...TOPIC, checks: checksFrom(first, 100) });
    stream.end();
    const all = await read(stream);
    expect(all.map(({ answers }) => answers.length)).toEqual(Array.from({ length: 10 }, () => 100));
    const answers = all.flatMap((one) => one.answers);
    expect(answers.map(({ ref }) => ref)).toEqual(Array.from({ length: 1_000 }, (_, n) => String(n)));
    const eligible = answers.filter(({ decision }) => decision?.eligible).map(({ ref }) => ref);
    expect(eligible).toEqual(['250']);
    expect(all[0]?.position).toBe(answers[0]?.decision?.position);
  });

  it('answers what is the mistake of one item as such, and an item may have a topic of its own', async () => {
    const stream = client.filter();
    const checks = [
      { ref: 'a', recipient: { phone: 'no' } },
      { ref: 'b', recipient: { phone: phone(1) }, channel: 'fax' },
      { ref: 'c', recipient: { phone: phone(1) }, channel: 'email', purpose: 'receipts' },
    ];
    stream.write({ ...TOPIC, checks });
    stream.end();
    const [message] = await read(stream);
    const [a, b, c] = message?.answers ?? [];
    expect([a?.error?.code, b?.error?.code]).toEqual(['ADDRESS_INVALID', 'CHANNEL_UNKNOWN']);
    expect(c?.decision).toMatchObject({ eligible: true, reason: 'NO_OBJECTION', channel: 'email' });
  });

  it('waits for a position within the stream, in order', async () => {
    const stream = client.filter();
    const { body } = await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(phone(90_001)) }));
    stream.write({ ...TOPIC, atLeast: body.position, checks: checksFrom(90_001, 1) });
    stream.write({ ...TOPIC, checks: checksFrom(2, 1) });
    stream.write({ ...TOPIC, atLeast: 'AAAAAAAAAAAAAAAA.1', checks: checksFrom(90_001, 1) });
    stream.end();
    const reasons = (await read(stream)).map(({ answers }) => answers[0]?.decision?.reason);
    expect(reasons).toEqual(['CONSENTED', 'NO_CONSENT', 'VIEW_BEHIND']);
  });

  it.each([
    ['too many checks', { ...TOPIC, checks: checksFrom(0, 1_001) }, 'BATCH_TOO_LARGE', status.INVALID_ARGUMENT],
    ['an unknown business', { ...TOPIC, businessId: 'nobody', checks: [] }, 'BUSINESS_NOT_FOUND', status.NOT_FOUND],
  ])('answers what came before %s, and ends with the status', async (_what, message, reason, code) => {
    const stream = client.filter();
    const seen: Json[] = [];
    stream.on('data', (one: Json) => seen.push(one));
    stream.write({ ...TOPIC, checks: checksFrom(0, 3) });
    stream.write(message);
    const error = await failed(stream);
    expect([error.code, detailsOf(error).reason, seen.length]).toEqual([code, reason, 1]);
  });

  it('ends once its key is deleted', async () => {
    const { keyId, secret } = await keyFor(service, ['eligibility:read'], 'acme');
    const other = new GrpcClient({ port: service.running.ports.grpc, key: secret });
    const stream = other.filter();
    stream.write({ ...TOPIC, checks: checksFrom(0, 1) });
    await once(stream, 'data');
    await must(ask(service, 'DELETE', `/v1/businesses/acme/keys/${keyId}`));
    stream.write({ ...TOPIC, checks: checksFrom(0, 1) });
    expect((await failed(stream)).code).toBe(status.UNAUTHENTICATED);
    other.close();
  });

  it('is not read any further while its answers are not taken, and loses none', async () => {
    const messages = 500;
    const message = { ...TOPIC, checks: checksFrom(0, 100) };
    const stream = client.filter();
    const before = await decisions();
    // A client of grpc-js that never began to read would take everything itself.
    stream.once('data', () => stream.pause());
    let sent = 0;
    const sending = (async () => {
      for (; sent < messages; sent += 1) if (!stream.write(message)) await once(stream, 'drain');
      stream.end();
    })();
    const answered = await standsStill(decisions);
    expect((answered - before) / 100).toBeLessThan(MOST_UNREAD);
    expect(sent).toBeLessThan(messages);
    let answers = 100;
    for await (const one of stream) answers += (one as unknown as Answers).answers.length;
    await sending;
    expect(answers).toBe(messages * 100);
  }, 120_000);
});

/** How many questions the service has answered. */
async function decisions(): Promise<number> {
  const text = await (await fetch(`${service.metricsBase}/metrics`)).text();
  return [...text.matchAll(/^consent_decisions_total\{[^}]*\} (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
}

/** The number once it has been the same for so many looks. */
async function standsStill(look: () => Promise<number>, looks = 20): Promise<number> {
  let [last, same] = [-1, 0];
  while (same < looks) {
    const now = await look();
    same = now === last && now > 0 ? same + 1 : 0;
    last = now;
  }
  return last;
}
