import { describe, expect, it } from '@jest/globals';
import { GuardedWriter, StorageError, type WriterProgram } from './index.js';

class SqliteFailure extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/** Jobs that fail, and the code of what they meet. */
const FAILING: Readonly<Record<string, string>> = {
  bad: 'OWN_REASON',
  damaged: 'SQLITE_CORRUPT',
  unreadable: 'SQLITE_IOERR_READ',
};

/** A program in memory whose commits fail as told, one code per commit. */
function programOf(commitFailures: (string | undefined)[] = [], more: Partial<WriterProgram<string, string>> = {}) {
  const committed: string[] = [];
  let pending: string[] = [];
  let marked = 0;
  const transaction = {
    begin: () => void (pending = []),
    mark: () => void (marked = pending.length),
    keep: () => undefined,
    undo: () => void (pending.length = marked),
    commit: () => {
      const code = commitFailures.shift();
      if (code !== undefined) throw new SqliteFailure(code);
      committed.push(...pending);
    },
    rollback: () => void (pending = []),
  };
  const run = (job: string) => {
    pending.push(job);
    const code = FAILING[job];
    if (code !== undefined) throw new SqliteFailure(code);
    return job.toUpperCase();
  };
  return { committed, writer: new GuardedWriter({ transaction, run, close: () => undefined, ...more }) };
}

const failure = (problem: string) => ({ failure: expect.objectContaining({ problem }) as unknown });

describe('a batch', () => {
  it('writes revocations first and answers in order', () => {
    const { writer, committed } = programOf();
    const outcomes = writer.write({ revocation: ['stop'], normal: ['a', 'b'] });
    expect(outcomes).toEqual([{ result: 'STOP' }, { result: 'A' }, { result: 'B' }]);
    expect(committed).toEqual(['stop', 'a', 'b']);
  });

  it('lets a job that fails for its own reason fail alone, its writes undone', () => {
    const { writer, committed } = programOf();
    const [first, second, third] = writer.write({ revocation: [], normal: ['a', 'bad', 'b'] });
    expect([first, third]).toEqual([{ result: 'A' }, { result: 'B' }]);
    expect(second).toEqual({ failure: { code: 'OWN_REASON', message: 'OWN_REASON' } });
    expect(committed).toEqual(['a', 'b']);
  });

  it('fails as a whole where the commit fails', () => {
    const { writer, committed } = programOf(['SQLITE_IOERR_WRITE']);
    expect(writer.write({ revocation: ['stop'], normal: ['a'] })).toEqual([failure('IO'), failure('IO')]);
    expect(committed).toEqual([]);
    expect(writer.status()).toMatchObject({ broken: false, problem: 'the disk reported an input/output error' });
    expect(writer.write({ revocation: [], normal: ['b'] })).toEqual([{ result: 'B' }]);
    expect(writer.status()).not.toHaveProperty('problem');
  });

  it('that failed is told of until the disk takes writes again, which it finds out without a job', () => {
    const { writer } = programOf(['SQLITE_READONLY', 'SQLITE_READONLY'], { probe: () => undefined });
    writer.write({ revocation: [], normal: ['a'] });
    writer.idle();
    expect(writer.status()).toMatchObject({ broken: false, problem: 'the disk or the file is read-only' });
    writer.idle();
    expect(writer.status()).not.toHaveProperty('problem');
  });

  it('gives up the reserve for revocations on a full disk, and only for them', () => {
    let rooms = 1;
    const { writer, committed } = programOf(['SQLITE_FULL'], { makeRoom: () => rooms-- > 0 });
    const outcomes = writer.write({ revocation: ['stop'], normal: ['a'] });
    expect(outcomes).toEqual([{ result: 'STOP' }, failure('NO_SPACE')]);
    expect(committed).toEqual(['stop']);
  });

  it('gives it up likewise where a write fails, as it does where a quota is used up', () => {
    let rooms = 1;
    const { writer, committed } = programOf(['SQLITE_IOERR_WRITE'], { makeRoom: () => rooms-- > 0 });
    const outcomes = writer.write({ revocation: ['stop'], normal: ['a'] });
    expect(outcomes).toEqual([{ result: 'STOP' }, failure('IO')]);
    expect(committed).toEqual(['stop']);
  });

  it('fails revocations too where there is nothing left to give', () => {
    const { writer } = programOf(['SQLITE_FULL', 'SQLITE_FULL'], { makeRoom: () => false });
    expect(writer.write({ revocation: ['stop'], normal: [] })).toEqual([failure('NO_SPACE')]);
  });

  it('keeps the reserve where only normal jobs want room', () => {
    let rooms = 1;
    const { writer } = programOf(['SQLITE_FULL'], { makeRoom: () => rooms-- > 0 });
    expect(writer.write({ revocation: [], normal: ['a'] })).toEqual([failure('NO_SPACE')]);
    expect(rooms).toBe(1);
  });

  it('writes revocations while the normal lane is refused', () => {
    const { writer } = programOf([], { refusal: () => new StorageError('NO_SPACE') });
    expect(writer.write({ revocation: ['stop'], normal: ['a'] })).toEqual([{ result: 'STOP' }, failure('NO_SPACE')]);
  });
});

