/** After one to two of these in which watermarks came steadily, what no watermark of them bears out is forgotten. */
const SPAN_MS = 300_000;
/** A longer pause between two watermarks counts as no more: what came late after it does not bear out that it was not. */
const LONGEST_GAP_MS = 5_000;

/**
 * What the watermarks tell of the ledger's clock, by a monotonic clock of one's own, so that no other clock need be right.
 * Each says an instant that the ledger's clock has reached. It was under way for a while, so the one that was furthest
 * ahead of the monotonic clock comes nearest to the truth, and whatever lags behind it is old: it came late, or the
 * ledger's clock was put back. The two look alike, so it counts as late, until for some minutes nothing was further ahead.
 */
export class LedgerClock {
  /** By how much the ledger's clock is ahead of the monotonic one: ever, in the span before this one, and in this one. */
  #everMs = Number.NEGATIVE_INFINITY;
  #beforeMs = Number.NEGATIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;
  #spanMs = 0;
  #heardMs: number | undefined;

  /** A watermark made at `timeMs` came at `arrivedMs` of the monotonic clock. */
  heard(timeMs: number, arrivedMs: number): void {
    this.#spanMs += Math.min(arrivedMs - (this.#heardMs ?? arrivedMs), LONGEST_GAP_MS);
    this.#heardMs = arrivedMs;
    if (this.#spanMs >= SPAN_MS) this.#beginSpan();
    this.#lastMs = Math.max(this.#lastMs, timeMs - arrivedMs);
    this.#everMs = Math.max(this.#everMs, this.#lastMs);
  }

  /** What it says now, as far as the last minutes of watermarks tell. */
  nowMs(monotonicMs: number): number {
    return monotonicMs + Math.max(this.#beforeMs, this.#lastMs);
  }

  /** An instant that it has reached by now. Never falls: what has ended by then does not begin again. */
  reachedMs(monotonicMs: number): number {
    return monotonicMs + this.#everMs;
  }

  #beginSpan(): void {
    this.#beforeMs = this.#lastMs;
    this.#lastMs = Number.NEGATIVE_INFINITY;
    this.#spanMs = 0;
  }
}
