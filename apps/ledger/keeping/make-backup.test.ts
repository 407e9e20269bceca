import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openSqliteStore, startLedger } from '#event-store';
import { readConfig } from '#platform';
import { fingerprintOf, openAdminKey, openSecrets, openSqliteVault } from '#vault';
import { makeBackup } from './make-backup.js';
import { Bar } from './tool.js';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'backup-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const dataDir = () => join(directory, 'data');

/** A data directory whose secrets were made at its first start; answers them as they would be configured. */
async function begin(): Promise<Record<string, string>> {
  const store = await openSqliteStore({ dataDir: dataDir(), diskReserveMb: 0 });
  const secrets = openSecrets({ dataDir: dataDir(), ledgerExists: false, vaultExists: false });
  const { pepper, keyEncryptionKey } = secrets;
  const vault = await openSqliteVault({ dataDir: dataDir(), keyEncryptionKey });
  const fingerprints = {
    PEPPER: fingerprintOf(pepper),
    KEY_ENCRYPTION_KEY: fingerprintOf(keyEncryptionKey),
    vault: fingerprintOf(vault.vaultId),
  };
  await startLedger(store, { now: new Date(0), fingerprints });
  await vault.close();
  await store.close();
  return {
    PEPPER: pepper.toString('base64'),
    KEY_ENCRYPTION_KEY: keyEncryptionKey.toString('base64'),
    ADMIN_KEY: openAdminKey({ dataDir: dataDir() }).key,
  };
}

/** What is in a backup made with these settings. */
async function backedUp(settings: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const to = join(directory, 'backup');
  await makeBackup(readConfig({ DATA_DIR: dataDir(), ...settings }), to, new Bar('backup'));
  const { files } = JSON.parse(readFileSync(join(to, 'manifest.json'), 'utf8')) as { files: object };
  const names = readdirSync(to).sort();
  expect([...Object.keys(files), 'manifest.json'].sort()).toEqual(names);
  return names;
}

const ALWAYS = ['ledger.db', 'manifest.json', 'vault.db'];

describe('the secrets in a backup', () => {
  it('are those that are not configured', async () => {
    await begin();
    expect(await backedUp({})).toEqual(['admin.key', ...ALWAYS.slice(0, 2), 'secrets.json', 'vault.db']);
  });

  it('are none where all are configured, though their files are left over from before', async () => {
    expect(await backedUp(await begin())).toEqual(ALWAYS);
  });

  it('stay in it where one of two in a file is not configured', async () => {
    const { PEPPER = '', ADMIN_KEY = '' } = await begin();
    expect(await backedUp({ PEPPER, ADMIN_KEY })).toEqual([...ALWAYS.slice(0, 2), 'secrets.json', 'vault.db']);
  });
});
