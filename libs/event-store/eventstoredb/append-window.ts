import { StoreOverloaded } from '../port.js';
import { CallFailure } from './failure.js';
import type { TimeLimit } from './persist.js';

export type Lane = 'revocation' | 'normal';

const RETRY_AFTER_MS = 1_000;

/**
 * How many appends are on their way. Ordinary ones are few at a time, so that a revocation, which goes at once and is
 * never turned away, finds little before it on the wire.
 */
export class AppendWindow {
  private readonly queue = new Set<() => void>();
  private inFlight = 0;
  private revocations = 0;

  constructor(
    private readonly maxInFlight: number,
    private readonly maxQueued: number,
  ) {}

  /** Appends that were taken and are not answered yet. */
  lengths(): Readonly<Record<Lane, number>> {
    return { normal: this.inFlight + this.queue.size, revocation: this.revocations };
  }

  /** Resolves to what gives the place back. Rejects with `StoreOverloaded`, or when its time is over. */
  async enter(lane: Lane, time: TimeLimit): Promise<() => void> {
    if (lane === 'revocation') {
      this.revocations += 1;
      return () => (this.revocations -= 1);
    }
    if (this.inFlight < this.maxInFlight) this.inFlight += 1;
    else await this.queueUp(time);
    // Whose time ended in the very moment when the turn came has gone, and would never leave.
    if (time.isOver) this.leave();
    if (time.isOver) throw new CallFailure('busy');
    return () => this.leave();
  }

  private queueUp({ over }: TimeLimit): Promise<void> {
    if (this.queue.size >= this.maxQueued) throw new StoreOverloaded(RETRY_AFTER_MS);
    return new Promise((resolve, reject) => {
      this.queue.add(resolve);
      const giveUp = () => {
        if (this.queue.delete(resolve)) reject(new CallFailure('busy'));
      };
      over.catch(giveUp);
    });
  }

  /** The place is handed on to who has waited longest. */
  private leave(): void {
    const [next] = this.queue;
    if (next === undefined) this.inFlight -= 1;
    else if (this.queue.delete(next)) next();
  }
}
