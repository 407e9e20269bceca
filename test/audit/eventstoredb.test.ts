import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { recipientIdsOf } from '../promises/support/service.js';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { audit } from './support.js';

/** The server of EventStoreDB's protocol over an embedded ledger, as a process of its own. */
async function serve(dataDir: string) {
  const program = join(process.cwd(), 'dist', 'apps', 'eventstore', 'main.js');
  const child = spawn(process.execPath, [program, '--port', '0', '--data', dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const { port } = JSON.parse(line) as { readonly port: number };
    const stop = async () => {
      child.kill('SIGTERM');
      await ended;
    };
    return { url: `esdb://127.0.0.1:${port}?tls=false`, stop };
  }
  throw new Error('the server did not become ready');
}

describe('audit over EventStoreDB', () => {
  const phone = '+393339000001';
  let service: TestService;
  let server: Awaited<ReturnType<typeof serve>>;
  let recipientId: string;

  beforeAll(async () => {
    service = await startTestService();
    await registerAcme(service);
    await must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(phone) }));
    await must(ask(service, 'POST', '/v1/businesses/acme/revocations', { body: { recipient: { phone } } }));
    recipientId = (await recipientIdsOf(service, [{ phone }]))[0] ?? '';
    await service.running.close();
    server = await serve(service.dataDir);
  });
  afterAll(async () => {
    await server.stop();
    await service.stop();
  });

  it.each([
    ['the whole ledger', ['replay']],
    ['one type of event in a span', ['replay', '--type', 'ConsentGranted', '--since', '2026-01-01', '--format', 'csv']],
  ])('replays %s as over the directory', async (_what, args) => {
    const there = await audit([...args, '--from', server.url]);
    expect(there).toEqual(await audit([...args, '--data', service.dataDir]));
    expect(there.code).toBe(0);
    expect(there.stdout.split('\n').length).toBeGreaterThan(1);
  });

  it('explains as over the directory, with the pepper of DATA_DIR', async () => {
    const question = ['--business', 'acme', '--channel', 'whatsapp', '--purpose', 'offers', '--at', '2026-12-01'];
    const env = { EVENTSTORE_URL: server.url, DATA_DIR: service.dataDir };
    const there = await audit(['explain', ...question], { env, input: phone });
    expect(there).toEqual(await audit(['explain', ...question, '--recipient', recipientId, '--data', service.dataDir]));
    expect(there.stdout).toContain('"reason":"CONSENTED"');
    expect(there.stdout).toContain('"reason":"REVOKED"');
  });

  it('takes the address from a file, and in the environment of a replica, without its secrets', async () => {
    const file = join(service.dataDir, 'address.txt');
    writeFileSync(file, `${server.url}\n`);
    const replica = { DATABASE_URL: 'postgres://127.0.0.1:9/consent', ROLES: 'commands', DATA_DIR: file };
    const wanted = await audit(['replay', '--data', service.dataDir]);
    expect(await audit(['replay'], { env: { ...replica, EVENTSTORE_URL_FILE: file } })).toEqual(wanted);
    expect(await audit(['replay'], { env: { ...replica, EVENTSTORE_URL: server.url } })).toEqual(wanted);
    const misspelt = await audit(['replay'], { env: { EVENTSTORE_ULR: server.url } });
    expect([misspelt.code, misspelt.stderr]).toEqual([1, expect.stringContaining('did you mean EVENTSTORE_URL?')]);
  });

  it('fails in words without the password where no server answers, or the address is none', async () => {
    const away = await audit(['replay', '--from', 'esdb://auditor:hunter2@127.0.0.1:9?tls=false']);
    expect([away.code, away.stdout]).toEqual([1, '']);
    const none = await audit(['replay', '--from', 'esdb://auditor:hunter2@?nonsense=hunter2']);
    expect(none.code).not.toBe(0);
    expect(none.stdout).toBe('');
    const lost = await audit(['replay', '--from', 'esdb://auditor:hunter2@127.0.0.1:9?tlsCAFile=/no/such/ca.crt']);
    expect([lost.code, lost.stderr]).toEqual([2, expect.stringContaining('a certificate file')]);
    const misplaced = await audit(['replay'], { env: { DATA_DIR: 'esdb://auditor:hunter2@127.0.0.1:9' } });
    expect([misplaced.code, misplaced.stderr]).toEqual([2, expect.stringContaining('names a directory')]);
    const said = [away, none, lost, misplaced].map(({ stderr }) => stderr).join('');
    expect(said).not.toContain('hunter2');
  });
});
