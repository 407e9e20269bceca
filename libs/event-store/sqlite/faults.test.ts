import { execFileSync, fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { workerUrl } from '#sqlite';
import { someEvent } from '../contract.js';
import { DataDirectoryInUse, StoreOverloaded, StoreUnavailable, openSqliteStore, type SqliteStore } from '../index.js';
import { ledgerFile } from './schema.js';

const KIBIBYTE = 1024;
let dataDir = '';
const stores: SqliteStore[] = [];
const children: ChildProcess[] = [];

async function open(options: Partial<Parameters<typeof openSqliteStore>[0]> = {}): Promise<SqliteStore> {
  const store = await openSqliteStore({ dataDir, diskReserveMb: 0, ...options });
  stores.push(store);
  return store;
}

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'faults-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(stores.splice(0).map((store) => store.close()));
  rmSync(dataDir, { recursive: true, force: true });
});

const index = workerUrl(import.meta.url, '../index.js').href;

/** A process that appends single events in a loop and tells the id of each that was acknowledged. */
async function startWritingProcess(): Promise<{ child: ChildProcess; acknowledged: string[] }> {
  const program = join(dataDir, 'program.mjs');
  writeFileSync(
    program,
    `import { randomUUID } from 'node:crypto';
     import { openSqliteStore } from '${index}';
     const store = await openSqliteStore({ dataDir: '${dataDir}', diskReserveMb: 0 });
     process.send('ready');
     const write = async (writer) => {
       for (;;) {
         const event = { id: randomUUID(), type: 'ConsentGranted', data: Buffer.from('{}'), metadata: Buffer.from('{}') };
         await store.append('consent-' + writer, [event], 'any');
         process.send(event.id);
       }
     };
     for (let writer = 0; writer < 4; writer += 1) void write(writer);`,
  );
  const child = fork(program, { stdio: 'ignore' });
  children.push(child);
  const acknowledged: string[] = [];
  await once(child, 'message');
  child.on('message', (id) => acknowledged.push(id as string));
  return { child, acknowledged };
}

async function killAfter(count: number, { child, acknowledged }: Awaited<ReturnType<typeof startWritingProcess>>) {
  while (acknowledged.length < count) await once(child, 'message');
  child.kill('SIGKILL');
  await once(child, 'close');
}

async function idsIn(store: SqliteStore, from = `${store.ledgerId}.0`): Promise<string[]> {
  const { events, position, atEnd } = await store.readAll({ from, limit: 1_000_000 });
  const ids = events.map(({ id }) => id);
  return atEnd ? ids : [...ids, ...(await idsIn(store, position))];
}

describe('one writer per data directory', () => {
  it('refuses a second one in the same process, and lets the next one in after the first has closed', async () => {
    const first = await open();
    await expect(open()).rejects.toThrow(DataDirectoryInUse);
    await first.close();
    await expect(open()).resolves.toBeDefined();
  });

  it('names the process that holds it, and is free again after kill -9', async () => {
    const writing = await startWritingProcess();
    const refused: unknown = await open().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'LEDGER_UNAVAILABLE', pid: writing.child.pid });
    expect(String(refused)).toContain(`process ${writing.child.pid}`);
    await killAfter(1, writing);
    await expect(open()).resolves.toBeDefined();
  });

  it('lets readers work beside it, who see what it appends and cannot append', async () => {
    const store = await open();
    const reader = await open({ readOnly: true });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { events } of reader.subscribe({})) {
        seen.push(...events.map(({ id }) => id));
        if (seen.length === 1) return;
      }
    })();
    const event = someEvent();
    await store.append('consent-a', [event], 'none');
    await reading;
    expect(seen).toEqual([event.id]);
    await expect(reader.append('consent-a', [someEvent()], 'any')).rejects.toThrow(/reading only/);
    expect(reader.status().writable).toBe(false);
  });

  it('keeps files and directory private', async () => {
    rmSync(dataDir, { recursive: true });
    await open({ diskReserveMb: 1 });
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    const files = ['ledger.db', 'ledger.db-wal', 'ledger.db-shm', 'lock.db', 'lock.pid', 'reserve.bin'];
    expect(files.map((file) => statSync(join(dataDir, file)).mode & 0o777)).toEqual(files.map(() => 0o600));
  });
});

