import type { Position } from '#event-store';
import { storageErrorOf } from '#sqlite';
import { forgetLane } from './comparison.js';
import { RecordsLost, type Stored, type Written } from './publisher.js';
import type { RelayDatabase } from './relay-database.js';

export interface ProgressOptions {
  readonly database: RelayDatabase;
  /** Of the lease under which it is kept. */
  readonly epoch: number;
  readonly lane: string;
  readonly onProblem: (error: unknown) => void;
}

/** How far a lane is, in the ledger and in each partition that it writes; kept in the database and in memory. */
export class LaneProgress {
  readonly #offsets = new Map<string, Written>();
  readonly #unsaved = new Map<string, Written>();
  #isForgotten = false;

  constructor(private readonly options: ProgressOptions) {
    const { database, lane } = options;
    for (const written of database.offsets(lane)) this.#offsets.set(keyOf(written), written);
  }

  get checkpoint(): Position | undefined {
    return this.options.database.checkpoint(this.options.lane);
  }

  offsetOf(topic: string, partition: number): string | undefined {
    return this.#offsets.get(keyOf({ topic, partition }))?.nextOffset;
  }

  /**
   * Takes note of what was stored. Throws `RecordsLost` where it does not stand behind what was stored before: the
   * partition was made anew.
   */
  note(written: readonly (Written & Partial<Stored>)[]): void {
    for (const one of written) {
      const key = keyOf(one);
      const before = this.#offsets.get(key);
      const { firstOffset = one.nextOffset } = one;
      if (before && BigInt(firstOffset) < BigInt(before.nextOffset))
        throw new RecordsLost(one.topic, `${one.topic} was made anew`);
      this.#offsets.set(key, one);
      this.#unsaved.set(key, one);
    }
  }

  /** What is stored from now on must also stand behind what these have stored by now in the same partitions. */
  standBehind(others: readonly LaneProgress[]): void {
    for (const [key, written] of others.flatMap((other) => [...other.#offsets])) {
      const own = this.#offsets.get(key)?.nextOffset ?? 0;
      if (BigInt(own) < BigInt(written.nextOffset)) this.#offsets.set(key, written);
    }
  }

  /**
   * Keeps position and offsets. Throws `LeaseLost`. A disk that fails is reported and no more: the lane goes on, and
   * what is not kept is at worst published again. What is forgotten stays so.
   */
  save(position: Position | undefined): void {
    if (this.#isForgotten) return;
    const { database, epoch, lane, onProblem } = this.options;
    const offsets = [...this.#unsaved.values()];
    try {
      database.save(epoch, lane, { position, offsets });
      this.#unsaved.clear();
    } catch (error) {
      if (storageErrorOf(error) === undefined) throw error;
      onProblem(error);
    }
  }

  /** Whoever has the next term, here or elsewhere, begins the lane at the start of the ledger. Never throws. */
  forget(): void {
    const { database, epoch, lane, onProblem } = this.options;
    this.#isForgotten = true;
    try {
      forgetLane(database, epoch, lane);
    } catch (error) {
      onProblem(error);
    }
  }
}

function keyOf({ topic, partition }: Pick<Written, 'topic' | 'partition'>): string {
  return `${topic} ${partition}`;
}
