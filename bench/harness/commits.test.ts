import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { commitsOf } from './commits.js';

describe('the commits of a SQLite file', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'consent-ledger-bench-test-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('are one for each transaction, however much it writes', () => {
    const file = join(dir, 'some.db');
    const db = new Database(file);
    db.pragma('journal_mode = WAL');
    db.exec('CREATE TABLE t (n INTEGER)');
    const insert = db.prepare('INSERT INTO t VALUES (1)');
    const before = commitsOf(file);
    for (let n = 0; n < 5; n++) insert.run();
    expect(commitsOf(file) - before).toBe(5);
    db.transaction(() => {
      for (let n = 0; n < 100; n++) insert.run();
    })();
    expect(commitsOf(file) - before).toBe(6);
    db.pragma('wal_checkpoint(TRUNCATE)');
    insert.run();
    expect(commitsOf(file) - before).toBe(7);
    db.close();
  });

  it('cannot be told of a file that nobody has open', () => {
    expect(() => commitsOf(join(dir, 'none.db'))).toThrow('ENOENT');
  });
});
