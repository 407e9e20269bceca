import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { copyLedger, openEventStoreDb, openSqliteStore, hasReached, ledgerIdOf } from '#event-store';
import { systemClock } from '#platform';
import { until } from '../faults/until.js';
import { ask, grantBody, must, registerAcme, type Reachable } from '../support/client.js';
import { ProgramProcess } from '../support/process.js';
import { baseEnv, startTestService, type TestService } from '../support/service.js';
import { keyFor } from '../http/support/acme.js';
import { refusing } from './answers.js';
import { Relay } from './relay.js';
import { EventStoreProcess } from './server-process.js';

const PHONE = '+393331234567';
const CHECK = '/v1/businesses/acme/eligibility';

const secret = () => randomBytes(32).toString('base64');
const secrets = { PEPPER: secret(), KEY_ENCRYPTION_KEY: secret() };
const check = (service: Reachable, more: object = {}) =>
  ask(service, 'POST', CHECK, {
    body: { recipient: { phone: PHONE }, channel: 'whatsapp', purpose: 'offers', ...more },
  });
const revoke = (service: Reachable, key?: string) =>
  ask(service, 'POST', '/v1/businesses/acme/revocations', {
    body: { recipient: { phone: PHONE } },
    ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
  });
const readiness = async ({ base }: Pick<Reachable, 'base'>) => {
  const response = await fetch(`${base}/health/ready`).catch(() => undefined);
  return response && { status: response.status, text: await response.text() };
};
const whenReady = (service: Pick<Reachable, 'base'>) =>
  until('the service is ready', async () => ((await readiness(service))?.status === 200 ? true : undefined));

