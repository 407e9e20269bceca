import type { PoolClient } from 'pg';
import { ClientSession } from './session.js';

/** A session that is its holder's until it is given back or lost, and what the server ties to it with it. */
export class HeldSession extends ClientSession {
  /** Resolves when the session is over, whoever ended it. */
  readonly over: Promise<void>;
  #released = false;

  constructor(
    private readonly held: PoolClient,
    patienceMs?: number,
  ) {
    super(held, patienceMs);
    this.over = new Promise((resolve) => {
      held.once('end', () => {
        this.release();
        resolve();
      });
    });
  }

  /** Closed, not given to the next: what the server ties to it must end now. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.held.release(true);
  }
}
