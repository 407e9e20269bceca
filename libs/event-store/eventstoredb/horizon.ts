import type { Wake } from '../wake.js';

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

  reach(n: number): void {
    if (n <= this.furthest) return;
    this.furthest = n;
    this.wake.ring();
  }
}
