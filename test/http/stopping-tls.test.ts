import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { openOwnCertificate } from '#esdb-server';
import { startTestService } from '../support/service.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'consent-ledger-stopping-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Connects, and says nothing. */
async function stayAtTheDoor(port: number) {
  const silent = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(silent, 'connect');
  // They are let in in turn: once this one speaks TLS, the silent one is in.
  const other = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] });
  await once(other, 'secureConnect');
  other.destroy();
  return silent;
}

it('does not wait for who has connected and never begins to speak TLS', async () => {
  const { cert, key } = await openOwnCertificate({ dataDir: directory, now: new Date() });
  const env = { TLS_CERT: String(cert), TLS_KEY: String(key), SHUTDOWN_TIMEOUT_MS: '1000' };
  const service = await startTestService({ env });
  const { http, grpc } = service.running.ports;
  const silent = [await stayAtTheDoor(http), await stayAtTheDoor(grpc)];
  try {
    await expect(service.stop()).resolves.toBeUndefined();
  } finally {
    for (const one of silent) one.destroy();
  }
}, 60_000);
