import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { openOwnCertificate } from '#esdb-server';
import { readConfig } from '#platform';
import { openWaitingRoom } from './waiting-room.js';

let dataDir: string;
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'waiting-room-'));
});
afterAll(() => rmSync(dataDir, { recursive: true }));

it('leaves its port at once, whoever has only just connected', async () => {
  const { cert, key, caFile } = await openOwnCertificate({ dataDir, now: new Date() });
  const env = { DATA_DIR: dataDir, HOST: '127.0.0.1', PORT: '0', TLS_CERT: String(cert), TLS_KEY: String(key) };
  const room = await openWaitingRoom(readConfig(env));
  const silent = connect(room.port, '127.0.0.1');
  await once(silent, 'connect');
  const silentIsGone = once(silent, 'close');
  // They are let in in turn: once this one is answered, the silent one is in.
  const asked = request({ port: room.port, host: 'localhost', path: '/health/live', ca: readFileSync(caFile) }).end();
  const [answer] = (await once(asked, 'response')) as [{ statusCode: number }];
  expect(answer.statusCode).toBe(200);
  const askedIsGone = once(asked, 'close');
  asked.on('error', () => undefined);
  await room.close();
  await Promise.all([silentIsGone, askedIsGone]);
});
