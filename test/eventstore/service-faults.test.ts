import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openEventStoreDb, type NewEvent } from '#event-store';
import { newDataDirectory, removeDataDirectories } from '../faults/data-directory.js';
import { FULL, chance, figure } from '../faults/full.js';
import { expectedOf, happeningsIn, misplaced, recipientIdsOf, scanOf, toldBy } from '../faults/record.js';
import { until } from '../faults/until.js';
import { decide, disagreements, stopped } from '../faults/verdicts.js';
import { Writers, phoneNumbers } from '../faults/writers.js';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { killLaunched, launchService, type ServiceProcess } from '../support/process.js';
import { TcpProxy } from './proxy.js';
import { EventStoreProcess } from './server-process.js';

const WRITERS = 8;
const ROUNDS = FULL ? 10 : 1;
/** A claim of the full form, on a machine that does nothing else. */
const RECOVERY_MS = FULL ? 10_000 : 40_000;
const OFFERS = { channel: 'whatsapp', purpose: 'offers' };

const secret = () => randomBytes(32).toString('base64');
const random = chance('faults of a service on EventStoreDB');

let server: EventStoreProcess;
let proxy: TcpProxy;
let service: ServiceProcess;

beforeEach(async () => {
  server = await EventStoreProcess.launch();
  proxy = await TcpProxy.before(server);
  const env = {
    EVENTSTORE_URL: proxy.url,
    PEPPER: secret(),
    KEY_ENCRYPTION_KEY: secret(),
    EVENTSTORE_APPEND_TIMEOUT_MS: '1500',
    EVENTSTORE_REVOCATION_TIMEOUT_MS: '1500',
    VIEW_MAX_LAG_MS: '1500',
    VIEW_PROBE_INTERVAL_MS: '100',
  };
  service = await launchService(newDataDirectory(), { env });
  await registerAcme(service);
});
afterEach(async () => {
  proxy.set({ kind: 'pass' });
  await killLaunched();
  await proxy.close();
  await server.remove();
  removeDataDirectories();
});

const isReady = async () => (await fetch(`${service.base}/health/ready`)).status === 200;

/** In the time until the service says that it is ready, and takes commands, again. */
async function recoveryMs(): Promise<number> {
  const returnedMs = performance.now();
  await until('the service is ready again', async () => ((await isReady()) ? true : undefined));
  await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody('+393339999999') }));
  return performance.now() - returnedMs;
}

/** While the ledger is away a check becomes a declared no. */
async function untilDeclaredNo(recipientId: string): Promise<void> {
  await until('checks are a declared no', async () => {
    const { eligible, reason } = await decide(service, recipientId, OFFERS);
    return !eligible && reason === 'VIEW_STALE' ? true : undefined;
  });
}

const OUTAGES: readonly [string, () => Promise<void>, () => Promise<void>][] = [
  ['the server killed with kill -9', () => server.stop(), () => server.start()],
  [
    'a network that drops everything in silence',
    async () => proxy.set({ kind: 'drop' }),
    async () => proxy.set({ kind: 'pass' }),
  ],
  [
    'a server that closes every connection',
    async () => {
      proxy.set({ kind: 'refuse' });
      proxy.reset();
    },
    async () => proxy.set({ kind: 'pass' }),
  ],
];

describe('eight callers of a service on EventStoreDB', () => {
  it.each(OUTAGES)(
    'live through %s: what was acknowledged is there once, and a STOP still holds',
    async (name, goAway, comeBack) => {
      const phones = phoneNumbers(24);
      const writers = new Writers(random, phones);
      const [watched] = await recipientIdsOf(service, phones);
      let slowestMs = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const stopping = new AbortController();
        const enough = writers.acknowledgedMore(random.between(20, 120));
        const writing = writers.write(service, WRITERS, stopping.signal);
        await enough;
        await goAway();
        await untilDeclaredNo(watched as string);
        await comeBack();
        slowestMs = Math.max(slowestMs, await recoveryMs());
        stopping.abort();
        await writing;
      }
      await writers.retryOpen(service);
      expect(slowestMs).toBeLessThan(RECOVERY_MS);
      const recipientIds = await recipientIdsOf(service, phones);
      expect(await toldBy(service, recipientIds)).toEqual(expectedOf(writers.acknowledged));
      const ours = new Set(recipientIds.flatMap((id) => [`consent-${id}`, `conversation-${id}`]));
      const scanned = (await scanOf(server.dataDir)).filter(({ stream }) => ours.has(stream));
      expect(scanned).toHaveLength(expectedOf(writers.acknowledged).length);
      expect(misplaced(writers.acknowledged, scanned)).toEqual([]);
      const happenings = happeningsIn(scanned);
      for (const recipientId of stopped(happenings)) {
        expect(await decide(service, recipientId, OFFERS)).toMatchObject({ eligible: false, reason: 'REVOKED' });
      }
      expect(await disagreements(service, recipientIds, happenings)).toEqual([]);
      expect(service.process.stderr).toBe('');
      expect(await service.process.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      figure(
        `${name}: ${writers.acknowledged.length} deeds acknowledged, slowest recovery ${Math.round(slowestMs)} ms`,
      );
    },
    FULL ? 600_000 : 180_000,
  );
});

describe('a ledger that somebody else has written into', () => {
  const PHONE = '+393331230001';

  async function granted(): Promise<string> {
    const { body } = await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(PHONE) }));
    expect(await decide(service, String(body.recipientId), OFFERS)).toMatchObject({ eligible: true });
    return String(body.recipientId);
  }

  it('answers a declared no for the person whose event nobody knows, and goes on for all others', async () => {
    const recipientId = await granted();
    const store = await openEventStoreDb({ url: server.url });
    const event: NewEvent = {
      id: '00000000-0000-4000-8000-000000000077',
      type: 'ConsentPondered',
      data: Buffer.from('{"businessId":"acme"}'),
      metadata: Buffer.from('{"schema":1}'),
    };
    const { position } = await store.append(`consent-${recipientId}`, [event], '0');
    await store.close();
    const asked = { ...OFFERS, atLeast: position };
    expect(await decide(service, recipientId, asked)).toMatchObject({ eligible: false, reason: 'STATE_UNREADABLE' });
    const { body } = await must(
      ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody('+393331230002') }),
    );
    expect(await decide(service, String(body.recipientId), OFFERS)).toMatchObject({ eligible: true });
  });

  it('says that it could not record an opt-out where a stream was deleted for good, and the ledger itself says no', async () => {
    const recipientId = await granted();
    await tombstone(server.port, `consent-${recipientId}`);
    const answer = await ask(service, 'POST', '/v1/businesses/acme/revocations', {
      body: { recipient: { phone: PHONE } },
    });
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 503, code: 'LEDGER_UNAVAILABLE' });
    const fromLedger = await decide(service, recipientId, { ...OFFERS, consistency: 'ledger' });
    expect(fromLedger).toMatchObject({ eligible: false });
  });
});

/** With the official client, in a process of its own, since one process holds one client. */
async function tombstone(port: number, stream: string): Promise<void> {
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  const program = `
    import { EventStoreDBClient } from '@eventstore/db-client';
    const client = EventStoreDBClient.connectionString('esdb://127.0.0.1:${port}?tls=false');
    await client.tombstoneStream('${stream}');
    await client.dispose();
    process.exit(0);`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
}
