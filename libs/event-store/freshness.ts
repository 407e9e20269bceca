import { hasReached, type EventStore, type Position } from './port.js';

/** When something was, by both clocks. */
interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

const NEVER: Moment = { monotonicMs: -Infinity, wallMs: -Infinity };

interface Proof {
  readonly began: Moment;
  readonly head: Position;
}

/**
 * How old a follower's knowledge may be. Whoever has reached a head that was read after a proof began knows everything
 * that was acknowledged when it began, so the lag runs from that moment. By the monotonic clock; and where a wall clock is
 * given by that too, whichever says more, since a machine that is suspended as a whole stops the first and not the second.
 */
export class Freshness {
  private open: Proof[] = [];
  private position: Position | undefined;
  private proved = NEVER;
  /** Why the last proof could not begin; undefined where it could. */
  failure: unknown;

  constructor(
    private readonly store: Pick<EventStore, 'head'>,
    private readonly monotonic: () => number,
    private readonly wall?: () => number,
  ) {}

  /** Begins a proof; a head that cannot be read proves nothing. */
  async probe(): Promise<void> {
    const began = this.now();
    try {
      const head = await this.store.head();
      this.failure = undefined;
      this.open.push({ began, head });
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
    const { monotonicMs, wallMs } = this.proved;
    const lagMs = this.monotonic() - monotonicMs;
    return this.wall === undefined ? lagMs : Math.max(lagMs, this.wall() - wallMs);
  }

  private now(): Moment {
    return { monotonicMs: this.monotonic(), wallMs: this.wall?.() ?? 0 };
  }

  /**
   * The oldest proof is kept until it is reached, or a follower that is always a little behind would never prove
   * anything; of the younger ones the newest is enough.
   */
  private settle(): void {
    const proved = this.open.filter(({ head }) => this.position !== undefined && hasReached(this.position, head));
    for (const { began } of proved) if (began.monotonicMs >= this.proved.monotonicMs) this.proved = began;
    const unproved = this.open.filter((proof) => !proved.includes(proof));
    this.open = unproved.length > 2 ? [...unproved.slice(0, 1), ...unproved.slice(-1)] : unproved;
  }
}
