import type { Checkpointer } from '#sqlite';

/**
 * The log of a database still holds what its pages held before. What is to be gone for good is gone only when the log
 * was moved into the database and emptied, which it can be while nobody reads from it: a backup may, for a while.
 */
export class EmptiedLog {
  private destroyed = 0;
  private emptied = 0;

  constructor(private readonly checkpointer: Checkpointer) {}

  /** Says that something was destroyed in the open transaction; answers the mark by which to ask whether it is gone. */
  mark(): number {
    this.destroyed += 1;
    return this.destroyed;
  }

  isGone(mark: number): boolean {
    return this.emptied >= mark;
  }

  /** To be called after each commit. Waits for nobody that reads; the next commit tries again. */
  empty(): void {
    const { destroyed } = this;
    if (this.emptied === destroyed) return;
    if (this.checkpointer.empty()) this.emptied = destroyed;
  }
}