describe.each([
  ['damaged', 'CORRUPT'],
  ['unreadable', 'IO'],
])('a batch with a job whose page is %s', (damaged, problem) => {
  it('writes every other job, and keeps the reserve', () => {
    let rooms = 1;
    const { writer, committed } = programOf([], { makeRoom: () => rooms-- > 0 });
    expect(writer.write({ revocation: [damaged, 'stop'], normal: ['a', damaged, 'b'] })).toEqual([
      failure(problem),
      { result: 'STOP' },
      { result: 'A' },
      failure(problem),
      { result: 'B' },
    ]);
    expect(committed).toEqual(['stop', 'a', 'b']);
    expect(rooms).toBe(1);
  });

  it('keeps the reserve also where that job is a revocation and alone', () => {
    let rooms = 1;
    const { writer } = programOf([], { makeRoom: () => rooms-- > 0 });
    expect(writer.write({ revocation: [damaged], normal: [] })).toEqual([failure(problem)]);
    expect(rooms).toBe(1);
  });

  it('tells of it until a later job is written', () => {
    const { writer } = programOf();
    writer.write({ revocation: [], normal: ['a', damaged] });
    expect(writer.status()).toMatchObject({ broken: false, problem: expect.any(String) as unknown });
    writer.write({ revocation: [], normal: [damaged, 'a'] });
    expect(writer.status()).not.toHaveProperty('problem');
  });

  it('gives the reserve up for a revocation that wants room, and writes no normal job into it', () => {
    let rooms = 1;
    const { writer, committed } = programOf([undefined, 'SQLITE_FULL'], {
      makeRoom: () => rooms-- > 0,
      refusal: () => (rooms > 0 ? undefined : new StorageError('NO_SPACE')),
    });
    const outcomes = writer.write({ revocation: ['first', 'second'], normal: [damaged, 'a'] });
    expect(outcomes).toEqual([{ result: 'FIRST' }, { result: 'SECOND' }, failure('NO_SPACE'), failure('NO_SPACE')]);
    expect(committed).toEqual(['first', 'second']);
  });

  it('writes nothing more once a sync has failed', () => {
    const { writer, committed } = programOf([undefined, 'SQLITE_IOERR_FSYNC']);
    expect(writer.write({ revocation: [damaged, 'first', 'second'], normal: ['a'] })).toEqual([
      failure(problem),
      { result: 'FIRST' },
      failure('SYNC_FAILED'),
      failure('SYNC_FAILED'),
    ]);
    expect(committed).toEqual(['first']);
    expect(writer.status()).toMatchObject({ broken: true, problem: expect.stringContaining('durable') as unknown });
  });
});

describe('a failed sync', () => {
  it('of a commit ends all writing, revocations included', () => {
    const { writer, committed } = programOf(['SQLITE_IOERR_FSYNC']);
    expect(writer.write({ revocation: [], normal: ['a'] })).toEqual([failure('SYNC_FAILED')]);
    expect(writer.write({ revocation: ['stop'], normal: ['b'] })).toEqual([
      failure('SYNC_FAILED'),
      failure('SYNC_FAILED'),
    ]);
    expect(committed).toEqual([]);
    expect(writer.status()).toMatchObject({ broken: true });
  });

  it('of a checkpoint does the same, though the batch before it is safe in the log', () => {
    const { writer } = programOf([], {
      committed: () => {
        throw new SqliteFailure('SQLITE_IOERR_FSYNC');
      },
    });
    expect(writer.write({ revocation: [], normal: ['a'] })).toEqual([{ result: 'A' }]);
    writer.tidy();
    expect(writer.write({ revocation: [], normal: ['b'] })).toEqual([failure('SYNC_FAILED')]);
  });

  it('is not what a full disk during a checkpoint is', () => {
    const { writer } = programOf([], {
      committed: () => {
        throw new SqliteFailure('SQLITE_FULL');
      },
    });
    writer.write({ revocation: [], normal: ['a'] });
    writer.tidy();
    expect(writer.status()).toMatchObject({ broken: false, problem: 'no space left on the disk' });
    expect(writer.write({ revocation: [], normal: ['b'] })).toEqual([{ result: 'B' }]);
  });
});
