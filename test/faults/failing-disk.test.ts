import { execFileSync, spawnSync } from 'node:child_process';
import { afterEach, expect, it } from '@jest/globals';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { killLaunched, launchService, type ServiceProcess } from '../support/process.js';
import { newDataDirectory, removeDataDirectories } from './data-directory.js';
import { recipientIdsOf } from './record.js';
import { until } from './until.js';
import { decide } from './verdicts.js';

const PHONE = '+393336700001';

const { status } = spawnSync('prlimit', ['--version']);
const withLimits = status === 0 ? it : it.skip;
if (status !== 0) process.stdout.write('failing disk: skipped, there is no prlimit here\n');

afterEach(async () => {
  await killLaunched();
  removeDataDirectories();
});

/** From now on the process can write no file beyond so many bytes, which SQLite takes for a disk that fails. */
function limitFiles(service: ServiceProcess, bytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(service.process.pid), `--fsize=${bytes}:`]);
}

interface Ledger {
  readonly writable: boolean;
  readonly problem?: string;
}

withLimits(
  'a disk that takes no writes is told of by health, which finds out by itself when it takes them again',
  async () => {
    const service = await launchService(newDataDirectory());
    await registerAcme(service);
    const grant = () => ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(PHONE) });
    const health = async () => {
      const { status: code, body } = await ask(service, 'GET', '/health/ready', { key: '' });
      return { code, ledger: (body.dependencies as unknown as { ledger: Ledger }).ledger };
    };
    await must(grant());
    limitFiles(service, 4_096);
    const refused = await grant();
    expect([refused.status, refused.body.code]).toEqual([503, 'LEDGER_UNAVAILABLE']);
    expect(await health()).toMatchObject({
      code: 503,
      ledger: { writable: false, problem: expect.stringMatching(/disk/) },
    });
    const [recipientId = ''] = await recipientIdsOf(service, [PHONE]);
    const question = { channel: 'whatsapp', purpose: 'offers' };
    expect(await decide(service, recipientId, question)).toMatchObject({ reason: 'CONSENTED' });
    limitFiles(service, 'unlimited');
    await until('health is well again', async () => ((await health()).code === 200 ? true : undefined));
    expect((await health()).ledger).not.toHaveProperty('problem');
    await must(grant());
  },
);
