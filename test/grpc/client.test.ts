import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Server,
  ServerCredentials,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { LedgerClient, LedgerError, type FilterRequest, type WatchResponse } from '#client';
import {
  CHECK_REQUEST,
  CHECK_RESPONSE,
  COMMAND_RESPONSE,
  METHODS,
  REVOKE_REQUEST,
  STATUS_KEY,
  WATCH_RESPONSE,
  encodeStatus,
  type CommandAnswer,
  type StatusDetails,
} from '#grpc-messages';
import { Metadata } from '@grpc/grpc-js';
import { registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';

const TOPIC = { businessId: 'acme', channel: 'whatsapp', purpose: 'offers' };
const web = { method: 'web_form', channels: ['whatsapp'], purposes: ['offers'], disclosure: { id: 'web', version: 1 } };

describe('the client and the service', () => {
  let service: TestService;
  let client: LedgerClient;

  beforeAll(async () => {
    service = await startTestService();
    await registerAcme(service);
    client = new LedgerClient({ address: `localhost:${service.running.ports.grpc}`, key: service.adminKey });
  });

  afterAll(async () => {
    client.close();
    await service.stop();
  });

  it('grants, asks, revokes and asks again', async () => {
    const recipient = { phone: '+393330000301' };
    expect(await client.check({ ...TOPIC, recipient })).toMatchObject({ eligible: false, reason: 'NO_CONSENT' });
    const granted = await client.grant({ businessId: 'acme', recipient, ...web });
    expect(granted).toMatchObject({ type: 'ConsentGranted', effective: true });
    const decision = await client.check({ ...TOPIC, recipient });
    expect(decision).toMatchObject({ eligible: true, reason: 'CONSENTED', basis: { eventId: granted.eventId } });
    await client.revoke({ businessId: 'acme', recipient, channels: ['whatsapp'], method: 'keyword' });
    const after = await client.check({ ...TOPIC, recipient: { recipientId: granted.recipientId } });
    expect(after).toMatchObject({ eligible: false, reason: 'REVOKED' });
    const occurredAt = new Date(Date.now() + 1_000).toISOString();
    const message = { businessId: 'acme', recipient, channel: 'whatsapp', sender: 'main', messageId: 'm', occurredAt };
    expect(await client.recordMessage(message)).toMatchObject({ type: 'UserMessaged' });
  });

  it('tells what is wrong, and with which field', async () => {
    const asked = client.check({ ...TOPIC, channel: 'fax', recipient: { phone: '+393330000302' } });
    const error = (await asked.catch((reason: unknown) => reason)) as LedgerError;
    expect(error).toBeInstanceOf(LedgerError);
    expect([error.code, error.isPassing, error.violations.map(({ field }) => field)]).toEqual([
      'CHANNEL_UNKNOWN',
      false,
      ['channel'],
    ]);
  });

  it('filters an audience that is made as it is taken, and takes no more of it than is read', async () => {
    let made = 0;
    function* audience(): Generator<FilterRequest> {
      for (; made < 50; made += 1) {
        yield { ...TOPIC, checks: [{ ref: String(made), recipient: { phone: `+39333000${4_000 + made}` } }] };
      }
    }
    const refs: (string | undefined)[] = [];
    for await (const { answers } of client.filter(audience())) {
      refs.push(answers[0]?.ref);
      expect(made - refs.length).toBeLessThan(10);
    }
    expect(refs).toEqual(Array.from({ length: 50 }, (_, n) => String(n)));
  });

  it('answers a batch in order, with the mistakes of single items', async () => {
    const checks = [{ recipient: { phone: 'no' } }, { recipient: { phone: '+393330000303' } }];
    const { results } = await client.checkBatch({ ...TOPIC, checks });
    expect(results.map(({ error, decision }) => error?.code ?? decision?.reason)).toEqual([
      'ADDRESS_INVALID',
      'NO_CONSENT',
    ]);
  });

  it('watches changes until it is told to stop', async () => {
    const stop = new AbortController();
    const told: WatchResponse[] = [];
    const { position } = await client.grant({ businessId: 'acme', recipient: { phone: '+393330000304' }, ...web });
    const { eventId } = await client.grant({ businessId: 'acme', recipient: { phone: '+393330000305' }, ...web });
    for await (const one of client.watch({ businessId: 'acme', fromPosition: position }, stop.signal)) {
      if (one.change) told.push(one);
      if (told.length > 0) stop.abort();
    }
    expect(told.map(({ change }) => change?.eventId)).toEqual([eventId]);
  });

  it('goes on with filter and watch when the service comes back on its port', async () => {
    const { grpc } = service.running.ports;
    const stop = new AbortController();
    const watched = client.watch({ businessId: 'acme' }, stop.signal);
    await watched.next();
    await service.running.close();
    const again = await startTestService({ dataDir: service.dataDir, env: { GRPC_PORT: String(grpc) } });
    service = again;
    const { eventId } = await client.grant({ businessId: 'acme', recipient: { phone: '+393330000306' }, ...web });
    for await (const { change } of watched) if (change?.eventId === eventId) stop.abort();
    const [first] = await all(client.filter([{ ...TOPIC, checks: [{ recipient: { phone: '+393330000306' } }] }]));
    expect(first?.answers[0]?.decision).toMatchObject({ eligible: true });
  });
});

async function all<T>(answers: AsyncIterable<T>): Promise<readonly T[]> {
  const read: T[] = [];
  for await (const one of answers) read.push(one);
  return read;
}

/** What no service of ours does when it is told to: a server that turns calls away, and shows what it was sent. */
interface Refused extends Pick<StatusDetails, 'retryAfterMs' | 'violations'> {
  readonly code: number;
}

describe('the client and a server in trouble', () => {
  const seen: {
    readonly key: unknown;
    readonly atLeast?: string | undefined;
    readonly request: Buffer;
    readonly at: number;
  }[] = [];
  const refusals: Refused[] = [];
  const asBytes = (bytes: Buffer) => bytes;
  let server: Server;
  let client: LedgerClient;
  let address: string;

  const answered = (bytes: Buffer) => (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
    const { atLeast } = CHECK_REQUEST.decode(call.request);
    const { request } = call;
    seen.push({ key: call.metadata.get('idempotency-key')[0], atLeast, request, at: performance.now() });
    const refusal = refusals.shift();
    if (!refusal) return callback(null, bytes);
    const metadata = new Metadata();
    const details = { reason: 'OVERLOADED', ...refusal };
    metadata.set(STATUS_KEY, encodeStatus({ code: refusal.code, message: 'no', details }));
    callback({ code: refusal.code, details: 'no', metadata });
  };

  beforeAll(async () => {
    server = new Server();
    const answer = { recipientId: 'anna', position: 'ledger.7' } as CommandAnswer;
    const revoke = answered(COMMAND_RESPONSE.encode({ answer: { ...answer, occurredAt: NOON, recordedAt: NOON } }));
    const decision = { eligible: false, reason: 'NO_CONSENT', decidedAt: NOON } as never;
    server.register(METHODS.revoke.path, revoke, asBytes, asBytes, 'unary');
    server.register(METHODS.check.path, answered(CHECK_RESPONSE.encode({ decision })), asBytes, asBytes, 'unary');
    const watch = (call: ServerWritableStream<Buffer, Buffer>) => {
      const told = {
        position: 'ledger.9',
        change: { recipientId: 'anna', occurredAt: NOON, recordedAt: NOON } as never,
      };
      call.write(WATCH_RESPONSE.encode(told));
    };
    server.register(METHODS.watch.path, watch, asBytes, asBytes, 'serverStream');
    const port = await new Promise<number>((resolve) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, bound) => resolve(bound));
    });
    address = `127.0.0.1:${port}`;
    client = new LedgerClient({ address, key: 'a-key', retries: { attempts: 3, firstPauseMs: 1 } });
  });

  afterAll(() => {
    client.close();
    server.forceShutdown();
  });

  const revoke = (recipientId: string) => client.revoke({ businessId: 'acme', recipient: { recipientId } });
  const bruno = { ...TOPIC, recipient: { recipientId: 'bruno' } };
  /** What the checks carried; commands have a key. */
  const asked = () => seen.filter(({ key }) => key === undefined).map(({ atLeast }) => atLeast);

  it('sends a command again under the same key, no sooner than it was asked to', async () => {
    refusals.push({ code: 14 }, { code: 8, retryAfterMs: 80 });
    await revoke('anna');
    const keys = seen.map(({ key }) => key);
    expect(keys).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), keys[0], keys[0]]);
    expect((seen[2]?.at ?? 0) - (seen[1]?.at ?? 0)).toBeGreaterThanOrEqual(79);
    await revoke('anna');
    expect(seen[3]?.key).not.toBe(keys[0]);
  });

  it('gives up after so many attempts, and at once where asking again is of no use', async () => {
    seen.length = 0;
    refusals.push({ code: 14 }, { code: 14 }, { code: 14 });
    await expect(revoke('anna')).rejects.toMatchObject({ code: 'OVERLOADED', grpcCode: 14 });
    refusals.push({ code: 8 });
    await expect(revoke('anna')).rejects.toMatchObject({ grpcCode: 8 });
    expect(seen.length).toBe(4);
  });

  it('sends again what lost a race, and not what named a place that there is not', async () => {
    seen.length = 0;
    refusals.push({ code: 10 });
    await revoke('anna');
    expect(seen.map(({ key }) => key)).toEqual([seen[0]?.key, seen[0]?.key]);
    refusals.push({ code: 10, violations: [{ field: 'from_position', description: 'no', reason: 'POSITION_AHEAD' }] });
    await expect(revoke('anna')).rejects.toMatchObject({ grpcCode: 10 });
    expect(seen.length).toBe(3);
  });

  it('carries the position of its newest command, whoever is asked about, or a later one that the caller names', async () => {
    const fresh = new LedgerClient({ address, key: 'a-key' });
    seen.length = 0;
    const ask = (atLeast?: string) => fresh.check({ ...bruno, ...(atLeast === undefined ? {} : { atLeast }) });
    await ask();
    await fresh.revoke({ businessId: 'acme', recipient: { recipientId: 'anna' } });
    for (const atLeast of [undefined, 'ledger.10', 'ledger.6', 'another.1']) await ask(atLeast);
    expect(asked()).toEqual([undefined, 'ledger.7', 'ledger.10', 'ledger.7', 'another.1']);
    fresh.close();
  });

  it('carries it from the attempt on before which it was answered', async () => {
    const fresh = new LedgerClient({ address, key: 'a-key' });
    seen.length = 0;
    refusals.push({ code: 8, retryAfterMs: 300 });
    const decision = fresh.check(bruno);
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await fresh.revoke({ businessId: 'acme', recipient: { recipientId: 'anna' } });
    await decision;
    expect(asked()).toEqual([undefined, 'ledger.7']);
    fresh.close();
  });

  it('carries the position of the newest change that it was told', async () => {
    const fresh = new LedgerClient({ address, key: 'a-key' });
    seen.length = 0;
    const watched = fresh.watch({ businessId: 'acme' });
    await watched.next();
    await fresh.check(bruno);
    await watched.return();
    expect(asked()).toEqual(['ledger.9']);
    fresh.close();
  });

  it('sends an opt-out whatever its time and its key are, under one key for the same', async () => {
    seen.length = 0;
    const keys = ['ключ', 'ключ', ' k', 'k'.repeat(300), '', '', 'plain'];
    for (const idempotencyKey of keys) {
      const occurredAt = 'yesterday';
      await client.revoke({ businessId: 'acme', recipient: { recipientId: 'anna' }, occurredAt }, { idempotencyKey });
    }
    const sent = seen.map(({ key }) => String(key));
    expect(sent[1]).toBe(sent[0]);
    expect([new Set(sent).size, sent.at(-1)]).toEqual([6, 'plain']);
    for (const key of sent) expect(key).toMatch(/^[\x21-\x7e]{5,255}$/);
    expect(seen.map(({ request }) => REVOKE_REQUEST.decode(request))).toEqual(
      keys.map(() => ({ businessId: 'acme', recipient: { recipientId: 'anna' }, occurredAtText: 'yesterday' })),
    );
  });
});

const NOON = '2026-05-04T12:00:00.000Z';