describe('the service on EventStoreDB', () => {
  let server: EventStoreProcess;
  const services: TestService[] = [];
  const start = async (options: Parameters<typeof startTestService>[0] = {}) => {
    const env = { EVENTSTORE_URL: server.url, ...secrets, ...options.env };
    const service = await startTestService({ ...options, env });
    services.push(service);
    return service;
  };

  beforeEach(async () => {
    server = await EventStoreProcess.launch();
  });
  afterEach(async () => {
    for (const service of services.splice(0)) await service.stop();
    await server.remove();
  });

  it('keeps what it acknowledged there, under the positions that it gave', async () => {
    const service = await start();
    await registerAcme(service);
    await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(PHONE) }));
    expect((await check(service)).body).toMatchObject({ eligible: true, reason: 'CONSENTED' });
    const { body } = await must(revoke(service));
    expect((await check(service, { atLeast: body.position })).body).toMatchObject({ reason: 'REVOKED' });
    expect((await check(service, { consistency: 'ledger' })).body).toMatchObject({ reason: 'REVOKED' });
    const store = await openEventStoreDb({ url: server.url });
    const [first, second] = await store.readStream(String(body.stream), { limit: 5 });
    expect([first?.type, second?.type, second?.position]).toEqual(['ConsentGranted', 'ConsentRevoked', body.position]);
    expect(hasReached(await store.head(), String(body.position))).toBe(true);
    await store.close();
  });

  it('decides an opt-out without a key at a glance: nothing is read before it is appended', async () => {
    const service = await start();
    await registerAcme(service);
    await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(PHONE) }));
    await service.running.parts.view.whenReady();
    const reading = jest.spyOn(service.running.parts.store, 'readStream');
    await must(revoke(service));
    expect(reading).not.toHaveBeenCalled();
    expect((await check(service)).body).toMatchObject({ reason: 'REVOKED' });
    await must(revoke(service, 'a-key'));
    expect(reading).toHaveBeenCalled();
    reading.mockRestore();
  });

  it('lets another process of the same vault go on where it ended, and refuses a vault or secrets of its own', async () => {
    const service = await start();
    await registerAcme(service);
    await must(revoke(service));
    const again = await service.restart();
    services.splice(0, 1, again);
    expect((await check(again)).body).toMatchObject({ reason: 'REVOKED' });
    await expect(start()).rejects.toThrow('vault.db is missing');
    const env = { EVENTSTORE_URL: server.url, ...secrets, PEPPER: secret() };
    await again.running.close();
    await expect(startTestService({ dataDir: again.dataDir, env })).rejects.toThrow('PEPPER');
  });

  it('allows one process alone in a data directory', async () => {
    const service = await start();
    await expect(start({ dataDir: service.dataDir })).rejects.toThrow(`in use by process ${process.pid}`);
  });

  it('refuses to begin a new ledger beside a vault that belongs to another', async () => {
    const service = await start();
    await registerAcme(service);
    await must(revoke(service));
    await service.running.close();
    const empty = await EventStoreProcess.launch();
    const env = { ...secrets, EVENTSTORE_URL: empty.url };
    try {
      await expect(startTestService({ dataDir: service.dataDir, env })).rejects.toThrow('the ledger at EVENTSTORE_URL');
    } finally {
      await empty.remove();
    }
  });

  it('says no while the ledger is away, answers opt-outs within their limit, and is ready again by itself', async () => {
    const limits = { EVENTSTORE_REVOCATION_TIMEOUT_MS: '1000', EVENTSTORE_APPEND_TIMEOUT_MS: '1000' };
    const service = await start({
      clock: systemClock,
      env: { VIEW_MAX_LAG_MS: '1500', VIEW_PROBE_INTERVAL_MS: '100', ...limits },
    });
    await registerAcme(service);
    await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(PHONE) }));
    await server.stop();
    const refused = await revoke(service, 'stop-1');
    expect({ status: refused.status, code: refused.body.code }).toEqual({ status: 503, code: 'LEDGER_UNAVAILABLE' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const stale = await until('the view is too old', async () => {
      const { body } = await check(service);
      return body.reason === 'VIEW_STALE' ? body : undefined;
    });
    expect(stale).toMatchObject({ eligible: false, retryAfterMs: expect.any(Number) });
    expect((await check(service, { consistency: 'ledger' })).body).toMatchObject({ reason: 'VIEW_UNAVAILABLE' });
    expect(await readiness(service)).toMatchObject({ status: 503, text: expect.stringContaining('EventStoreDB') });
    await server.start();
    await whenReady(service);
    const answered = await must(revoke(service, 'stop-1'));
    expect((await check(service)).body).toMatchObject({ reason: 'REVOKED' });
    const timeline = `/v1/businesses/acme/recipients/${String(answered.body.recipientId)}/timeline`;
    const { body } = await must(ask(service, 'GET', timeline));
    expect((body.events as unknown as { type: string }[]).map(({ type }) => type)).toEqual([
      'ConsentGranted',
      'ConsentRevoked',
    ]);
  });

  it('answers a reply by a message that it could not acknowledge the first time, before the view hears of it', async () => {
    const relay = await Relay.before(server);
    const service = await start({ env: { EVENTSTORE_URL: relay.url } });
    await registerAcme(service);
    await service.running.parts.view.whenReady();
    const occurredAt = new Date().toISOString();
    const body = { recipient: { phone: PHONE }, channel: 'whatsapp', sender: 'main', messageId: 'm-1', occurredAt };
    const message = () => ask(service, 'POST', '/v1/businesses/acme/messages', { body });
    relay.hold();
    relay.habits.answer = refusing('event_store.client.AccessDenied', new shared.AccessDenied());
    expect((await message()).status).toBe(503);
    relay.habits = {};
    await service.running.parts.store.head();
    expect((await must(message())).headers.get('idempotent-replayed')).toBe('true');
    expect((await check(service, { purpose: 'service' })).body).toMatchObject({ reason: 'SERVICE_WINDOW_OPEN' });
    await service.stop();
    services.pop();
    await relay.close();
  });

  it('does not take a view, or a position, of the embedded ledger for its own', async () => {
    const embedded = await startTestService({ env: secrets });
    services.push(embedded);
    await registerAcme(embedded);
    const { body } = await must(revoke(embedded));
    await embedded.running.close();
    const from = await openSqliteStore({ dataDir: embedded.dataDir, readOnly: true });
    const to = await openEventStoreDb({ url: server.url });
    await copyLedger({ from, to });
    await Promise.all([from.close(), to.close()]);
    const moved = await start({ dataDir: embedded.dataDir });
    services.shift();
    expect((await check(moved)).body).toMatchObject({ reason: 'REVOKED' });
    expect((await check(moved, { atLeast: body.position })).body).toMatchObject({ reason: 'VIEW_BEHIND' });
    expect(ledgerIdOf(moved.running.parts.view.status().position ?? '')).toBe(moved.running.parts.store.ledgerId);
    expect(moved.running.parts.store.ledgerId).not.toBe(ledgerIdOf(String(body.position)));
  });
});

