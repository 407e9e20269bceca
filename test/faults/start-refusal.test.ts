import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, cpSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { registerAcme } from '../support/client.js';
import { killLaunched, launchRefused, launchService, type Environment, type RefusedStart } from '../support/process.js';
import { newDataDirectory, removeDataDirectories } from './data-directory.js';

const NOBODY = 65_534;

const isSuperuser = process.getuid?.() === 0;
const asNobody = isSuperuser ? it : it.skip;
if (!isSuperuser) process.stdout.write('start refusals: only the superuser can start a process as another user\n');

/** A refusal is one message for a person: it names the thing, ends the process, and shows no stack. */
function expectRefusal({ code, stderr, stdout }: RefusedStart, ...names: readonly (string | RegExp)[]): void {
  for (const name of names) expect(stderr).toMatch(name);
  expect(stderr).toMatch(/^consent-ledger cannot start: /);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(code).toBe(1);
  expect(stdout).not.toContain('"ready"');
}

describe('what the service does not start with', () => {
  let begun: string;

  /** A directory that a service ran on, as it was left: each test spoils a copy of its own. */
  const copy = () => {
    const dataDir = newDataDirectory();
    cpSync(begun, dataDir, { recursive: true });
    return dataDir;
  };
  const refused = (dataDir: string, env: Environment = {}) => launchRefused(dataDir, { env });

  beforeAll(async () => {
    begun = newDataDirectory();
    const service = await launchService(begun);
    await registerAcme(service);
    await service.process.kill('SIGTERM');
  });
  afterEach(() => killLaunched());
  afterAll(() => removeDataDirectories());

  asNobody('a data directory of another user, named with its path', async () => {
    const dataDir = copy();
    chmodSync(dataDir, 0o555);
    expectRefusal(await launchRefused(dataDir, { uid: NOBODY }), dataDir, 'check its path, its owner and its mode');
  });

  asNobody('a data directory that is read-only for its own user', async () => {
    const dataDir = copy();
    for (const name of ['', ...readdirSync(dataDir)]) chownSync(join(dataDir, name), NOBODY, NOBODY);
    chmodSync(dataDir, 0o555);
    expectRefusal(await launchRefused(dataDir, { uid: NOBODY }), dataDir);
  });

  asNobody('a data directory that cannot be made', async () => {
    const parent = newDataDirectory();
    chmodSync(parent, 0o755);
    const dataDir = join(parent, 'data');
    expectRefusal(await launchRefused(dataDir, { uid: NOBODY }), dataDir);
  });

  it('secrets that others may read', async () => {
    const dataDir = copy();
    chmodSync(join(dataDir, 'secrets.json'), 0o644);
    expectRefusal(await refused(dataDir), 'secrets.json', 'chmod 600');
  });

  it.each([
    ['HTTP', 'PORT'],
    ['metrics', 'METRICS_PORT'],
    ['gRPC', 'GRPC_PORT'],
  ])('a port of %s that is taken', async (_what, variable) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    expectRefusal(await refused(copy(), { [variable]: String(port) }), String(port));
    await new Promise((resolve) => taken.close(resolve));
  });

  it('a data directory that another process writes, named with its pid; that process goes on', async () => {
    const service = await launchService(copy());
    expectRefusal(await refused(service.dataDir), new RegExp(`\\b${service.process.pid}\\b`));
    expect((await fetch(`${service.base}/health/ready`)).status).toBe(200);
  });

  it.each(['PEPPER', 'KEY_ENCRYPTION_KEY'])('another %s than the ledger was begun with', async (variable) => {
    const another = randomBytes(32).toString('base64');
    const contradicting = await refused(copy(), { [variable]: another });
    expectRefusal(contradicting, variable);
    expect(contradicting.stderr).not.toContain(another);
  });

  it.each([
    ['pepper', /PEPPER/],
    ['keyEncryptionKey', /KEY_ENCRYPTION_KEY|key-encryption/i],
  ])('another %s in the secrets file', async (name, named) => {
    const dataDir = copy();
    const file = join(dataDir, 'secrets.json');
    const secrets = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    writeFileSync(file, JSON.stringify({ ...secrets, [name]: randomBytes(32).toString('base64') }));
    expectRefusal(await refused(dataDir), named);
  });

  it('secrets that are lost: it makes no new ones, also not the second time', async () => {
    const dataDir = copy();
    rmSync(join(dataDir, 'secrets.json'));
    for (let time = 1; time <= 2; time++) expectRefusal(await refused(dataDir), 'secrets.json', 'backup');
  });

  it('secrets that are garbled', async () => {
    const dataDir = copy();
    writeFileSync(join(dataDir, 'secrets.json'), '{"pepper": "');
    expectRefusal(await refused(dataDir), 'secrets.json');
  });

  it('a vault that is lost: it makes no new one, also not the second time', async () => {
    const dataDir = copy();
    for (const name of ['vault.db', 'vault.db-wal', 'vault.db-shm']) rmSync(join(dataDir, name), { force: true });
    for (let time = 1; time <= 2; time++) expectRefusal(await refused(dataDir), 'vault.db', 'backup');
  });

  it('the vault of another data directory, also under the same secrets', async () => {
    const [dataDir, other] = [copy(), newDataDirectory()];
    cpSync(join(dataDir, 'secrets.json'), join(other, 'secrets.json'));
    const secrets = JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')) as Record<string, string>;
    await (await launchService(other)).process.kill('SIGTERM');
    renameSync(join(other, 'vault.db'), join(dataDir, 'vault.db'));
    expectRefusal(await refused(dataDir), /vault/);
    expect(secrets).toEqual(JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')));
  });

  it('a ledger of a newer schema, of which not a byte changes', async () => {
    const dataDir = copy();
    const file = join(dataDir, 'ledger.db');
    const db = new Database(file);
    db.pragma('user_version = 99');
    db.close();
    expectRefusal(await refused(dataDir), 'ledger.db', '99');
    const again = new Database(file, { readonly: true });
    expect(again.pragma('user_version', { simple: true })).toBe(99);
    again.close();
  });

  it('a ledger that is no database', async () => {
    const dataDir = copy();
    writeFileSync(join(dataDir, 'ledger.db'), randomBytes(8_192));
    expectRefusal(await refused(dataDir), 'ledger.db');
  });

  it('a misspelt variable, a wrong value, and several faults at once', async () => {
    expectRefusal(await refused(newDataDirectory(), { APPEND_QUEU_MAX: '5' }), 'APPEND_QUEU_MAX', 'APPEND_QUEUE_MAX');
    expectRefusal(await refused(newDataDirectory(), { VIEW_MAX_LAG_MS: 'soon' }), 'VIEW_MAX_LAG_MS');
    const several = { PORT: '70000', PEPPER: 'short', TLS_CERT: '/nowhere.pem' };
    const refusal = await refused(newDataDirectory(), several);
    expectRefusal(refusal, 'PORT', 'PEPPER', 'TLS_CERT');
    expect(refusal.stderr).not.toContain('short');
  });

  it('and after each of these the directory as it was still serves', async () => {
    const service = await launchService(copy());
    expect((await fetch(`${service.base}/health/ready`)).status).toBe(200);
  });
});
