import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EMPTY_STATE } from '#consent';
import { viewStoreContract } from './contract.js';
import { DamagedRows } from './damaged-rows.js';
import { RowCache } from './row-cache.js';
import { SqliteView } from './sqlite-view.js';
import { openViewDatabase } from './view-database.js';

const ledgerId = 'ledger';

viewStoreContract(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'view-'));
  const file = join(directory, 'view-1.db');
  return {
    ledgerId,
    open: async () => new SqliteView({ file, ledgerId, cacheEntries: 100 }),
    remove: async () => rmSync(directory, { recursive: true }),
  };
});

describe('a view file', () => {
  let directory: string;
  const open = (id = ledgerId) => new SqliteView({ file: join(directory, 'view-1.db'), ledgerId: id, cacheEntries: 8 });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'view-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is for its owner alone', async () => {
    await open().close();
    expect(statSync(join(directory, 'view-1.db')).mode & 0o777).toBe(0o600);
  });

  it('of another ledger is not used', async () => {
    await open().close();
    expect(() => open('another')).toThrow(expect.objectContaining({ why: 'FOREIGN_LEDGER' }));
  });

  it('that is no database is not used', () => {
    writeFileSync(join(directory, 'view-1.db'), 'this is not a database, however long one looks at it'.repeat(100));
    expect(() => open()).toThrow(expect.objectContaining({ why: 'DAMAGED' }));
  });

  it('with pages overwritten is not used', async () => {
    const view = open();
    const rows = Array.from({ length: 500 }, (_, n) => [`r${n}`, { businessId: 'acme', state: EMPTY_STATE }] as const);
    await view.commit({ recipients: new Map(rows), businesses: new Map(), from: undefined, to: 'ledger.1' });
    await view.close();
    const file = join(directory, 'view-1.db');
    const bytes = readFileSync(file);
    bytes.fill(0xee, bytes.length - 3 * 4_096);
    writeFileSync(file, bytes);
    expect(() => open()).toThrow(expect.objectContaining({ why: 'DAMAGED' }));
  });
});

describe('a row that cannot be read', () => {
  it('stays as it was written while its recipient was read from the ledger', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'view-'));
    const row = { businessId: 'acme', state: EMPTY_STATE };
    const changes = { recipients: new Map([['r1', row]]), businesses: new Map(), from: undefined, to: 'ledger.1' };
    let written = false;
    const readStream = async () => {
      if (!written) await view.commit(changes);
      written = true;
      return [];
    };
    const damagedRows = new DamagedRows({ readStream }, () => undefined);
    const file = join(directory, 'view-1.db');
    const view = new SqliteView({ file, ledgerId, cacheEntries: 8, damagedRows });
    const db = openViewDatabase(file, ledgerId);
    db.exec(`INSERT INTO recipients VALUES ('r1', 'acme', '{}')`);
    db.close();
    expect(await view.read(['r1'])).toStrictEqual({ position: 'ledger.1', rows: [row] });
    expect(written).toBe(true);
    await view.close();
    rmSync(directory, { recursive: true });
  });
});

describe('the cache of rows', () => {
  const row = { businessId: 'acme', state: EMPTY_STATE };

  it('holds no more than twice its bound and keeps what is read', () => {
    const cache = new RowCache(100);
    cache.put('wanted', row);
    for (let n = 0; n < 1_000; n += 1) {
      cache.put(`r${n}`, row);
      expect(cache.get('wanted')).toBe(row);
      expect(cache.size).toBeLessThanOrEqual(200);
    }
    expect(cache.get('r0')).toBeUndefined();
  });

  it('replaces only what it holds', () => {
    const cache = new RowCache(6);
    const changed = { ...row, businessId: 'zeta' };
    for (const recipientId of ['r1', 'r2', 'r3']) cache.put(recipientId, row);
    for (const recipientId of ['r1', 'r3', 'r9']) cache.replace(recipientId, changed);
    expect(['r1', 'r2', 'r3', 'r9'].map((id) => cache.get(id))).toStrictEqual([changed, row, changed, undefined]);
  });
});
