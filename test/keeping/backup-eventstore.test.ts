import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { EventStoreProcess } from '../eventstore/server-process.js';
import { newDataDirectory, removeDataDirectories } from '../faults/data-directory.js';
import { recipientIdsOf, timelineOf } from '../faults/record.js';
import { decide } from '../faults/verdicts.js';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { killLaunched, launchService } from '../support/process.js';
import { mustRun } from './tools.js';

let server: EventStoreProcess | undefined;

afterAll(async () => {
  await killLaunched();
  await server?.remove();
  removeDataDirectories();
});

it('a ledger in EventStoreDB is backed up with its vault, and restored as an embedded one', async () => {
  server = await EventStoreProcess.launch();
  const secrets = {
    PEPPER: randomBytes(32).toString('base64'),
    KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  };
  const env = { ...secrets, EVENTSTORE_URL: server.url };
  const service = await launchService(newDataDirectory(), { env });
  await registerAcme(service);
  const [agreed, stopped] = ['+393331111111', '+393332222222'];
  for (const phone of [agreed, stopped]) {
    await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(phone) }));
  }
  const body = { recipient: { phone: stopped }, reason: 'too many' };
  await must(ask(service, 'POST', '/v1/businesses/acme/revocations', { body }));

  const place = newDataDirectory();
  const [backup, restored] = [join(place, 'backup'), join(place, 'restored')];
  await mustRun('backup', { to: backup }, { ...env, DATA_DIR: service.dataDir });
  expect(readdirSync(backup).sort()).toEqual(['admin.key', 'ledger.db', 'manifest.json', 'vault.db']);
  await mustRun('restore', { from: backup, to: restored }, secrets);

  const again = await launchService(restored, { env: secrets });
  const recipientIds = await recipientIdsOf(again, [agreed, stopped]);
  const asked = { channel: 'whatsapp', purpose: 'offers' };
  const reasons = await Promise.all(recipientIds.map(async (id) => (await decide(again, id, asked)).reason));
  expect(reasons).toEqual(['CONSENTED', 'REVOKED']);
  const [, revocation] = await timelineOf(again, recipientIds[1] ?? '');
  expect(revocation?.personal).toMatchObject({ reason: 'too many' });
}, 90_000);
