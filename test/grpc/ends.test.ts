import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Client, credentials, status, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { GrpcClient } from './support.js';

const QUESTION = { businessId: 'acme', recipient: { phone: '+393330000001' }, channel: 'whatsapp', purpose: 'offers' };
const CANCELLED = 10_000;
/** Of calls that are waited for at once. */
const AT_ONCE = 500;

const asBytes = (bytes: Buffer) => bytes;
/** `HealthCheckRequest { service: "nobody" }` */
const NOBODY = Buffer.from([0x0a, 6, ...Buffer.from('nobody')]);

const started: TestService[] = [];
const clients: GrpcClient[] = [];

async function begin(env: Readonly<Record<string, string>> = {}) {
  const service = await startTestService({ env });
  started.push(service);
  await registerAcme(service);
  const client = new GrpcClient({ port: service.running.ports.grpc, key: service.adminKey });
  clients.push(client);
  return { service, client };
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const service of started.splice(0)) await service.stop();
});

/** A position that the ledger has not come to: a check waits for it. */
const ahead = ({ running }: TestService) => `${running.parts.store.ledgerId}.1000000`;

describe('a call that ends before its work', () => {
  it('is over at its deadline, however long its work would wait', async () => {
    const { service, client } = await begin({ WAIT_FOR_POSITION_MS: '60000' });
    const answer = await client.call(
      'Check',
      { ...QUESTION, atLeast: ahead(service) },
      { options: { deadline: Date.now() + 200 } },
    );
    expect(answer.grpc).toBe(status.DEADLINE_EXCEEDED);
    expect((await client.call('Check', QUESTION)).code).toBe('OK');
    expect(service.log()).not.toContain('a call failed');
  });

  it(`leaves nothing behind: ${CANCELLED} cancelled calls`, async () => {
    const { service, client } = await begin({ WAIT_FOR_POSITION_MS: '100', IN_FLIGHT_MAX: String(2 * AT_ONCE) });
    for (let done = 0; done < CANCELLED; done += AT_ONCE) {
      const calls = Array.from({ length: AT_ONCE }, (_, n) => {
        const call = client.started('Check', n % 2 === 0 ? { ...QUESTION, atLeast: ahead(service) } : QUESTION);
        if (n % 3 === 0) call.cancel();
        else setImmediate(() => call.cancel());
        return call.answered;
      });
      const grpc = new Set((await Promise.all(calls)).map((answer) => answer.grpc));
      for (const code of grpc) expect([status.OK, status.CANCELLED, status.RESOURCE_EXHAUSTED]).toContain(code);
    }
    await nothingInWork(service);
    expect(service.log()).not.toContain('a call failed');
    // As many as there may be at once find room: no place was kept by a call that has gone.
    const all = await Promise.all(Array.from({ length: 2 * AT_ONCE }, () => client.call('Check', QUESTION)));
    expect(all.filter(({ code }) => code !== 'OK')).toEqual([]);
  }, 120_000);
});

async function nothingInWork({ running }: TestService): Promise<void> {
  while (running.grpcInWork() > 0) await new Promise((resolve) => setImmediate(resolve));
}

describe('the end of the service', () => {
  it('answers what is in flight, ends streams with UNAVAILABLE, and takes no more', async () => {
    const { service, client } = await begin({ WAIT_FOR_POSITION_MS: '300' });
    const filter = client.filter();
    filter.write({ ...QUESTION, checks: [{ recipient: QUESTION.recipient }] });
    await once(filter, 'data');
    const watch = client.watch({ businessId: 'acme' });
    await once(watch, 'data');
    const ends = [filter, watch].map((stream) => once(stream.resume(), 'error') as Promise<[ServiceError]>);
    const health = new Client(`localhost:${service.running.ports.grpc}`, credentials.createInsecure());
    // Of a service that there is not: it is told so, and hears of nothing else.
    const misled = health.makeServerStreamRequest('/grpc.health.v1.Health/Watch', asBytes, asBytes, NOBODY);
    await once(misled, 'data');
    const left = once(misled.resume(), 'status') as Promise<[StatusObject]>;
    const inFlight = client.call('Check', { ...QUESTION, atLeast: ahead(service) });
    while (service.running.grpcInWork() < 4) await new Promise((resolve) => setImmediate(resolve));
    const closing = service.running.close();
    expect((await Promise.all(ends)).map(([error]) => error.code)).toEqual([status.UNAVAILABLE, status.UNAVAILABLE]);
    expect((await left)[0].code).toBe(status.OK);
    expect(await inFlight).toMatchObject({ code: 'OK', body: { decision: { reason: 'VIEW_BEHIND' } } });
    await closing;
    expect((await client.call('Check', QUESTION)).grpc).toBe(status.UNAVAILABLE);
    health.close();
  });
});
