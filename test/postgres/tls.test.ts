import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openOwnCertificate } from '#esdb-server';
import { openPostgres } from '#postgres';
import { registerAcme } from '../support/client.js';
import { startTestService } from '../support/service.js';
import { giveTo, unprivilegedAccount } from './account.js';
import { removePostgresServers, startPostgres, type PostgresServer } from './server.js';

const IS_ENCRYPTED = { name: 'tls', text: 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()' };

/** Of this machine too, and in no certificate. */
const ANOTHER_NAME = '127.0.0.2';

let directory: string;
let caFile: string;
let server: PostgresServer;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tls-'));
  const own = await openOwnCertificate({ dataDir: join(directory, 'ca'), now: new Date() });
  caFile = own.caFile;
  // Where the server's account may go, and with a key that is its alone: it refuses one that others can read.
  chmodSync(directory, 0o755);
  const place = join(directory, 'server');
  mkdirSync(place);
  const account = unprivilegedAccount();
  giveTo(account, place);
  const [cert, key] = [join(place, 'server.pem'), join(place, 'server.key')];
  for (const [file, text] of [
    [cert, own.cert],
    [key, own.key],
  ] as const) {
    writeFileSync(file, text, { mode: 0o600 });
    giveTo(account, file);
  }
  server = await startPostgres({
    settings: { listen_addresses: `127.0.0.1,${ANOTHER_NAME}`, ssl: 'on', ssl_cert_file: cert, ssl_key_file: key },
  });
}, 120_000);
afterAll(async () => {
  await removePostgresServers();
  rmSync(directory, { recursive: true, force: true });
});

const urlWith = (query: string) => `${server.url}?${query}`;
const trusting = () => urlWith(`sslmode=verify-full&sslrootcert=${caFile}`);

async function isEncrypted(url: string): Promise<unknown> {
  const postgres = openPostgres({ url });
  try {
    return (await postgres.query<[boolean]>(IS_ENCRYPTED))[0]?.[0];
  } finally {
    await postgres.close();
  }
}

describe('a server with a certificate', () => {
  it('is spoken to over TLS where the CA that the URL names has signed it', async () => {
    expect(await isEncrypted(trusting())).toBe(true);
    expect(await isEncrypted(`${trusting()}&options=-c%20work_mem%3D8MB`)).toBe(true);
  });

  it('is not spoken to where nobody trusted has signed it, or for another name', async () => {
    const untrusted = 'the server cannot be reached: UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    await expect(isEncrypted(urlWith('sslmode=verify-full'))).rejects.toThrow(untrusted);
    const renamed = 'the server cannot be reached: ERR_TLS_CERT_ALTNAME_INVALID';
    await expect(isEncrypted(trusting().replace('127.0.0.1', ANOTHER_NAME))).rejects.toThrow(renamed);
  });

  it('is refused at once, and not waited for, where the file of the CA cannot be read', async () => {
    const url = urlWith('sslmode=verify-full&sslrootcert=/nowhere/ca.pem');
    const refusal = { problem: 'REFUSED', message: 'a file that the URL of the database names cannot be read: ENOENT' };
    await expect(isEncrypted(url)).rejects.toMatchObject(refusal);
  });

  it('keeps vault and view of a service, and the tools do what they say of it', async () => {
    const dataDir = join(directory, 'data');
    const secret = () => randomBytes(32).toString('base64');
    const env = { DATABASE_URL: trusting(), PEPPER: secret(), KEY_ENCRYPTION_KEY: secret() };
    const service = await startTestService({ dataDir, env });
    const run = (program: string, ...args: string[]) => {
      const command = [join(process.cwd(), 'dist', 'apps', 'ledger', program), ...args];
      const options = { cwd: tmpdir(), env: { PATH: process.env.PATH, DATA_DIR: dataDir, ...env } };
      const { stdout, stderr, status } = spawnSync(process.execPath, command, { ...options, encoding: 'utf8' });
      return { says: `${stdout}${stderr}`, status };
    };
    try {
      await registerAcme(service);
      const backup = join(directory, 'backup');
      const rebuilt = run('view-rebuild.js');
      expect(rebuilt).toMatchObject({ says: expect.stringMatching(/rebuilt: [1-9]\d* events/), status: 0 });
      const kept = run('keeping/backup.js', '--to', backup);
      expect(kept).toMatchObject({ says: expect.stringContaining('the vault is in PostgreSQL'), status: 1 });
      const restored = run('keeping/restore.js', '--from', backup, '--to', join(directory, 'new'));
      expect(restored).toMatchObject({ says: expect.stringContaining('DATABASE_URL names a vault'), status: 1 });
    } finally {
      await service.stop();
    }
  }, 120_000);
});
