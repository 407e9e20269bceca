const FIRST_MS = 25;
const LONGEST_MS = 1_000;

/**
 * Keeps a server that is away, or just coming back, from being asked for a session by everybody at once: after a failure
 * nobody asks for a while, twice as long after each further one, and whoever would is told so at once.
 */
export class BackOff {
  #failures = 0;
  #until = 0;

  constructor(private readonly monotonic: () => number = () => performance.now()) {}

  /** Milliseconds that are left to wait; 0: go on. */
  get waitMs(): number {
    return Math.max(0, this.#until - this.monotonic());
  }

  succeeded(): void {
    this.#failures = 0;
    this.#until = 0;
  }

  failed(): void {
    const waitMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures);
    this.#failures += 1;
    this.#until = this.monotonic() + waitMs;
  }
}
