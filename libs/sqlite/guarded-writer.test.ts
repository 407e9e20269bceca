import { describe, expect, it } from '@jest/globals';
import { GuardedWriter, StorageError, type WriterProgram } from './index.js';

class SqliteFailure extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

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
    if (job.startsWith('bad')) throw new SqliteFailure('OWN_REASON');
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
    const { writer } = programOf(['SQLITE_FULL'], {
      makeRoom: () => {
        throw new Error('asked for the reserve');
      },
    });
    expect(writer.write({ revocation: [], normal: ['a'] })).toEqual([failure('NO_SPACE')]);
  });

  it('writes revocations while the normal lane is refused', () => {
    const { writer } = programOf([], { refusal: () => new StorageError('NO_SPACE') });
    expect(writer.write({ revocation: ['stop'], normal: ['a'] })).toEqual([{ result: 'STOP' }, failure('NO_SPACE')]);
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
