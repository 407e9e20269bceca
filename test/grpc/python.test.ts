import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { preparePython } from '../eventstore/official-clients/python-client.js';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { killLaunched, launchService } from '../support/process.js';

const python = preparePython('grpcio-tools==1.71.2', 'grpc_tools');
const interpreter = 'interpreter' in python ? python.interpreter : '';
if ('missing' in python) process.stdout.write(`the Python example is not run, for want of ${python.missing}\n`);

const run = interpreter === '' ? it.skip : it;
const PROTO = join(process.cwd(), 'libs', 'contracts', 'proto');
const PHONE = '+393330000401';

describe('the Python example of docs/grpc.md', () => {
  run(
    'asks, stops, asks again and filters',
    async () => {
      const [made, dataDir] = [
        mkdtempSync(join(tmpdir(), 'grpc-python-')),
        mkdtempSync(join(tmpdir(), 'grpc-python-')),
      ];
      const service = await launchService(dataDir);
      try {
        await registerAcme(service);
        await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(PHONE) }));
        const files = readdirSync(join(PROTO, 'consentledger', 'v1')).map((name) => `consentledger/v1/${name}`);
        const compile = ['-m', 'grpc_tools.protoc', '-I', PROTO, `--python_out=${made}`, `--grpc_python_out=${made}`];
        expect(spawnSync(interpreter, [...compile, ...files], { encoding: 'utf8' }).stderr).toBe('');
        const { grpc } = service.ports;
        const env = { PYTHONPATH: made, LEDGER: `localhost:${grpc}`, LEDGER_KEY: service.adminKey, BUSINESS: 'acme' };
        const script = join(process.cwd(), 'docs', 'examples', 'grpc', 'ask.py');
        const { stdout, stderr } = spawnSync(interpreter, [script, PHONE], { encoding: 'utf8', env });
        expect({ said: stdout.trim().split('\n'), stderr }).toEqual({
          said: [
            'before: True CONSENTED',
            'stopped: ConsentRevoked once',
            'after: False REVOKED',
            'filtered: first decision REVOKED',
          ],
          stderr: '',
        });
      } finally {
        await killLaunched();
        for (const directory of [made, dataDir]) rmSync(directory, { recursive: true, force: true });
      }
    },
    120_000,
  );
});
