import { hasReached, type EventStore, type Position } from './port.js';

interface Proof {
  readonly beganMs: number;
  readonly head: Position;
}

/**
 * How old a follower's knowledge may be. Whoever has reached a head that was read after a proof began knows everything
 * that was durable when it began, so the lag runs from that moment.
 */
export class Freshness {
  private open: Proof[] = [];
  private position: Position | undefined;
  private provedMs = -Infinity;
  /** Why the last proof could not begin; undefined where it could. */
  failure: unknown;

  constructor(
    private readonly store: Pick<EventStore, 'head'>,
    private readonly monotonic: () => number,
  ) {}

  /** Begins a proof; a head that cannot be read proves nothing. */
  async probe(): Promise<void> {
    const beganMs = this.monotonic();
    try {
      const head = await this.store.head();
      this.failure = undefined;
      this.open.push({ beganMs, head });
      this.settle();
    } catch (error) {
      this.failure = error;
    }
  }

  reached(position: Position | undefined): void {
    this.position = position;
    this.settle();
  }

  lagMs(): number {
    return this.monotonic() - this.provedMs;
  }

  /**
   * The oldest proof is kept until it is reached, or a follower that is always a little behind would never prove
   * anything; of the younger ones the newest is enough.
   */
  private settle(): void {
    const proved = this.open.filter(({ head }) => this.position !== undefined && hasReached(this.position, head));
    for (const { beganMs } of proved) this.provedMs = Math.max(this.provedMs, beganMs);
    const unproved = this.open.filter((proof) => !proved.includes(proof));
    this.open = unproved.length > 2 ? [...unproved.slice(0, 1), ...unproved.slice(-1)] : unproved;
  }
}
