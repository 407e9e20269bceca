/** Two clocks, since one of them can be set back and the other stands still while a machine sleeps. */
export interface GuardClock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Milliseconds since some fixed moment; never goes back. */
  monotonicMs(): number;
}

export const SYSTEM_CLOCK: GuardClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
