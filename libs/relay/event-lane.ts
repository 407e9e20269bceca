import { follow, type Delivery, type EventStore, type Follower, type Position } from '#event-store';
import { batchesOf, type BatchLimits } from './batches.js';
import type { LaneProgress } from './progress.js';
import type { Sender } from './sender.js';
import { Steps, type Step } from './steps.js';
import type { Telling } from './tellings.js';

/** What is to be published of a stretch of the ledger. */
export interface Prepared {
  readonly tellings: readonly Telling[];
  /** When the ledger heard of the first, in milliseconds since 1970. */
  readonly sinceMs?: number;
  /** Called once they are stored. */
  readonly onStored?: () => void;
  /** What is still to be done for the stretch after that; only then it counts. One rest after the other. */
  readonly rest?: () => Promise<void>;
}

export interface EventLaneOptions {
  readonly name: string;
  readonly store: EventStore;
  readonly prefixes: readonly string[];
  readonly batches: BatchLimits;
  readonly progress: LaneProgress;
  readonly sender: Sender;
  readonly prepare: (delivery: Delivery) => Promise<Prepared>;
  /** Waited for before a batch is sent. */
  readonly giveWay?: () => Promise<void>;
  /** Of how many records the rest may wait before no more are sent. */
  readonly mostAtRest: number;
  /** Told whenever everything up to a position is published. */
  readonly onMoved?: (position: Position) => void;
  readonly onError: (error: unknown) => void;
  /** The lane cannot go on: it is to begin again at its checkpoint. */
  readonly fail: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/**
 * Publishes what the ledger says, stretch by stretch. The next stretch is read and prepared while one is being sent;
 * the checkpoint is moved when everything up to it is stored.
 */
export class EventLane {
  readonly #options: EventLaneOptions;
  readonly #steps: Steps;
  readonly #follower: Follower;
  #read: Position | undefined;
  #sending: Promise<void> = Promise.resolve();
  #resting: Promise<void> = Promise.resolve();
  #atRest = 0;
  #inHand = 0;

  constructor(options: EventLaneOptions) {
    const { name, store, prefixes, batches, progress, onError, signal } = options;
    this.#options = options;
    this.#read = progress.checkpoint;
    this.#steps = new Steps(this.#read);
    this.#follower = follow({
      ...{ store, name, prefixes, batchSize: batches.records, onError, signal },
      // After a failure of the store it goes on where it has read to: what was read is on its way.
      from: async () => this.#read,
      handle: (delivery) => this.#take(delivery),
    });
  }

  /** Everything up to here is published; undefined where nothing is. */
  get position(): Position | undefined {
    return this.#steps.position;
  }

  /** When the ledger heard of the oldest that is not published; undefined where nothing waits. */
  get oldestMs(): number | undefined {
    return this.#steps.oldestMs;
  }

  /** How many records are being sent now. */
  get inHand(): number {
    return this.#inHand;
  }

  get follower(): Follower {
    return this.#follower;
  }

  /** Resolves when nothing of the lane runs any more. Its signal must have been aborted. */
  async ended(): Promise<void> {
    await this.#follower.stop();
    await this.#sending;
    await this.#resting;
  }

  async #take(delivery: Delivery): Promise<void> {
    const prepared = await this.#options.prepare(delivery);
    const isEmpty = prepared.tellings.length === 0 && prepared.rest === undefined;
    if (!isEmpty) await this.#sending;
    if (this.#atRest >= this.#options.mostAtRest) await this.#resting;
    if (this.#options.signal.aborted) return;
    this.#read = delivery.position;
    const step = this.#steps.begin(delivery.position, isEmpty ? 0 : 1, prepared.sinceMs);
    if (isEmpty) this.#moved();
    else this.#sending = this.#orFail(this.#deliver(prepared, step));
  }

  async #deliver({ tellings, onStored, rest }: Prepared, step: Step): Promise<void> {
    const { batches, sender, giveWay } = this.#options;
    for (const batch of batchesOf(tellings, batches)) {
      await giveWay?.();
      this.#inHand = batch.length;
      await sender.send(batch);
    }
    this.#inHand = 0;
    onStored?.();
    if (rest === undefined) this.#finish(step);
    else this.#resting = this.#orFail(this.#afterOthers(rest, step, tellings.length));
  }

  async #afterOthers(rest: () => Promise<void>, step: Step, records: number): Promise<void> {
    this.#atRest += records;
    await this.#resting;
    await rest();
    this.#atRest -= records;
    this.#finish(step);
  }

  #finish(step: Step): void {
    this.#steps.finishOne(step);
    this.#moved();
  }

  #moved(): void {
    const { progress, onMoved, fail } = this.#options;
    const { position } = this.#steps;
    try {
      progress.save(position);
    } catch (error) {
      return fail(error);
    }
    if (position !== undefined) onMoved?.(position);
  }

  #orFail(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => this.#options.fail(error));
  }
}