describe('a service whose EventStoreDB cannot be reached yet', () => {
  let dataDir = '';
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'consent-ledger-test-'));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  it('lives, says why it is not ready, turns all else away, and is ready when the server comes', async () => {
    const server = await EventStoreProcess.launch();
    await server.stop();
    const port = await freePort();
    const env = { ...baseEnv(dataDir), ...secrets, EVENTSTORE_URL: server.url, PORT: String(port) };
    const program = new ProgramProcess({ env });
    const base = `http://127.0.0.1:${port}`;
    const waiting = await until('the process listens', () => readiness({ base }));
    expect(waiting).toMatchObject({ status: 503, text: expect.stringContaining('"problem":') });
    expect((await fetch(`${base}/health/live`)).status).toBe(200);
    const refused = await revoke({ base, adminKey: 'x' });
    expect({ status: refused.status, code: refused.body.code }).toEqual({ status: 503, code: 'LEDGER_UNAVAILABLE' });
    expect(refused.headers.get('retry-after')).toBe('2');
    await server.start();
    await whenReady({ base });
    const adminKey = readFileSync(join(dataDir, 'admin.key'), 'utf8').trim();
    await registerAcme({ base, adminKey });
    expect((await revoke({ base, adminKey })).status).toBe(201);
    expect(await program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    await server.remove();
  });

  it('ends at once when it is told to while it waits', async () => {
    const port = await freePort();
    const env = { ...baseEnv(dataDir), ...secrets, PORT: String(port), EVENTSTORE_URL: 'esdb://127.0.0.1:9?tls=false' };
    const program = new ProgramProcess({ env });
    await until('the process listens', () => readiness({ base: `http://127.0.0.1:${port}` }));
    expect(await program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});

describe('the embedded ledger over EventStoreDB’s protocol', () => {
  let service: TestService;
  beforeEach(async () => {
    service = await startTestService({ env: { ESDB_PORT: '0' } });
    await registerAcme(service);
  });
  afterEach(() => service.stop());

  const addressFor = (password: string) => {
    const { ports, esdbCaFile } = service.running;
    return `esdb://auditor:${encodeURIComponent(password)}@127.0.0.1:${ports.esdb}?tls=true&tlsCAFile=${esdbCaFile}`;
  };

  it('shows an auditor every event under its position, and lets nobody write', async () => {
    const { body } = await must(revoke(service));
    const { secret: password } = await keyFor(service, ['audit:read']);
    const store = await openEventStoreDb({ url: addressFor(password) });
    expect(store.ledgerId).toBe(service.running.parts.store.ledgerId);
    const { events } = await store.readAll({ limit: 100 });
    expect(events).toEqual((await service.running.parts.store.readAll({ limit: 100 })).events.map(asBuffers));
    expect(events.at(-1)?.position).toBe(body.position);
    const event = {
      id: '00000000-0000-4000-8000-000000000001',
      type: 'X',
      data: Buffer.from('{}'),
      metadata: Buffer.from('{}'),
    };
    await expect(store.append('consent-x', [event], 'none')).rejects.toThrow();
    await store.close();
  });

  it.each([
    ['of one business', () => keyFor(service, ['audit:read'], 'acme')],
    ['without audit:read', () => keyFor(service, ['eligibility:read', 'personal:read'])],
    ['that nobody has', async () => ({ secret: 'not-a-key' })],
  ])('turns away a key %s', async (_, key) => {
    const { secret: password } = await key();
    const opening = openEventStoreDb({ url: addressFor(password), timeouts: { openMs: 1_000 } });
    await expect(opening).rejects.toMatchObject({ code: 'LEDGER_UNAVAILABLE' });
  });
});

function asBuffers<T extends { readonly data: Uint8Array; readonly metadata: Uint8Array }>(event: T) {
  return { ...event, data: Buffer.from(event.data), metadata: Buffer.from(event.metadata) };
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const listener = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => listener.once('listening', resolve));
  const { port } = listener.address() as { port: number };
  await new Promise((resolve) => listener.close(resolve));
  return port;
}
