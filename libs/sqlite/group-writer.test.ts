import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  JobFailed,
  openDatabase,
  openGroupWriter,
  StorageError,
  WriterOverloaded,
  workerUrl,
  type GroupWriter,
  type JobCodec,
  type LaneLimits,
  type Outcomes,
} from './index.js';

const schema = { synchronous: 'FULL', schemaVersion: 1, migrate: () => undefined } as const;

const index = workerUrl(import.meta.url, './index.js').href;
const codec: JobCodec<string> = {
  pack: (text) => ({ head: { length: text.length }, bytes: Buffer.from(text) }),
  unpack: ({ bytes }) => Buffer.from(bytes).toString(),
};

/** A writer program that keeps texts, each with the number of the transaction it was written in. */
const programWith = (more: string) =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`
  import { openDatabase, serveGroupWriter, transactionOf } from '${index}';
  serveGroupWriter({
    ${more}
    open: ({ file }) => {
      const migrate = (db) => db.exec('CREATE TABLE notes (text TEXT, batch INTEGER)');
      const db = openDatabase(file, { synchronous: 'FULL', schemaVersion: 1, migrate });
      const insert = db.prepare('INSERT INTO notes VALUES (?, ?)');
      let [batch, jobs] = [0, 0];
      return {
        transaction: transactionOf(db),
        run: (text) => {
          if (text === 'crash') process.exit(3);
          insert.run(text, batch);
          jobs += 1;
          if (text === 'bad') throw Object.assign(new Error('not wanted'), { code: 'NOT_WANTED' });
          return insert.database.prepare('SELECT count(*) AS n FROM notes').get().n;
        },
        committed: () => void (batch += 1),
        status: () => ({ jobs }),
        close: () => db.close(),
      };
    },
  });
`)}`,
  );

const WAYS = {
  'through the queue': { program: programWith('') },
  'through the slot where it is alone': {
    program: programWith(
      'codec: { unpack: ({ head, bytes }) => { const text = Buffer.from(bytes).toString(); if (text.length !== head.length) throw new Error("cut"); return text; } },',
    ),
    codec,
  },
} as const;

let directory = '';
let way: (typeof WAYS)[keyof typeof WAYS];
let writer: GroupWriter<string, number>;
const file = () => join(directory, 'notes.db');
const open = (
  limits: Partial<LaneLimits> = {},
  sizeOf?: (job: string) => number,
  onBatch?: (jobs: readonly string[], outcomes: Outcomes<number>) => void,
) =>
  openGroupWriter<string, number>({
    ...way,
    workerData: { file: file() },
    limits,
    ...(sizeOf ? { sizeOf } : {}),
    ...(onBatch ? { onBatch } : {}),
  });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'writer-'));
});
afterEach(async () => {
  await writer.close();
  rmSync(directory, { recursive: true });
});

/** Longer than either side stays awake; that nothing happens meanwhile is the very case. */
const LONGEST_AWAKE_MS = 2;

function bothAsleep(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LONGEST_AWAKE_MS));
}

function written(): { text: string; batch: number }[] {
  const db = openDatabase(file(), { ...schema, readOnly: true });
  try {
    return db.prepare<[], { text: string; batch: number }>('SELECT text, batch FROM notes ORDER BY rowid').all();
  } finally {
    db.close();
  }
}

describe.each(Object.entries(WAYS))('a group writer that takes a job %s', (_name, taken) => {
  beforeEach(() => {
    way = taken;
  });

  it('writes what one turn submits in one transaction, revocations first', async () => {
    writer = await open();
    const results = await Promise.all([
      writer.submit('a', 'normal'),
      writer.submit('b', 'normal'),
      writer.submit('stop', 'revocation'),
    ]);
    expect(results).toEqual([2, 3, 1]);
    expect(written()).toEqual([
      { text: 'stop', batch: 0 },
      { text: 'a', batch: 0 },
      { text: 'b', batch: 0 },
    ]);
  });

  it('tells of a batch before whoever waits for it hears of it', async () => {
    const order: unknown[] = [];
    writer = await open({}, undefined, (jobs, outcomes) => order.push(jobs, outcomes));
    await writer.submit('a', 'normal').then(() => order.push('acknowledged'));
    expect(order).toEqual([['a'], [{ result: 1 }], 'acknowledged']);
  });

  it('tells of the batch under way that it failed where its thread dies', async () => {
    const order: unknown[] = [];
    writer = await open({}, undefined, (jobs, outcomes) => order.push(jobs, 'failure' in (outcomes[0] ?? {})));
    await writer.submit('crash', 'normal').catch(() => order.push('rejected'));
    expect(order).toEqual([['crash'], true, 'rejected']);
  });

  it('gathers the next batch while one commits', async () => {
    writer = await open();
    const first = writer.submit('a', 'normal');
    await new Promise(setImmediate);
    const rest = ['b', 'c', 'd'].map((text) => writer.submit(text, 'normal'));
    await Promise.all([first, ...rest]);
    expect(written().map(({ batch }) => batch)).toEqual([0, 1, 1, 1]);
  });

  it('keeps a batch within its limits of jobs and bytes', async () => {
    writer = await open({ batchJobs: 3, batchBytes: 10 }, (text) => text.length);
    const texts = ['twelve bytes', 'abcdef', 'ghij', 'k', 'l', 'm', 'n'];
    await Promise.all(texts.map((text) => writer.submit(text, 'normal')));
    expect(written().map(({ batch }) => batch)).toEqual([0, 1, 1, 2, 2, 2, 3]);
  });

  it('turns the normal lane away when it is full, the revocation lane never', async () => {
    writer = await open({ queuedJobs: 2, retryAfterMs: 700 });
    const kept = [writer.submit('a', 'normal'), writer.submit('b', 'normal')];
    const refused = writer.submit('c', 'normal').catch((error: unknown) => error);
    const stops = Array.from({ length: 50 }, (_, n) => writer.submit(`stop ${n}`, 'revocation'));
    expect(writer.status().queued).toEqual({ normal: 2, revocation: 50 });
    expect(await refused).toEqual(new WriterOverloaded(700));
    await Promise.all([...kept, ...stops]);
    expect(writer.status().queued).toEqual({ normal: 0, revocation: 0 });
    expect(written()).toHaveLength(52);
  });

  it('lets a failing job fail alone', async () => {
    writer = await open();
    const bad = writer.submit('bad', 'normal').catch((error: unknown) => error);
    await expect(writer.submit('good', 'normal')).resolves.toBe(1);
    const error = await bad;
    expect(error).toBeInstanceOf(JobFailed);
    expect(error).toMatchObject({ code: 'NOT_WANTED', message: 'not wanted' });
  });

  it('writes what is queued before it closes, and refuses what comes after', async () => {
    writer = await open();
    const queued = ['a', 'b'].map((text) => writer.submit(text, 'normal'));
    await Promise.all([writer.close(), writer.close()]);
    await expect(Promise.all(queued)).resolves.toEqual([1, 2]);
    await expect(writer.submit('c', 'revocation')).rejects.toThrow(StorageError);
  });

  it('fails everything that waits where its thread dies', async () => {
    writer = await open();
    const jobs = ['crash', 'a'].map((text) => writer.submit(text, 'normal'));
    for (const outcome of await Promise.allSettled(jobs)) expect(outcome.status).toBe('rejected');
    await expect(writer.submit('b', 'normal')).rejects.toThrow(StorageError);
    expect(writer.status().broken).toBe(true);
  });

  it('says at once why its file cannot be opened', async () => {
    openDatabase(file(), { ...schema, schemaVersion: 9 }).close();
    await expect(open()).rejects.toThrow(/schema version 9/);
    rmSync(file());
    writer = await open();
  });

  it('hands over the status of its program', async () => {
    writer = await open();
    await writer.submit('a', 'normal');
    expect(writer.status()).toMatchObject({ broken: false, details: { jobs: 1 } });
  });

  it('takes lone jobs of any length, one after the other and after a rest', async () => {
    writer = await open();
    const texts = Array.from({ length: 40 }, (_, n) => (n % 8 === 7 ? 'ü€😀'.repeat(4_000) : `grüße ${n}`));
    for (const [n, text] of texts.entries()) {
      await expect(writer.submit(text, n % 2 === 0 ? 'normal' : 'revocation')).resolves.toBe(n + 1);
      if (n % 5 === 4) await bothAsleep();
    }
    expect(written().map(({ text }) => text)).toEqual(texts);
    expect(written().map(({ batch }) => batch)).toEqual(texts.map((_, n) => n));
  });

  it('tells a lone job how it failed', async () => {
    writer = await open();
    await expect(writer.submit('bad', 'normal')).rejects.toMatchObject({ code: 'NOT_WANTED', message: 'not wanted' });
    await expect(writer.submit('good', 'normal')).resolves.toBe(1);
  });
});