describe('a file of a newer program', () => {
  it('is refused with its name and both versions, and the lock is let go', async () => {
    await (await open()).close();
    const { default: Database } = await import('better-sqlite3');
    const setVersion = (version: number) => {
      const db = new Database(ledgerFile(dataDir));
      db.pragma(`user_version = ${version}`);
      db.close();
    };
    setVersion(9);
    await expect(open()).rejects.toThrow(/ledger\.db has schema version 9, this program knows 1/);
    await expect(open({ readOnly: true })).rejects.toThrow(StoreUnavailable);
    setVersion(1);
    await expect(open()).resolves.toBeDefined();
  });
});

describe('kill -9 while writing', () => {
  it('leaves every acknowledged event there once, many times over', async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const writing = await startWritingProcess();
      await killAfter(50 + round * 37, writing);
      acknowledged.push(...writing.acknowledged);
    }
    const kept = await idsIn(await open());
    expect(new Set(kept).size).toBe(kept.length);
    expect(acknowledged.filter((id) => !kept.includes(id))).toEqual([]);
  });

  it.each([
    ['cut off', (wal: string, end: number) => truncateSync(wal, end - 1_000)],
    [
      'overwritten with noise',
      (wal: string, end: number) => {
        const bytes = readFileSync(wal);
        bytes.fill(0xa7, end - 1_000, end);
        writeFileSync(wal, bytes);
      },
    ],
  ])('and a torn last write, %s, costs that write alone', async (_what, tear) => {
    await killAfter(60, await startWritingProcess());
    const whole = join(dataDir, 'whole');
    mkdirSync(whole);
    for (const file of ['ledger.db', 'ledger.db-wal']) cpSync(join(dataDir, file), join(whole, file));
    const before = await openSqliteStore({ dataDir: whole, diskReserveMb: 0 });
    const expected = await idsIn(before);
    await before.close();

    tear(`${ledgerFile(dataDir)}-wal`, endOfLog(readFileSync(`${ledgerFile(dataDir)}-wal`)));
    const store = await open();
    const kept = await idsIn(store);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(expected.length);
    expect(kept).toEqual(expected.slice(0, kept.length));
    await store.append('consent-0', [someEvent()], 'any');
  });
});

/**
 * Where the last commit ends. Behind it the log holds zeros, and perhaps frames of a commit that the kill cut off; the
 * frame that completes one says how many pages the database has (https://sqlite.org/fileformat2.html, section 4.1).
 */
function endOfLog(bytes: Buffer): number {
  const frame = 24 + 4096;
  let end = bytes.length - ((bytes.length - 32) % frame);
  while (bytes.readUInt32BE(end - frame + 4) === 0) end -= frame;
  return end;
}

describe('a full queue', () => {
  it('turns ordinary appends away with a time to wait, and no revocation', async () => {
    const store = await open({ lanes: { queuedJobs: 3, retryAfterMs: 900 } });
    const flood = Array.from({ length: 20 }, (_, n) => store.append(`consent-${n}`, [someEvent()], 'none'));
    const stops = Array.from({ length: 20 }, (_, n) =>
      store.append(`consent-stop${n}`, [someEvent()], 'any', { lane: 'revocation' }),
    );
    const outcomes = await Promise.allSettled(flood);
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    expect(refused).toHaveLength(17);
    for (const error of refused) expect(error).toEqual(new StoreOverloaded(900));
    await Promise.all(stops);
    const [first] = (await store.readAll({ limit: 1 })).events;
    expect(first?.stream).toBe('consent-stop0');
  });
});

