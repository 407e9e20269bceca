import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { describeVault } from './contract.js';
import { SealInvalid, VaultUnavailable, type Unrouted, type Vault } from './port.js';
import { SecretsRefused } from './secret-file.js';
import { openSqliteVault, type OpenSqliteVaultOptions } from './sqlite-vault.js';

const KEY = Buffer.alloc(32, 1);
const ENTRY: Unrouted = {
  id: 'a',
  provider: 'whatsapp_cloud',
  reason: 'unreadable',
  kind: 'messages',
  receivedAt: '2026-03-01T00:00:00.000Z',
};

function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'vault-'));
}

describeVault('SQLite', async () => {
  const dataDir = newDirectory();
  return {
    open: () => openSqliteVault({ dataDir, keyEncryptionKey: KEY, limits: { cachedDataKeys: 2 } }),
    remove: async () => rmSync(dataDir, { recursive: true }),
  };
});

describe('the vault’s file', () => {
  let dataDir: string;
  let file: string;
  let opened: Vault[] = [];
  const open = async (options: Partial<OpenSqliteVaultOptions> = {}): Promise<Vault> => {
    const vault = await openSqliteVault({ dataDir, keyEncryptionKey: KEY, ...options });
    opened.push(vault);
    return vault;
  };
  beforeEach(() => {
    dataDir = newDirectory();
    file = join(dataDir, 'vault.db');
  });
  afterEach(async () => {
    await Promise.all(opened.map((vault) => vault.close()));
    opened = [];
    rmSync(dataDir, { recursive: true });
  });

  const filesOf = () => readdirSync(dataDir).filter((name) => name.startsWith('vault.db'));
  const bytes = () =>
    filesOf()
      .map((name) => readFileSync(join(dataDir, name)).toString('latin1'))
      .join('');

  it('is its owner’s alone, with its log', async () => {
    const vault = await open();
    await vault.seal('recipient', 'event', { address: 'x' });
    expect(filesOf()).toContain('vault.db-wal');
    for (const name of filesOf()) expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
  });

  it('holds no address, e-mail or text in the clear, in its log neither', async () => {
    const vault = await open();
    await vault.seal('recipient', 'event', { address: '+390212345671', email: 'ada@example.org', text: 'please stop' });
    await vault.keepUnrouted([
      { entry: ENTRY, body: '{"from":"390212345671","text":"please stop","to":"ada@example.org"}' },
    ]);
    for (const state of ['open', 'closed']) {
      expect([state, /390212345671|ada@example|please stop/.test(bytes())]).toEqual([state, false]);
      expect(bytes()).toContain('whatsapp_cloud');
      await vault.close();
    }
  });

  it('holds no data key in the clear: it is of no use without the key-encryption key', async () => {
    await (await open()).close();
    await expect(open({ keyEncryptionKey: Buffer.alloc(32, 2) })).rejects.toThrow(SecretsRefused);
    await expect(open({ keyEncryptionKey: Buffer.alloc(32, 2) })).rejects.toMatchObject({
      source: 'KEY_ENCRYPTION_KEY',
    });
    await (await open()).close();
  });

  it('overwrites what is deleted', async () => {
    const vault = await open();
    await vault.keepUnrouted([{ entry: { ...ENTRY, kind: 'a-kind-to-be-wiped' }, body: '' }]);
    await vault.dropUnrouted(['a']);
    await vault.close();
    expect(filesOf()).toEqual(['vault.db']);
    expect(bytes()).not.toContain('a-kind-to-be-wiped');
  });

  it('is written anew, at the start, with what an earlier process left in the log, also while others have it open', async () => {
    const killed = newDirectory();
    const earlier = await openSqliteVault({ dataDir: killed, keyEncryptionKey: KEY });
    const sealed = await earlier.seal('recipient', 'event', { text: 'x' });
    for (const name of ['vault.db', 'vault.db-wal']) cpSync(join(killed, name), join(dataDir, name));
    await earlier.close();
    rmSync(killed, { recursive: true });
    const backup = new Database(file, { readonly: true });
    backup.prepare('SELECT * FROM data_keys').all();
    const bytesOfLog = () => statSync(`${file}-wal`).size;
    expect(bytesOfLog()).toBeGreaterThan(0);
    const vault = await open();
    expect(bytesOfLog()).toBe(0);
    expect(await vault.open('recipient', 'event', sealed)).toEqual({ text: 'x' });
    backup.close();
  });

  it('gives an own id to each vault', async () => {
    const one = await open();
    await one.close();
    rmSync(file);
    const other = await open();
    await other.close();
    expect(other.vaultId).not.toBe(one.vaultId);
  });

  /** Alters the closed vault's file behind its back. */
  function alter(sql: string): void {
    const db = new Database(file);
    db.exec(sql);
    db.close();
  }

  it('throws where a stored key was put under another recipient, and seals nothing under it', async () => {
    const first = await open();
    const sealed = await first.seal('one', 'event', { text: 'x' });
    await first.seal('two', 'event', { text: 'x' });
    await first.close();
    alter(`UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE recipient_id = 'one')`);
    const vault = await open();
    await expect(vault.seal('two', 'event', { text: 'x' })).rejects.toThrow(SealInvalid);
    expect(await vault.open('one', 'event', sealed)).toEqual({ text: 'x' });
  });

  it('throws where the body of an unrouted delivery was put under another id, or cut short', async () => {
    const first = await open();
    await first.keepUnrouted(['a', 'b', 'c'].map((id) => ({ entry: { ...ENTRY, id }, body: id })));
    await first.close();
    alter(`UPDATE unrouted SET body = (SELECT body FROM unrouted WHERE id = 'a') WHERE id = 'b'`);
    alter(`UPDATE unrouted SET body = x'00' WHERE id = 'c'`);
    const vault = await open();
    await expect(vault.openUnrouted('b')).rejects.toThrow(SealInvalid);
    await expect(vault.openUnrouted('c')).rejects.toThrow(SealInvalid);
  });

  it('refuses a file of a newer program, and one that is no vault', async () => {
    await (await open()).close();
    alter('PRAGMA user_version = 99');
    await expect(open()).rejects.toThrow(/schema version 99/);
    rmSync(file);
    writeFileSync(file, 'no database, but long enough to be taken for one by its length'.repeat(20));
    await expect(open()).rejects.toThrow(VaultUnavailable);
  });

  it('turns further writes away when its queue is full, but never what an opt-out needs', async () => {
    const vault = await open({ limits: { queuedWrites: 1 } });
    const drops = await Promise.allSettled([1, 2, 3].map((id) => vault.dropUnrouted([String(id)])));
    expect(drops.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    const seals = Array.from({ length: 50 }, (_, index) => vault.seal(`recipient-${index}`, 'event', { text: 'x' }));
    expect(await Promise.all(seals)).toHaveLength(50);
  });
});
