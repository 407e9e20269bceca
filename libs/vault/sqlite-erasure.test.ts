import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { VaultUnavailable, type Vault } from './port.js';
import { openSqliteVault } from './sqlite-vault.js';

const KEY = Buffer.alloc(32, 1);
const PERSONAL = { address: '+39 02 1234567' };
/** Enough that pages of the table are split and joined, and the log is moved in the background now and then. */
const PEOPLE = 3_000;
const ERASED = 40;

describe('the vault’s file after an erasure', () => {
  let dataDir: string;
  let vault: Vault;
  const open = (emptyLogMs = 5_000) => openSqliteVault({ dataDir, keyEncryptionKey: KEY, limits: { emptyLogMs } });
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'vault-'));
    vault = await open();
  });
  afterEach(async () => {
    await vault.close();
    rmSync(dataDir, { recursive: true });
  });

  function reader(): Database.Database {
    return new Database(join(dataDir, 'vault.db'), { readonly: true, fileMustExist: true });
  }

  function wrappedKeys(): ReadonlyMap<string, Buffer> {
    const db = reader();
    const rows = db.prepare<[], { recipient_id: string; wrapped: Buffer }>('SELECT * FROM data_keys').all();
    db.close();
    return new Map(rows.map(({ recipient_id, wrapped }) => [recipient_id, wrapped]));
  }

  const bytes = () =>
    Buffer.concat(
      readdirSync(dataDir)
        .filter((name) => name.startsWith('vault.db'))
        .map((name) => readFileSync(join(dataDir, name))),
    );

  /** A part of it tells as much as the whole: each twelve bytes in a row are looked for. */
  function isSomewhere(wrapped: Buffer, all: Buffer): boolean {
    return Array.from({ length: wrapped.length - 11 }, (_, at) => wrapped.subarray(at, at + 12)).some((part) =>
      all.includes(part),
    );
  }

  it('holds no part of a destroyed key, while the vault is open, and neither does its log', async () => {
    const people = Array.from({ length: PEOPLE }, (_, n) => `person-${(n * 7919) % PEOPLE}`);
    await Promise.all(people.map((id) => vault.seal(id, 'event', PERSONAL)));
    const keys = wrappedKeys();
    const erased = people.slice(0, ERASED);
    const before = bytes();
    for (const id of erased) expect(isSomewhere(keys.get(id) as Buffer, before)).toBe(true);
    await Promise.all(erased.map((id) => vault.eraseRecipient(id, `erasure of ${id}`)));
    const after = bytes();
    for (const id of erased) expect(isSomewhere(keys.get(id) as Buffer, after)).toBe(false);
    expect(isSomewhere(keys.get(people.at(-1) as string) as Buffer, after)).toBe(true);
  });

  it('holds the key as long as somebody reads its log: the erasure is not answered, and ends once it is asked again', async () => {
    await vault.close();
    vault = await open(200);
    await vault.seal('one', 'event', PERSONAL);
    const wrapped = wrappedKeys().get('one') as Buffer;
    const backup = reader();
    backup.exec('BEGIN');
    backup.prepare('SELECT count(*) FROM data_keys').get();
    await expect(vault.eraseRecipient('one', 'erasure')).rejects.toThrow(VaultUnavailable);
    expect(isSomewhere(wrapped, bytes())).toBe(true);
    expect(await vault.listAnnouncedErasures()).toMatchObject([{ eventId: 'erasure' }]);
    // Others are not kept waiting for it meanwhile, nor is the person, who may come back.
    await vault.seal('other', 'event', PERSONAL);
    const anew = await vault.seal('one', 'event', PERSONAL);
    backup.close();
    expect(await vault.listAnnouncedErasures()).toMatchObject([{ eventId: 'erasure', isOver: false }]);
    await vault.withdrawErasure('erasure');
    expect(await vault.eraseRecipient('one', 'erasure')).toBe(true);
    expect(isSomewhere(wrapped, bytes())).toBe(false);
    expect(await vault.listAnnouncedErasures()).toEqual([]);
    expect(await vault.open('one', 'event', anew)).toEqual(PERSONAL);
  });

  it('is one that an older program can have begun', async () => {
    const sealed = await vault.seal('one', 'event', PERSONAL);
    await vault.close();
    const db = new Database(join(dataDir, 'vault.db'));
    db.exec('DROP TABLE erasures; ALTER TABLE data_keys DROP COLUMN life; PRAGMA user_version = 1');
    db.close();
    vault = await open();
    expect(await vault.open('one', 'event', sealed)).toEqual(PERSONAL);
    await vault.eraseRecipient('one', 'erasure');
    expect(await vault.open('one', 'event', sealed)).toBeUndefined();
    expect(await vault.open('one', 'event', await vault.seal('one', 'event', PERSONAL))).toEqual(PERSONAL);
  });
});
