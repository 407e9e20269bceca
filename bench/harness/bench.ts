import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchOptions } from './options.js';
import { Progress } from './progress.js';
import type { RoundsOptions } from './rounds.js';
import { refuseMemoryDisk } from './machine.js';

/** One run: its options, its directory on a real disk, and what must be closed when it is over. */
export class Bench {
  readonly progress = new Progress();
  readonly dir = mkdtempSync(join(tmpdir(), 'consent-ledger-bench-'));
  private readonly closers: (() => Promise<void>)[] = [];

  constructor(readonly options: BenchOptions) {
    refuseMemoryDisk(this.dir);
  }

  /** The full amount of work, or a tenth of it in a quick run. */
  amount(full: number): number {
    return this.options.quick ? Math.ceil(full / 10) : full;
  }

  /** How many rounds there are, and a line of progress for each run of them. */
  rounds(title: string, { warmUps = 0 }: { warmUps?: number } = {}): RoundsOptions {
    const { rounds } = this.options;
    const onRun = (name: string, round: number) => {
      const which = round > 0 ? `round ${round} of ${rounds}` : 'warm-up';
      this.progress.say(`${title}: ${which}, ${name}`);
    };
    return { rounds, warmUps, onRun };
  }

  /** Closed at the end of the run, in reverse order, also where it breaks off. */
  own(close: () => Promise<void>): void {
    this.closers.push(close);
  }

  async close(): Promise<void> {
    try {
      for (const close of this.closers.splice(0).reverse()) await close();
    } finally {
      rmSync(this.dir, { recursive: true, force: true });
      this.progress.end();
    }
  }
}