describe('a full disk', () => {
  let mounted = '';
  let refusal = '';
  beforeAll(() => {
    mounted = mkdtempSync(join(tmpdir(), 'small-disk-'));
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', mounted], { encoding: 'utf8' });
    if (mount.status !== 0) refusal = mount.stderr || String(mount.error);
  });
  afterAll(() => {
    if (refusal === '') execFileSync('umount', ['-l', mounted]);
    rmSync(mounted, { recursive: true, force: true });
  });

  const large = () => ({ ...someEvent(), data: Buffer.alloc(512 * KIBIBYTE, 0x61) });

  async function fillUp(store: SqliteStore): Promise<string[]> {
    const kept: string[] = [];
    for (;;) {
      const event = large();
      try {
        await store.append('consent-flood', [event], 'any');
        kept.push(event.id);
      } catch (error) {
        expect(error).toBeInstanceOf(StoreUnavailable);
        expect(String(error)).toMatch(/no space left on the disk/);
        return kept;
      }
    }
  }

  it('refuses what is ordinary, records every revocation from the reserve, and goes on once there is room', async () => {
    if (refusal !== '') {
      console.log(`skipped: no small disk can be mounted here: ${refusal}`);
      return;
    }
    const ballast = join(mounted, 'ballast.bin');
    writeFileSync(ballast, Buffer.alloc(12 * KIBIBYTE * KIBIBYTE, 1));
    let store = await open({ dataDir: join(mounted, 'data'), diskReserveMb: 4 });
    const kept = await fillUp(store);
    expect(store.status()).toMatchObject({ reserve: 'kept', problem: 'no space left on the disk' });

    const stops = Array.from({ length: 30 }, () => ({ ...someEvent(), data: Buffer.alloc(16 * KIBIBYTE, 0x62) }));
    for (const stop of stops) await store.append('consent-stop', [stop], 'any', { lane: 'revocation' });
    expect(store.status()).toMatchObject({ reserve: 'released', writable: false });
    expect(statSync(join(mounted, 'data', 'reserve.bin'), { throwIfNoEntry: false })).toBeUndefined();
    await expect(store.append('consent-a', [someEvent()], 'any')).rejects.toThrow(/kept for revocations/);

    await store.close();
    store = await open({ dataDir: join(mounted, 'data'), diskReserveMb: 4 });
    const restarted = await store.append('consent-stop', [someEvent()], 'any', { lane: 'revocation' });
    expect(restarted).toMatchObject({ revision: '30', replayed: false });

    rmSync(ballast);
    const after = someEvent();
    await store.append('consent-a', [after], 'any');
    expect(store.status()).toMatchObject({ reserve: 'kept', writable: true });
    expect(store.status()).not.toHaveProperty('problem');
    const ids = await idsIn(store);
    for (const id of [...kept, ...stops.map((stop) => stop.id), after.id]) expect(ids).toContain(id);
    expect(ids).toHaveLength(kept.length + stops.length + 2);
  });

  it('fills the reserve again by itself, without an append', async () => {
    if (refusal !== '') {
      console.log(`skipped: no small disk can be mounted here: ${refusal}`);
      return;
    }
    rmSync(join(mounted, 'data'), { recursive: true, force: true });
    const ballast = join(mounted, 'ballast.bin');
    writeFileSync(ballast, Buffer.alloc(12 * KIBIBYTE * KIBIBYTE, 1));
    const dataDir2 = join(mounted, 'data2');
    await open({ dataDir: dataDir2, diskReserveMb: 4 }).then(async (store) => {
      await fillUp(store);
      for (let n = 0; store.status().reserve === 'kept'; n += 1) {
        await store.append(`consent-stop${n}`, [large()], 'any', { lane: 'revocation' });
      }
      rmSync(ballast);
      while (!store.status().writable) await pause(10);
      expect(statSync(join(dataDir2, 'reserve.bin')).size).toBe(4 * KIBIBYTE * KIBIBYTE);
    });
  });

  it('is said at the start where the disk is read-only', async () => {
    if (refusal !== '') {
      console.log(`skipped: no small disk can be mounted here: ${refusal}`);
      return;
    }
    execFileSync('mount', ['-o', 'remount,ro', mounted]);
    try {
      await expect(open({ dataDir: join(mounted, 'new') })).rejects.toThrow(/read-only/);
    } finally {
      execFileSync('mount', ['-o', 'remount,rw', mounted]);
    }
  });
});
