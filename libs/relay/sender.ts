import type { Instant } from '#consent';
import type { HeldLease } from './lease.js';
import type { ParkedEvents } from './parked.js';
import type { LaneProgress } from './progress.js';
import { RecordRefused, type OutgoingRecord, type Publisher, type Stored } from './publisher.js';
import { LeaseLost } from './relay-database.js';
import type { Telling } from './tellings.js';

export interface SenderOptions {
  readonly publisher: Publisher;
  readonly progress: LaneProgress;
  readonly lease: Pick<HeldLease, 'epoch' | 'holds'>;
  readonly parked: ParkedEvents;
  readonly signal: AbortSignal;
  readonly clock: { now(): number; monotonic(): number };
  /** Told of everything parked, once its stand-in is stored. */
  readonly onParked: (telling: Telling) => void;
  readonly onAcknowledged: (milliseconds: number, records: number) => void;
  /** Told where each batch was stored. */
  readonly onStored?: (stored: readonly Stored[]) => void;
}

/** A lane's way to its topics: one batch after the other, each stored or its records parked when `send` resolves. */
export class Sender {
  batches = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: SenderOptions) {}

  /**
   * Resolves with what had to be parked. Rejects with `LeaseLost`, `PublisherStopped` or `TopicLost`, and with
   * `RecordRefused` where the broker does not even take a stand-in: then no record is to blame.
   */
  send(tellings: readonly Telling[]): Promise<readonly Telling[]> {
    const sent = this.#turn.then(() => this.#send(tellings));
    this.#turn = sent.catch(() => undefined);
    return sent;
  }

  async #send(tellings: readonly Telling[]): Promise<readonly Telling[]> {
    try {
      await this.#publish(tellings.map(({ record }) => record));
    } catch (error) {
      if (!(error instanceof RecordRefused)) throw error;
      return this.#sendParts(tellings);
    }
    const failed = tellings.filter((telling) => telling.failed);
    for (const telling of failed) this.#park(telling, 'mapping');
    return failed;
  }

  /** Halves, until the record that the broker refuses stands alone. */
  async #sendParts(tellings: readonly Telling[]): Promise<readonly Telling[]> {
    const [first] = tellings;
    if (tellings.length === 1 && first !== undefined) {
      await this.#publish([first.standIn()]);
      this.#park(first, 'refused');
      return [first];
    }
    const middle = Math.ceil(tellings.length / 2);
    const parked = await this.#send(tellings.slice(0, middle));
    return [...parked, ...(await this.#send(tellings.slice(middle)))];
  }

  async #publish(batch: readonly OutgoingRecord[]): Promise<void> {
    const { publisher, progress, lease, signal, clock, onStored, onAcknowledged } = this.options;
    if (!lease.holds()) throw new LeaseLost('the lease is over');
    const beganMs = clock.monotonic();
    const stored = await publisher.publish(batch, signal);
    this.batches += 1;
    onAcknowledged(clock.monotonic() - beganMs, batch.length);
    progress.note(stored);
    onStored?.(stored);
  }

  #park(telling: Telling, why: 'mapping' | 'refused'): void {
    const { parked, lease, clock, onParked } = this.options;
    const parkedAt: Instant = new Date(clock.now()).toISOString();
    parked.park(lease.epoch, { ...telling.about, why, parkedAt });
    onParked(telling);
  }
}
