/** Tells those who wait that something may have been appended. A ring between look and wait is never missed. */
export class Wake {
  private rings = 0;
  private waiting = new Set<() => void>();

  /** To be taken before looking; `after` then returns at once where it has rung since. */
  ticket(): number {
    return this.rings;
  }

  ring(): void {
    this.rings += 1;
    const woken = this.waiting;
    this.waiting = new Set();
    for (const resume of woken) resume();
  }

  /** Resolves at the next ring, or when the signal aborts. Readers may come and go for long before anything rings. */
  after(ticket: number, signal: AbortSignal): Promise<void> {
    if (this.rings !== ticket || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const resume = () => {
        signal.removeEventListener('abort', resume);
        this.waiting.delete(resume);
        resolve();
      };
      signal.addEventListener('abort', resume, { once: true });
      this.waiting.add(resume);
    });
  }
}
