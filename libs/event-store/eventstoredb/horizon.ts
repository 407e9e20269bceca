import type { Wake } from '../wake.js';
import { CallFailure } from './failure.js';

/**
 * The furthest place in the ledger that this process knows to be committed, from whatever node. It only ever grows, and
 * whoever follows the ledger is woken when it does. A node that knows less is not asked any further.
 */
export class Horizon {
  private furthest = 0;

  constructor(readonly wake: Wake) {}

  get n(): number {
    return this.furthest;
  }

  /** Throws a `CallFailure` where that is no place. */
  reach(n: number): void {
    checkPlace(n);
    if (n <= this.furthest) return;
    this.furthest = n;
    this.wake.ring();
  }
}

/** Places have at most fifteen digits. Older servers give the largest number of all for every event of a stream. */
const LARGEST_PLACE = 1e15;

/** Throws a `CallFailure` where a number cannot be a place in a ledger; nothing would ever be read after it. */
export function checkPlace(n: number): void {
  if (n < LARGEST_PLACE) return;
  throw new CallFailure('refused', 'EventStoreDB does not tell the places of events: version 22.6 or newer is needed');
}
