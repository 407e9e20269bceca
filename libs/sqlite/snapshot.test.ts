import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDatabase, snapshotDatabase, type SqliteDatabase } from './index.js';

let directory = '';
let db: SqliteDatabase;
const file = () => join(directory, 'original.db');
const copy = () => join(directory, 'copy.db');

const options = {
  synchronous: 'NORMAL',
  schemaVersion: 1,
  migrate: (one: SqliteDatabase) => void one.exec('CREATE TABLE numbers (n INTEGER PRIMARY KEY, filler BLOB)'),
} as const;

function add(count: number): void {
  const insert = db.prepare('INSERT INTO numbers (filler) VALUES (zeroblob(3000))');
  db.transaction(() => {
    for (let n = 0; n < count; n += 1) insert.run();
  })();
}

function countIn(database: string): unknown {
  const opened = openDatabase(database, { ...options, readOnly: true });
  try {
    return opened.prepare('SELECT count(*) FROM numbers').pluck().get();
  } finally {
    opened.close();
  }
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'snapshot-'));
  db = openDatabase(file(), options);
});
afterEach(() => {
  db.close();
  rmSync(directory, { recursive: true });
});

describe('snapshotDatabase', () => {
  it('holds what was there when it began, however much is written meanwhile', async () => {
    add(5_000);
    const shares: number[] = [];
    await snapshotDatabase(file(), copy(), {
      onProgress: (done, total) => {
        shares.push(done / total);
        add(10);
      },
    });
    expect(countIn(copy())).toBe(5_000);
    expect(countIn(file())).toBeGreaterThanOrEqual(5_000 + 10 * shares.length);
    expect(shares.length).toBeGreaterThan(3);
    expect(shares).toEqual([...shares].sort((one, other) => one - other));
    expect(shares.at(-1)).toBe(1);
  });

  it('is one file that only its owner may read, and takes in what is still in the log', async () => {
    add(3);
    await snapshotDatabase(file(), copy());
    expect(statSync(copy()).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).filter((name) => name.startsWith('copy'))).toEqual(['copy.db']);
    expect(countIn(copy())).toBe(3);
    expect(readdirSync(directory).filter((name) => name.startsWith('copy'))).toEqual(['copy.db']);
  });

  it('says which file it cannot use', async () => {
    await expect(snapshotDatabase(join(directory, 'none.db'), copy())).rejects.toThrow(/none\.db/);
    const text = join(directory, 'text.db');
    writeFileSync(text, 'this is no database, and long enough not to be taken for an empty one');
    await expect(snapshotDatabase(text, copy())).rejects.toThrow(/text\.db: the file is not a readable database/);
  });
});
