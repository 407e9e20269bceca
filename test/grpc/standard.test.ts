import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client, credentials, status } from '@grpc/grpc-js';
import { openOwnCertificate } from '#esdb-server';
import { startTestService, type TestService } from '../support/service.js';
import { checkHealth, healthClient } from './health-client.js';
import { GrpcClient } from './support.js';

let service: TestService;
let address: string;
let ca: Buffer;

/** The whole service with TLS, as a cluster's tools see it. */
beforeAll(async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'consent-ledger-grpc-'));
  const { cert, key, caFile } = await openOwnCertificate({ dataDir, hosts: ['localhost'], now: new Date() });
  ca = readFileSync(caFile);
  service = await startTestService({ env: { TLS_CERT: cert.toString(), TLS_KEY: key.toString() } });
  address = `localhost:${service.running.ports.grpc}`;
});

afterAll(() => service.stop());

const secure = () => credentials.createSsl(ca);

it('speaks TLS, and with nobody who does not', async () => {
  const question = {
    businessId: 'nobody',
    recipient: { phone: '+393330000001' },
    channel: 'whatsapp',
    purpose: 'offers',
  };
  const [sealed, open] = [secure(), credentials.createInsecure()].map(
    (channel) => new GrpcClient({ port: service.running.ports.grpc, key: service.adminKey }, channel),
  ) as [GrpcClient, GrpcClient];
  expect((await sealed.call('Check', question)).code).toBe('BUSINESS_NOT_FOUND');
  expect((await open.call('Check', question, { options: { deadline: Date.now() + 2_000 } })).grpc).toBe(
    status.UNAVAILABLE,
  );
  for (const client of [sealed, open]) client.close();
});

it('says whether it serves, as a cluster asks', async () => {
  const client = healthClient(address, secure());
  expect(await checkHealth(client, '')).toBe('SERVING');
  expect(await checkHealth(client, 'consentledger.v1.ConsentService')).toBe('SERVING');
  expect(await checkHealth(client, 'consentledger.v1.Nobody')).toBe(String(status.NOT_FOUND));
  const watch = client.watch({ service: 'consentledger.v1.EligibilityService' });
  expect(await once(watch, 'data')).toEqual([{ status: 'SERVING' }]);
  const told = once(watch, 'data');
  const { view } = service.running.parts;
  await view.close();
  expect(await told).toEqual([{ status: 'NOT_SERVING' }]);
  expect(await checkHealth(client, '')).toBe('NOT_SERVING');
  watch.on('error', () => undefined);
  watch.cancel();
  client.close();
});

it('shows its contract to tools that ask by reflection', async () => {
  const client = new Client(address, secure());
  const asBytes = (bytes: Buffer) => bytes;
  const stream = client.makeBidiStreamRequest(
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    asBytes,
    asBytes,
  );
  // ServerReflectionRequest { list_services: "*" }
  stream.write(Buffer.from([0x3a, 1, 0x2a]));
  const [listed] = (await once(stream, 'data')) as [Buffer];
  for (const name of ['EligibilityService', 'ConsentService', 'ChangeService']) {
    expect(listed.toString('latin1')).toContain(`consentledger.v1.${name}`);
  }
  stream.end();
  client.close();
});
