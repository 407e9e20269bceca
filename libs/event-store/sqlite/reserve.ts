import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { randomFillSync } from 'node:crypto';
import { dirname, join } from 'node:path';
import { storageErrorOf, syncDirectory } from '#sqlite';

const CHUNK_BYTES = 1024 * 1024;
/** Filled at once while the service runs, so that a revocation never waits long behind it. */
const STEP_BYTES = 16 * CHUNK_BYTES;

/**
 * Room on the disk that only revocations may use: a file of real bytes, removed when a revocation finds the disk full.
 * Until there is room to fill it again, everything else is refused.
 */
export class Reserve {
  private readonly file: string;
  private filled: number;

  constructor(
    dataDir: string,
    private readonly bytes: number,
  ) {
    this.file = join(dataDir, 'reserve.bin');
    this.filled = sizeOf(this.file);
    if (bytes === 0) this.remove();
  }

  get isKept(): boolean {
    return this.filled >= this.bytes;
  }

  /** Fills the whole file; for the start, when nothing waits. */
  fill(): void {
    while (!this.isKept && this.refill());
  }

  /** Fills some more where the disk has room for the rest and a quarter over, and answers whether it did. */
  refill(): boolean {
    const missing = this.bytes - this.filled;
    if (missing <= 0 || freeBytes(dirname(this.file)) < missing + this.bytes / 4) return false;
    try {
      this.filled += appendNoise(this.file, Math.min(missing, STEP_BYTES));
      return true;
    } catch (error) {
      if (storageErrorOf(error)?.problem !== 'NO_SPACE') throw error;
      this.remove();
      return false;
    }
  }

  /** Gives its room away; false where it has none. */
  release(): boolean {
    if (this.filled === 0) return false;
    this.remove();
    return true;
  }

  /** The directory is synced because some file systems give blocks back only then. */
  private remove(): void {
    rmSync(this.file, { force: true });
    this.filled = 0;
    syncDirectory(dirname(this.file));
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** Noise, because a file system that compresses would give zeros no room. */
function appendNoise(file: string, bytes: number): number {
  const handle = openSync(file, 'a', 0o600);
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let written = 0; written < bytes;) {
      const part = randomFillSync(chunk).subarray(0, bytes - written);
      written += writeSync(handle, part);
    }
    fsyncSync(handle);
    return bytes;
  } finally {
    closeSync(handle);
  }
}
