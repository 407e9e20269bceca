import { describe, expect, it } from '@jest/globals';
import { StorageError, storageErrorOf } from './index.js';
import { isForWantOfRoom } from './storage-error.js';

const failure = (code: string) => Object.assign(new Error('the disk'), { code });

describe('what is wrong with the disk', () => {
  it('names the remedy of a failed sync, after which the process writes no more', () => {
    const { problem, message } = storageErrorOf(failure('SQLITE_IOERR_FSYNC')) ?? {};
    expect([problem, message]).toEqual(['SYNC_FAILED', expect.stringMatching(/restart the service/)]);
  });

  it('takes a sector that cannot be read for damage, and not for want of room', () => {
    const error = storageErrorOf(failure('SQLITE_IOERR_CORRUPTFS'));
    expect(error).toBeInstanceOf(StorageError);
    expect([error?.problem, isForWantOfRoom(error)]).toEqual(['CORRUPT', false]);
  });
});
