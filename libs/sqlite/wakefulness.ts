const MISSES_ALLOWED = 8;
const TRIES_APART = 16;

/**
 * Whether to stay awake for an answer that is expected at once. It pays where the answer comes in that time; on a busy
 * machine it does not, and takes the processor from the very thread that is to answer. So it is given up after a few
 * vain attempts, and tried again now and then.
 */
export class Wakefulness {
  private misses = 0;
  private passed = 0;

  /** To be asked each time; what came of staying awake is to be told afterwards. */
  isWorthwhile(): boolean {
    if (this.misses < MISSES_ALLOWED) return true;
    this.passed = (this.passed + 1) % TRIES_APART;
    return this.passed === 0;
  }

  tell(helped: boolean): void {
    this.misses = helped ? 0 : this.misses + 1;
  }
}
