import type { Terms } from './terms.js';

/**
 * Compares our clock with the server's, which it sends in whole seconds with every answer. Nothing in the adapter rests
 * on the two being equal; but the times within events are ours, and whoever compares ledgers should know.
 */
export class ClockCheck {
  private differenceMs: number | undefined;

  constructor(private readonly terms: Pick<Terms, 'now' | 'clockToleranceMs' | 'onReport'>) {}

  /** In plain words; undefined while the clocks agree. */
  get problem(): string | undefined {
    if (this.differenceMs === undefined) return undefined;
    const seconds = Math.round(Math.abs(this.differenceMs) / 1_000);
    const direction = this.differenceMs > 0 ? 'ahead of' : 'behind';
    return `the clock of EventStoreDB is ${seconds} s ${direction} ours`;
  }

  compare(serverMs: number): void {
    const differenceMs = serverMs - this.terms.now();
    const differed = this.differenceMs !== undefined;
    const differs = Math.abs(differenceMs) > this.terms.clockToleranceMs;
    this.differenceMs = differs ? differenceMs : undefined;
    if (differs && !differed) this.terms.onReport({ kind: 'clocks differ', differenceMs });
    if (!differs && differed) this.terms.onReport({ kind: 'clocks agree' });
  }
}
