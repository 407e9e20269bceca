/**
 * What can be wrong with the disk under a database, told apart by what it means for the caller:
 * `NO_SPACE` and `READ_ONLY` may pass and leave nothing half written; `IO` failed this once; `SYNC_FAILED` means that the
 * kernel may have dropped pages it had accepted, so nothing may be believed durable until the file is opened anew;
 * `CANNOT_OPEN` the path, its owner or its mode is wrong;
 * `BUSY` another process holds the file; `CORRUPT` and `SCHEMA` need a person; `CLOSED` nobody writes here any more.
 */
export type StorageProblem =
  'NO_SPACE' | 'READ_ONLY' | 'CANNOT_OPEN' | 'IO' | 'SYNC_FAILED' | 'BUSY' | 'CORRUPT' | 'SCHEMA' | 'CLOSED';

const MESSAGES: Readonly<Record<StorageProblem, string>> = {
  NO_SPACE: 'no space left on the disk',
  READ_ONLY: 'the disk or the file is read-only',
  CANNOT_OPEN: 'it cannot be opened: check its path, its owner and its mode',
  IO: 'the disk reported an input/output error',
  SYNC_FAILED: 'the disk failed to make a write durable: restart the service once the disk is well',
  BUSY: 'another process holds the file',
  CORRUPT: 'the file is not a readable database',
  SCHEMA: 'the file has another schema version',
  CLOSED: 'the file is closed',
};

/** A database file that cannot be read or written now; the message is plain words. */
export class StorageError extends Error {
  readonly code = 'STORAGE';
  constructor(
    readonly problem: StorageProblem,
    message: string = MESSAGES[problem],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The same failure as a `StorageError`; undefined where the disk is not to blame. */
export function storageErrorOf(error: unknown): StorageError | undefined {
  if (error instanceof StorageError) return error;
  const problem = problemOf(codeOf(error));
  return problem === undefined ? undefined : new StorageError(problem, undefined, { cause: error });
}

/** Does what a full disk may forbid without harm: it is done another time then. */
export function whereRoomAllows(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!isForWantOfRoom(error)) throw error;
  }
}

/** A quota that is used up, SQLite calls a failed write, as it does a broken disk. */
export function isForWantOfRoom(cause: unknown): boolean {
  const problem = storageErrorOf(cause)?.problem;
  return problem === 'NO_SPACE' || (problem === 'IO' && !isFailedRead(cause));
}

/** A sector that cannot be read, most systems call an input/output error, which SQLite tells as `SQLITE_CORRUPT`. */
export function isFailedRead(cause: unknown): boolean {
  const code = codeOf(storageErrorOf(cause)?.cause);
  return code === 'SQLITE_IOERR_READ' || code === 'SQLITE_IOERR_SHORT_READ';
}

/** The `code` that SQLite and Node give their errors; empty where there is none. */
export function codeOf(error: unknown): string {
  const isObject = typeof error === 'object' && error !== null;
  return isObject && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/**
 * SQLite calls a full disk `SQLITE_FULL`, but a file-size limit (EFBIG) only `SQLITE_IOERR_WRITE`. A failed write is
 * not a failed sync: nothing was acknowledged, and the next attempt writes the same place again. A sector that cannot be
 * read is `SQLITE_IOERR_CORRUPTFS` where no statement meets it, and `SQLITE_CORRUPT` where one does.
 */
function problemOf(code: string): StorageProblem | undefined {
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') return 'NO_SPACE';
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return 'NO_SPACE';
  if (code.startsWith('SQLITE_READONLY') || code === 'EROFS' || code === 'EACCES' || code === 'EPERM')
    return 'READ_ONLY';
  if (code === 'SQLITE_IOERR_FSYNC' || code === 'SQLITE_IOERR_DIR_FSYNC') return 'SYNC_FAILED';
  if (code.startsWith('SQLITE_CANTOPEN')) return 'CANNOT_OPEN';
  if (code === 'SQLITE_IOERR_CORRUPTFS') return 'CORRUPT';
  if (code.startsWith('SQLITE_IOERR') || code === 'EIO') return 'IO';
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return 'BUSY';
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB' ? 'CORRUPT' : undefined;
}
