import { closeSync, constants, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { dirname, join } from 'node:path';
import { StorageError, freeBytes, storageErrorOf, syncDirectory } from '#sqlite';

const MIB = 1024 * 1024;
const CHUNK_BYTES = MIB;
/** Filled at once while the service runs, so that a revocation never waits long behind it. */
const STEP_BYTES = 16 * MIB;

/** Vault, view and relay are opened after the ledger and make files of a few hundred kibibytes beside theirs. */
const ROOM_TO_START_BYTES = 4 * MIB;

/** After a failure; doubled by each further one. A disk that fails is not written to every second. */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Room on the disk that only revocations may use: a file of real bytes, removed when a revocation finds the disk full.
 * Until there is room to fill it again, everything else is refused.
 */
export class Reserve {
  private readonly file: string;
  private filled: number;
  private failures = 0;
  private notBeforeMs = 0;

  constructor(
    dataDir: string,
    private readonly bytes: number,
    /** Makes an open file durable; tests have it fail. */
    private readonly sync: (handle: number) => void = fsyncSync,
  ) {
    this.file = join(dataDir, 'reserve.bin');
    this.filled = sizeOf(this.file);
    if (bytes === 0) this.tryToRemove();
  }

  get isKept(): boolean {
    return this.filled >= this.bytes;
  }

  /** Bytes that are to stay free beside it when the ledger lays out its log: health calls less a disk nearly full. */
  get wantedFree(): number {
    return Math.max(this.bytes / 4, ROOM_TO_START_BYTES);
  }

  /**
   * For the start, which revocations need as well: it fails where those who open their files after the ledger find no
   * room. What is free then is less than `refill` asks for, so that it is not filled again until somebody makes room.
   */
  releaseIfScarce(): void {
    if (freeBytes(dirname(this.file)) < Math.min(this.bytes / 4, ROOM_TO_START_BYTES)) this.tryToRemove();
  }

  /** Fills the whole file; for the start, when nothing waits. It goes on without where that fails: `refill` tells why. */
  fill(): void {
    try {
      while (!this.isKept && this.refill());
    } catch {
      // What is not kept counts as released, and is tried again.
    }
  }

  /**
   * Fills some more where the disk has room for the rest and a quarter over, and answers whether it did. Throws a
   * `StorageError` where the disk fails; then there is none, and for a while it is not tried again.
   */
  refill(): boolean {
    const missing = this.bytes - this.filled;
    if (missing <= 0 || performance.now() < this.notBeforeMs) return false;
    if (freeBytes(dirname(this.file)) < missing + this.bytes / 4) return false;
    try {
      this.writeNoise(Math.min(missing, STEP_BYTES));
      if (this.isKept) this.failures = 0;
      return true;
    } catch (error) {
      this.tryToRemove();
      this.postpone();
      const { problem = 'IO', message = 'the disk failed' } = storageErrorOf(error) ?? {};
      if (problem === 'NO_SPACE') return false;
      throw new StorageError(problem, `the reserve of disk cannot be filled: ${message}`, { cause: error });
    }
  }

  /** Gives its room away; false where it has none. The disk is asked, for one that failed may have kept the file. */
  release(): boolean {
    if (sizeOf(this.file) === 0) return false;
    this.remove();
    return true;
  }

  /** The directory is synced because some file systems give blocks back only then. */
  private remove(): void {
    rmSync(this.file, { force: true });
    this.filled = 0;
    syncDirectory(dirname(this.file));
  }

  /** A disk that fails may not even let it be removed; it is written from its beginning then, and never grows. */
  private tryToRemove(): void {
    try {
      this.remove();
    } catch {
      this.filled = 0;
    }
  }

  private postpone(): void {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.failures);
    this.failures += 1;
    this.notBeforeMs = performance.now() + pauseMs;
  }

  /** Noise, because a file system that compresses would give zeros no room. */
  private writeNoise(bytes: number): void {
    const handle = openSync(this.file, constants.O_WRONLY | constants.O_CREAT, 0o600);
    try {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      for (let written = 0; written < bytes;) {
        const part = randomFillSync(chunk).subarray(0, bytes - written);
        written += writeSync(handle, part, 0, part.length, this.filled + written);
      }
      this.sync(handle);
      this.filled += bytes;
    } finally {
      closeSync(handle);
    }
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
