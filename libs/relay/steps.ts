import type { Position } from '#event-store';

/** A stretch of the ledger, and how much of what follows from it is still to be published. */
export interface Step {
  to: Position;
  left: number;
  /** When the ledger heard of the first of it, in milliseconds since 1970; undefined where there is nothing in it. */
  readonly sinceMs: number | undefined;
}

/**
 * Stretches of the ledger that are begun in order and finished in any order: up to where is everything done? That is
 * the lane's checkpoint.
 */
export class Steps {
  readonly #open: Step[] = [];

  constructor(private done: Position | undefined) {}

  /** Everything up to here is done; undefined where nothing is. */
  get position(): Position | undefined {
    return this.done;
  }

  /** When the ledger heard of the oldest that is not done; undefined where all is. */
  get oldestMs(): number | undefined {
    return this.#open[0]?.sinceMs;
  }

  /** How many stretches are kept apart: those that are not done, and what is done between two of them. */
  get size(): number {
    return this.#open.length;
  }

  /** Begins the stretch that ends at `to`, with so many things to be done; with none it is done at once. */
  begin(to: Position, left: number, sinceMs?: number): Step {
    this.#merge();
    const step = { to, left, sinceMs };
    this.#open.push(step);
    this.#advance();
    return step;
  }

  finishOne(step: Step): void {
    step.left -= 1;
    this.#advance();
  }

  /** Of those that are done and wait for one before them, the last two become one: hours without a broker bring millions. */
  #merge(): void {
    const [before, last] = this.#open.slice(-2);
    if (before?.left !== 0 || last?.left !== 0) return;
    before.to = last.to;
    this.#open.pop();
  }

  #advance(): void {
    let finished = 0;
    while (this.#open[finished]?.left === 0) finished += 1;
    if (finished === 0) return;
    this.done = (this.#open[finished - 1] as Step).to;
    this.#open.splice(0, finished);
  }
}
