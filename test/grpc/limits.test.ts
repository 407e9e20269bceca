import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { status } from '@grpc/grpc-js';
import { registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { GrpcClient, type Json } from './support.js';

const QUESTION = { businessId: 'acme', recipient: { phone: '+393330000001' }, channel: 'whatsapp', purpose: 'offers' };
const IN_FLIGHT = 4;

let service: TestService;
let client: GrpcClient;

beforeAll(async () => {
  const env = {
    IN_FLIGHT_MAX: String(IN_FLIGHT),
    BODY_LIMIT_KB: '64',
    WEBHOOK_LIMIT_KB: '256',
    WAIT_FOR_POSITION_MS: '60000',
    REQUEST_TIMEOUT_MS: '1000',
  };
  service = await startTestService({ env });
  await registerAcme(service);
  client = new GrpcClient({ port: service.running.ports.grpc, key: service.adminKey });
});

afterAll(async () => {
  client.close();
  await service.stop();
});

describe('limits', () => {
  it('turns a call away while there are too many, save an opt-out', async () => {
    const atLeast = `${service.running.parts.store.ledgerId}.1000000`;
    const waiting = Array.from({ length: IN_FLIGHT }, () => client.started('Check', { ...QUESTION, atLeast }));
    while (service.running.grpcInWork() < IN_FLIGHT) await new Promise((resolve) => setImmediate(resolve));
    const refused = await client.call('Check', QUESTION);
    expect(refused).toMatchObject({
      code: 'OVERLOADED',
      grpc: status.RESOURCE_EXHAUSTED,
      details: { retryAfterMs: 1_000 },
    });
    expect((await client.call('Revoke', { businessId: 'acme', recipient: QUESTION.recipient })).code).toBe('OK');
    for (const { cancel } of waiting) cancel();
    await Promise.all(waiting.map(({ answered }) => answered));
  });

  it('takes no message that is too long, save an opt-out with a long reason', async () => {
    const reason = 'x'.repeat(100_000);
    expect(await client.call('Check', { ...QUESTION, sender: reason })).toMatchObject({
      code: 'BODY_TOO_LARGE',
      grpc: status.RESOURCE_EXHAUSTED,
    });
    const request = { businessId: 'acme', recipient: QUESTION.recipient, reason };
    const revoked = await client.call('Revoke', request);
    expect(revoked.code).toBe('OK');
    expect(JSON.stringify(revoked.body)).toContain('Cut after');
    const beyond = await client.call('Check', { ...QUESTION, sender: reason.repeat(4) });
    expect(beyond.grpc).toBe(status.RESOURCE_EXHAUSTED);
  });

  it('refuses a stranger before a message is sent, and gives up a message that does not arrive', async () => {
    const session = connect(`http://127.0.0.1:${service.running.ports.grpc}`);
    const open = (authorization: Json) =>
      session.request({
        ':method': 'POST',
        ':path': '/consentledger.v1.EligibilityService/Check',
        'content-type': 'application/grpc',
        te: 'trailers',
        ...authorization,
      });
    expect(await statusOf(open({}))).toBe(String(status.UNAUTHENTICATED));
    const halfSent = open({ authorization: `Bearer ${service.adminKey}` });
    halfSent.write(Buffer.from([0, 0, 0, 0, 50, 1]));
    // Which says that it may be sent again: what was on the way may have been an opt-out.
    expect(await statusOf(halfSent)).toBe(String(status.RESOURCE_EXHAUSTED));
    // It would wait for the end of the half that never comes.
    session.destroy();
  });

  it('lets in so many streams of strangers, and always whoever asks how it is', async () => {
    const sessions = Array.from({ length: 4 }, () => connect(`http://127.0.0.1:${service.running.ports.grpc}`));
    const ask = (method: string, over = sessions[0]) =>
      (over as ClientHttp2Session).request({
        ':method': 'POST',
        ':path': `/grpc.health.v1.Health/${method}`,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
    const watches = Array.from({ length: 20 }, (_, n) => ask('Watch', sessions[n % 4]).end(NO_MESSAGE));
    await Promise.all(watches.map((stream) => once(stream, 'data')));
    expect(await statusOf(ask('Watch').end(NO_MESSAGE))).toBe(String(status.RESOURCE_EXHAUSTED));
    expect(await statusOf(ask('Check').end(NO_MESSAGE))).toBe(String(status.OK));
    const halfSent = ask('Check');
    halfSent.write(NO_MESSAGE.subarray(0, 3));
    expect(await statusOf(halfSent)).toBe(String(status.RESOURCE_EXHAUSTED));
    for (const session of sessions) session.destroy();
  });
});

/** The head of a message that holds nothing. */
const NO_MESSAGE = Buffer.alloc(5);

/** The status of a call, be it in the head or the end of its answer. */
function statusOf(stream: ClientHttp2Stream): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = ({ 'grpc-status': said }: IncomingHttpHeaders) => {
      if (said !== undefined) resolve(said.toString());
    };
    stream.on('response', look).on('trailers', look).on('error', reject).resume();
  });
}

describe('bytes that are no message', () => {
  const call = async (path: string, message: Buffer) => {
    const session = connect(`http://127.0.0.1:${service.running.ports.grpc}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${service.adminKey}`,
    });
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([head, message]));
    const said = await statusOf(stream);
    session.close();
    return said;
  };
  const person = Buffer.from([0x12, 14, 0x0a, 12, ...Buffer.from('+39333000077')]);
  const business = Buffer.from([0x0a, 4, ...Buffer.from('acme')]);
  const sound = Buffer.concat([business, person]);

  it.each([
    ['noise', 'EligibilityService/Check', Buffer.from([255, 255, 255])],
    ['a text that is not UTF-8', 'EligibilityService/Check', Buffer.concat([sound, Buffer.from([0x1a, 1, 0xff])])],
    ['noise', 'ConsentService/Grant', Buffer.from([255, 255, 255])],
    ['noise that names nobody', 'ConsentService/Revoke', Buffer.from([255, 255, 255])],
  ])('are refused: %s to %s', async (_what, method, message) => {
    expect(await call(`/consentledger.v1.${method}`, message)).toBe(String(status.INVALID_ARGUMENT));
  });

  it.each([
    ['a channel that is a number', [0x18, 1]],
    ['a channel that is not UTF-8', [0x1a, 1, 0xff]],
    ['a time that is no message', [0x42, 1, 0xff]],
    ['fields of a later version', [0xfa, 0x3f, 1, 65]],
    ['an end in the middle of a field', [0x1a, 200]],
  ])('are an opt-out all the same where they name the person: %s', async (_what, more) => {
    expect(await call('/consentledger.v1.ConsentService/Revoke', Buffer.concat([sound, Buffer.from(more)]))).toBe('0');
  });
});
