import { setTimeout as pause } from 'node:timers/promises';
import type { RelayDatabase } from './relay-database.js';

/** What a relay remembers, as its own file holds it: rows of the tables, in the order of their columns. */
export interface RelayMemory {
  /** Of the last lease, so that the next one is a later one. */
  readonly epoch: number;
  readonly checkpoints: readonly (readonly unknown[])[];
  readonly offsets: readonly (readonly unknown[])[];
  readonly parked: readonly (readonly unknown[])[];
}

/** Where the relays of several machines leave their memory for one another. */
export interface MemoryPlace {
  /** What was left last; undefined where nothing was. Whoever took it before can leave nothing any more. */
  take(): Promise<RelayMemory | undefined>;
  /** False where another has taken it since. */
  save(memory: RelayMemory): Promise<boolean>;
}

export interface MemoryOptions {
  readonly database: RelayDatabase;
  readonly place: MemoryPlace;
  /** Told once that another has taken it: nothing is kept any more, whichever of the two is the one chosen. */
  readonly onTaken: () => void;
  /** Told once of each time that it cannot be kept. */
  readonly onProblem: (error: unknown) => void;
}

const KEEP_EVERY_MS = 1_000;
/** At the end a place that does not answer is not waited for longer, in milliseconds. */
const LAST_MS = 1_000;

/**
 * Carries a relay's memory to whoever is chosen next, whose own file may know nothing or be weeks old: it would tell the
 * whole ledger again before it came to the newest opt-outs. What was published in the last second is told twice.
 */
export class KeptMemory {
  readonly #closing = new AbortController();
  readonly #keeping: Promise<void>;
  #kept = '';
  #isFailing = false;
  #isOver = false;

  /**
   * Takes over what was left, also where the own file is a second newer: it may as well be older. Keeps what changes from
   * then on. Rejects where the place cannot be read.
   */
  static async begin(options: MemoryOptions): Promise<KeptMemory> {
    const left = await options.place.take();
    if (left) options.database.adopt(left);
    return new KeptMemory(options);
  }

  private constructor(private readonly options: MemoryOptions) {
    this.#keeping = this.#keep();
  }

  /** Keeps what is known by then. To be called when the relay has ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.race([this.#keeping.then(() => this.#save()), pause(LAST_MS, undefined, { ref: false })]);
  }

  async #keep(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await pause(KEEP_EVERY_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.#save();
    }
  }

  async #save(): Promise<void> {
    const { database, place, onTaken, onProblem } = this.options;
    if (this.#isOver) return;
    try {
      const memory = database.memory();
      const text = JSON.stringify(memory);
      if (text === this.#kept) return;
      this.#isOver = !(await place.save(memory));
      this.#kept = text;
      this.#isFailing = false;
      if (this.#isOver) onTaken();
    } catch (error) {
      if (!this.#isFailing) onProblem(error);
      this.#isFailing = true;
    }
  }
}
