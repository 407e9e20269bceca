import { once } from 'node:events';
import { connect, type ClientHttp2Session } from 'node:http2';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CHECK_REQUEST, CHECK_RESPONSE, METHODS, type CheckRequest } from '#grpc-messages';
import { SettableClock } from '#platform';
import { must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf } from '../http/support/acme.js';

const PHONE = '+393331234567';
const QUESTION = { businessId: 'acme', recipient: { phone: PHONE }, channel: 'whatsapp', purpose: 'offers' };

describe('a plain check over gRPC, which passes grpc-js by', () => {
  let service: TestService;
  let client: ClientHttp2Session;

  beforeAll(async () => {
    service = await startTestService({ clock: new SettableClock(Date.parse('2026-05-04T12:00:00.000Z')) });
    await registerAcme(service);
    const disclosure = { id: 'web', version: 1 };
    const grant = { recipient: { phone: PHONE }, channels: ['whatsapp'], purposes: ['offers'], method: 'web_form' };
    await must(businessOf(service).grant({ ...grant, disclosure }));
    client = connect(`http://127.0.0.1:${service.running.ports.grpc}`);
    // From now on the key is remembered.
    await asked(QUESTION);
  });

  afterAll(async () => {
    client.destroy();
    await service.stop();
  });

  /** All that is on the wire, as no library of gRPC shows it. */
  async function asked(question: CheckRequest, head: object = {}) {
    const authorization = `Bearer ${service.adminKey}`;
    const type = { 'content-type': 'application/grpc', te: 'trailers' };
    const call = client.request({ ':method': 'POST', ':path': METHODS.check.path, authorization, ...type, ...head });
    const message = CHECK_REQUEST.encode(question);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    const trailing = once(call, 'trailers') as Promise<[Record<string, unknown>]>;
    const responding = once(call, 'response') as Promise<[Record<string, unknown>]>;
    call.end(Buffer.concat([prefix, message]));
    const [headers] = await responding;
    const chunks: Buffer[] = [];
    for await (const chunk of call) chunks.push(chunk as Buffer);
    const [trailers] = await trailing;
    const bytes = Buffer.concat(chunks);
    return { headers: { ...headers, date: undefined }, bytes, trailers: { ...trailers } };
  }

  /** `consistency: fast` says what is meant anyway, and takes the ordinary way. */
  it.each<[string, Partial<CheckRequest>]>([
    ['of somebody known', {}],
    ['by sender', { sender: 'main' }],
    ['of somebody unknown', { recipient: { phone: '+393330000000' } }],
  ])('%s has the headers, the bytes and the trailers of an ordinary one', async (_, other) => {
    const plain = await asked({ ...QUESTION, ...other });
    expect(plain.trailers).toMatchObject({ 'grpc-status': '0' });
    expect(CHECK_RESPONSE.decode(plain.bytes.subarray(5)).decision?.reason).toBeDefined();
    expect(plain).toEqual(await asked({ ...QUESTION, ...other, consistency: 'fast' }));
  });

  it('takes a deadline, as clients send it', async () => {
    expect(await asked(QUESTION, { 'grpc-timeout': '500m' })).toEqual(await asked(QUESTION));
  });

  it('is counted like any other', async () => {
    const count = async () => {
      const metrics = await (await fetch(`${service.metricsBase}/metrics`)).text();
      return Number(/^consent_grpc_call_duration_seconds_count\{.*\/Check",.*\} (\d+)$/m.exec(metrics)?.[1]);
    };
    const before = await count();
    await asked(QUESTION);
    expect(await count()).toBe(before + 1);
  });
});
