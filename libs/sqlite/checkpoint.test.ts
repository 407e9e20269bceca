import { mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkpointerOf, openDatabase, type Checkpointer, type SqliteDatabase } from './index.js';

/** How long a statement waits for another connection. */
const PATIENCE_MS = 5_000;
const LIMITS = { dueAtPages: 20, restartAtPages: 60 };

let directory = '';
let db: SqliteDatabase;
let checkpointer: Checkpointer;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'checkpoint-'));
  const migrate = (made: SqliteDatabase) => made.exec('CREATE TABLE notes (text TEXT)');
  db = openDatabase(join(directory, 'notes.db'), { synchronous: 'NORMAL', schemaVersion: 1, migrate });
  checkpointer = checkpointerOf(db, LIMITS);
});
afterEach(async () => {
  await checkpointer.close();
  db.close();
  rmSync(directory, { recursive: true });
});

const log = () => db.prepare('PRAGMA wal_checkpoint(NOOP)').get() as { log: number; checkpointed: number };
const waiting = () => log().log - log().checkpointed;
const write = (pages: number) => db.prepare('INSERT INTO notes VALUES (?)').run('x'.repeat(pages * 4_096));
const bytesOfLog = () => statSync(`${db.name}-wal`).size;

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(1);
}

describe('a checkpointer', () => {
  it('lets a log below its limit be', () => {
    write(5);
    const before = waiting();
    checkpointer.ifDue();
    expect(before).toBeGreaterThan(0);
    expect(waiting()).toBe(before);
  });

  it('has the log moved beside the thread that writes, which may go on writing', async () => {
    write(30);
    checkpointer.ifDue();
    write(1);
    await until(() => log().checkpointed >= 30);
    expect(db.prepare<[], number>('SELECT count(*) FROM notes').pluck().get()).toBe(2);
  });

  it('lets the log begin anew, so that it does not grow for ever', async () => {
    for (let round = 0; round < 12; round += 1) {
      write(30);
      await until(() => {
        checkpointer.ifDue();
        return waiting() < LIMITS.dueAtPages;
      });
    }
    expect(bytesOfLog()).toBeLessThan(200 * 4_120);
  });

  it('moves nothing while it may not', async () => {
    let may = false;
    const careful = checkpointerOf(db, { ...LIMITS, mayMove: () => may });
    write(30);
    careful.ifDue();
    expect(waiting()).toBeGreaterThan(LIMITS.dueAtPages);
    may = true;
    careful.ifDue();
    await until(() => waiting() < LIMITS.dueAtPages);
    await careful.close();
  });

  it('ends its thread in good order, also in the middle of a move', async () => {
    for (let round = 0; round < 10; round += 1) {
      const another = checkpointerOf(db, LIMITS);
      write(40);
      another.ifDue();
      await another.close();
    }
    expect(db.prepare<[], number>('SELECT count(*) FROM notes').pluck().get()).toBe(10);
  });

  it('empties the file of the log, or moves it at least where somebody reads there, and waits for nobody', () => {
    write(30);
    const reader = openDatabase(db.name, {
      readOnly: true,
      synchronous: 'NORMAL',
      schemaVersion: 1,
      migrate: () => {},
    });
    const reading = reader.prepare('SELECT text FROM notes').iterate();
    reading.next();
    const began = performance.now();
    expect(checkpointer.empty()).toBe(false);
    expect(performance.now() - began).toBeLessThan(PATIENCE_MS);
    expect(waiting()).toBe(0);
    reading.return?.();
    expect(checkpointer.empty()).toBe(true);
    expect(bytesOfLog()).toBe(0);
    expect(db.pragma('busy_timeout', { simple: true })).toBe(PATIENCE_MS);
    reader.close();
  });

  it('says what went wrong when it is next called, and tries again', async () => {
    write(30);
    const away = `${db.name}.away`;
    renameSync(db.name, away);
    checkpointer.ifDue();
    let failure: unknown;
    await until(() => {
      try {
        checkpointer.throwIfFailed();
      } catch (error) {
        failure = error;
      }
      return failure !== undefined;
    });
    expect(failure).toMatchObject({ code: 'STORAGE', problem: 'CANNOT_OPEN' });
    renameSync(away, db.name);
    checkpointer.ifDue();
    await until(() => waiting() < LIMITS.dueAtPages);
  });

  /** A thread that finds no directory fails for a reason that is not the disk's; what is open already can be used. */
  async function whereNoThreadCanOpen(wait: () => Promise<void>): Promise<void> {
    const away = `${directory}.away`;
    renameSync(directory, away);
    await wait().finally(() => renameSync(away, directory));
  }

  it('moves the log itself where the other thread fails for a reason that is not the disk’s', async () => {
    write(30);
    await whereNoThreadCanOpen(async () => {
      checkpointer.ifDue();
      await until(() => {
        checkpointer.throwIfFailed();
        return waiting() === 0;
      });
    });
  });

  it('tries again the next time where it has failed itself for such a reason', async () => {
    let failures = 0;
    const starve = () => {
      failures += 1;
      throw Object.assign(new Error('out of memory'), { code: 'SQLITE_NOMEM' });
    };
    const starving = Object.create(db, {
      prepare: { value: (sql: string) => (sql.includes('PASSIVE') ? { get: starve } : db.prepare(sql)) },
    }) as SqliteDatabase;
    checkpointer = checkpointerOf(starving, LIMITS);
    write(30);
    await whereNoThreadCanOpen(async () => {
      checkpointer.ifDue();
      await until(() => {
        checkpointer.throwIfFailed();
        return failures > 0;
      });
    });
    checkpointer.throwIfFailed();
    checkpointer.ifDue();
    await until(() => waiting() === 0);
  });
});
