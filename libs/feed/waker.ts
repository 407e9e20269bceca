/** Resumed at once by as few as these; more have to share the process with whoever else wants something of it. */
const AT_ONCE = 200;

/**
 * Wakes those who wait, so many in one turn of the event loop: to write to ten thousand watchers takes a tenth of a
 * second in which a check must not have to wait. What they are told they look up themselves, when their turn comes.
 */
export class Waker {
  private queue: (() => void)[] = [];
  private at = 0;
  private scheduled = false;

  wake(resumes: Iterable<() => void>): void {
    for (const resume of resumes) this.queue.push(resume);
    if (!this.scheduled) this.run();
  }

  private readonly run = (): void => {
    const until = Math.min(this.queue.length, this.at + AT_ONCE);
    while (this.at < until) (this.queue[this.at++] as () => void)();
    this.scheduled = this.at < this.queue.length;
    if (this.scheduled) return void setImmediate(this.run);
    this.queue = [];
    this.at = 0;
  };
}
