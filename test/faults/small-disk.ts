import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newDataDirectory } from './data-directory.js';

/** A disk of a few mebibytes: a tmpfs of its own, which only the superuser may mount. */
export class SmallDisk {
  private constructor(
    private readonly place: string,
    readonly dataDir: string,
  ) {}

  /** In plain words why no such disk can be made here; undefined where it can. */
  static refusal(): string | undefined {
    try {
      SmallDisk.mount(1).unmount();
      return undefined;
    } catch (error) {
      return `a small disk cannot be mounted here: ${error instanceof Error ? error.message.trim() : String(error)}`;
    }
  }

  static mount(sizeMib: number): SmallDisk {
    const place = newDataDirectory();
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', place], { stdio: 'pipe' });
    const dataDir = join(place, 'data');
    mkdirSync(dataDir, { mode: 0o700 });
    return new SmallDisk(place, dataDir);
  }

  /** Fills the room that is left, but for `leaveBytes`, under a name by which it can be emptied again. */
  fill(name: string, leaveBytes = 0): void {
    const chunk = Buffer.alloc(64 * 1024, 1);
    while (this.freeBytes() - leaveBytes >= chunk.length) this.append(name, chunk);
    const rest = this.freeBytes() - leaveBytes;
    if (rest > 0) this.append(name, chunk.subarray(0, rest));
  }

  empty(name: string): void {
    rmSync(join(this.place, name), { force: true });
  }

  /** Of a file in the data directory; 0 where there is none. */
  bytesOf(name: string): number {
    return statSync(join(this.dataDir, name), { throwIfNoEntry: false })?.size ?? 0;
  }

  unmount(): void {
    execFileSync('umount', [this.place], { stdio: 'pipe' });
  }

  private freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.place);
    return bavail * bsize;
  }

  private append(name: string, bytes: Uint8Array): void {
    writeFileSync(join(this.place, name), bytes, { flag: 'a' });
  }
}
