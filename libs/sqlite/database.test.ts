import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDatabase, StorageError, workerUrl, type OpenDatabaseOptions } from './index.js';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sqlite-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const schema: OpenDatabaseOptions = {
  synchronous: 'FULL',
  schemaVersion: 2,
  migrate: (db, from) => {
    if (from < 1) db.exec('CREATE TABLE notes (text TEXT)');
    if (from < 2) db.exec('ALTER TABLE notes ADD COLUMN author TEXT');
  },
};

describe('openDatabase', () => {
  const file = () => join(directory, 'notes.db');

  it('makes a private WAL database of the wanted schema version', () => {
    const db = openDatabase(file(), schema);
    db.exec("INSERT INTO notes VALUES ('a', 'b')");
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(db.pragma('synchronous', { simple: true })).toBe(2);
    expect(db.pragma('user_version', { simple: true })).toBe(2);
    expect(['', '-wal', '-shm'].map((end) => statSync(file() + end).mode & 0o777)).toEqual([0o600, 0o600, 0o600]);
    db.close();
  });

  it('brings an older file up to date and keeps its rows', () => {
    const old = openDatabase(file(), { ...schema, schemaVersion: 1, migrate: (db) => schema.migrate(db, 0) });
    old.close();
    const older = openDatabase(join(directory, 'older.db'), {
      ...schema,
      schemaVersion: 1,
      migrate: (db) => db.exec("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('kept')"),
    });
    older.close();
    const db = openDatabase(join(directory, 'older.db'), schema);
    expect(db.prepare('SELECT * FROM notes').all()).toEqual([{ text: 'kept', author: null }]);
    db.close();
  });

  it('refuses a newer file, with its name and both versions', () => {
    openDatabase(file(), { ...schema, schemaVersion: 7 }).close();
    expect(() => openDatabase(file(), schema)).toThrow(/notes\.db has schema version 7, this program knows 2/);
  });

  it('refuses to read an older file, which only a writer may change', () => {
    openDatabase(file(), { ...schema, schemaVersion: 1, migrate: () => undefined }).close();
    expect(() => openDatabase(file(), { ...schema, readOnly: true })).toThrow(/schema version 1/);
  });

  it('leaves no half-made schema behind a migration that throws', () => {
    const migrate: OpenDatabaseOptions['migrate'] = (db) => {
      db.exec('CREATE TABLE half (x)');
      throw new Error('stopped');
    };
    expect(() => openDatabase(file(), { ...schema, migrate })).toThrow('stopped');
    const db = openDatabase(file(), schema);
    expect(db.prepare("SELECT count(*) AS n FROM sqlite_master WHERE name = 'half'").get()).toEqual({ n: 0 });
    db.close();
  });

  it('names what is no database, and what is not there', () => {
    writeFileSync(file(), 'these are a few words and no database at all, repeated '.repeat(50));
    expect(() => openDatabase(file(), schema)).toThrow(/notes\.db: the file is not a readable database/);
    expect(() => openDatabase(join(directory, 'none.db'), { ...schema, readOnly: true })).toThrow(StorageError);
  });
});

describe('workerUrl', () => {
  it('is the sibling of a compiled module', () => {
    expect(workerUrl('file:///opt/dist/libs/sqlite/a.js', './writer.js').href).toBe(
      'file:///opt/dist/libs/sqlite/writer.js',
    );
  });

  it('is the compiled file in dist/ where the module is TypeScript', () => {
    expect(workerUrl(import.meta.url, './writer.js').href).toMatch(/\/dist\/libs\/sqlite\/writer\.js$/);
  });
});
