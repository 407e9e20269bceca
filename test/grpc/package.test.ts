import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { complaintsAbout, installPacked, ROOT } from '../support/packed.js';
import { killLaunched, launchService } from '../support/process.js';

const run = promisify(execFile);
const PHONE = '+393330000402';
const PACKAGE = { lib: 'client', name: '@consent-ledger/client', dependencies: ['@grpc/grpc-js'] };

describe('the package of the client', () => {
  let dir: string;
  let home: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'client-package-'));
    home = await installPacked(dir, PACKAGE);
  }, 120_000);
  afterAll(async () => {
    await killLaunched();
    rmSync(dir, { recursive: true, force: true });
  });

  it('depends on grpc-js alone and holds what the client reaches, with its types', () => {
    const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { dependencies: object };
    expect(Object.keys(manifest.dependencies)).toEqual(['@grpc/grpc-js']);
    const files = readdirSync(home, { recursive: true, encoding: 'utf8' });
    expect(files).toContain('libs/client/index.d.ts');
    expect(files.filter((file) => /test|contract\.js|package\/(main|plan)/.test(file))).toEqual([]);
    expect(readdirSync(join(home, 'libs')).sort()).toEqual(['client', 'grpc-messages', 'protobuf']);
  });

  it('compiles into a program of somebody who has none of our settings', async () => {
    const program = `
      import { LedgerClient, LedgerError, type Decision, type WatchResponse } from '@consent-ledger/client';
      const ledger = new LedgerClient({ address: 'ledger:50051', key: 'key', tls: 'system' });
      const recipient = { phone: '+39021234567' };
      const question = { businessId: 'acme', recipient, channel: 'whatsapp', purpose: 'offers' };
      const decision: Decision = await ledger.check(question).catch((error: LedgerError) => {
        throw new Error(error.code + error.grpcCode);
      });
      for await (const told of ledger.watch({ businessId: 'acme' })) console.log((told satisfies WatchResponse).position);
      // @ts-expect-error a recipient has no name
      await ledger.check({ ...question, recipient: { name: decision.reason } });
    `;
    expect(await complaintsAbout(dir, program)).toBe('');
  }, 120_000);

  it('asks, stops, asks again and filters, as the example of the documentation does', async () => {
    const service = await launchService(join(dir, 'data'));
    await registerAcme(service);
    await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(PHONE) }));
    cpSync(join(ROOT, 'docs/examples/grpc/ask.mjs'), join(dir, 'ask.mjs'));
    const env = { LEDGER: `localhost:${service.ports.grpc}`, LEDGER_KEY: service.adminKey, BUSINESS: 'acme' };
    const { stdout, stderr } = await run(process.execPath, ['ask.mjs', PHONE], { cwd: dir, env });
    expect({ said: stdout.trim().split('\n'), stderr }).toEqual({
      said: ['before: true CONSENTED', 'stopped: ConsentRevoked after: false REVOKED', 'filtered: first REVOKED'],
      stderr: '',
    });
  }, 120_000);
});
