/** The two clocks of a process. Whatever decides on time gets one of these, so that a test can turn it. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. May jump, also backwards, when the machine's clock is set. */
  now(): number;
  /** Milliseconds since some fixed moment of this process. Never goes back: for durations, deadlines and lag. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** A clock that stands still until it is told otherwise: for tests of everything that depends on time. */
export class SettableClock implements Clock {
  private elapsedMs = 0;

  constructor(private epochMs: number) {}

  now(): number {
    return this.epochMs;
  }

  monotonic(): number {
    return this.elapsedMs;
  }

  /** Time passes, for both clocks. */
  advance(ms: number): void {
    if (ms < 0) throw new RangeError('Time does not go back; setTo() turns the wall clock back.');
    this.epochMs += ms;
    this.elapsedMs += ms;
  }

  /** Somebody sets the machine's clock: the wall clock jumps, the monotonic one does not notice. */
  setTo(epochMs: number): void {
    this.epochMs = epochMs;
  }
}
