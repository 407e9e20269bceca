import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { extendLog, openDatabase, workerUrl, type SqliteDatabase } from './index.js';

const PAGES = 50;
const PAGE_BYTES = 4_096 + 24;
const HEADER_BYTES = 32;

const canLimit = spawnSync('prlimit', ['--version']).status === 0;
const withLimits = canLimit ? it : it.skip;
if (!canLimit) process.stdout.write('extending a log: skipped a limit, there is no prlimit here\n');

let directory = '';
let db: SqliteDatabase;
const logBytes = () => statSync(`${db.name}-wal`).size;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'log-'));
  db = openDatabase(join(directory, 'notes.db'), {
    synchronous: 'FULL',
    schemaVersion: 1,
    migrate: (made) => made.exec('CREATE TABLE notes (text TEXT)'),
  });
});
afterEach(() => {
  db.close();
  rmSync(directory, { recursive: true });
});

/** The same in a process none of whose files can grow past so many bytes, as under a quota that is used up. */
function extendUnderLimit(bytes: number): void {
  const program = `
    const { extendLog, openDatabase } = await import('${workerUrl(import.meta.url, './index.js').href}');
    extendLog(openDatabase('${db.name}', { synchronous: 'FULL', schemaVersion: 1 }), ${PAGES});`;
  const node = [process.execPath, '--input-type=module', '-e', program];
  execFileSync('prlimit', [`--fsize=${bytes}`, ...node], { stdio: 'pipe' });
}

describe('a log that is extended', () => {
  it('has its blocks, and what was written stays readable', () => {
    db.exec("INSERT INTO notes VALUES ('before')");
    extendLog(db, PAGES);
    expect(logBytes()).toBe(HEADER_BYTES + PAGES * PAGE_BYTES);
    db.exec("INSERT INTO notes VALUES ('after')");
    expect(db.prepare('SELECT text FROM notes').pluck().all()).toEqual(['before', 'after']);
  });

  it('stays as it is where the disk would have too little left', () => {
    const before = logBytes();
    extendLog(db, PAGES, Infinity);
    expect(logBytes()).toBe(before);
  });

  withLimits('gives back what it took where there turns out to be no room', () => {
    const before = logBytes();
    extendUnderLimit(before + 10 * PAGE_BYTES);
    expect(logBytes()).toBe(before);
    db.exec("INSERT INTO notes VALUES ('after')");
    expect(db.prepare('SELECT text FROM notes').pluck().all()).toEqual(['after']);
  });
});
