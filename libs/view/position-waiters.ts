import { hasReached, type Position } from '#event-store';

interface Waiter {
  readonly wanted: Position;
  readonly settle: (reached: boolean) => void;
}

/** Questions that wait for the copy to pass a position. Each waits for its own time and no longer. */
export class PositionWaiters {
  readonly #waiters = new Set<Waiter>();

  /** Resolves to true once `moved` was called with a position at or past `wanted`, to false after `timeoutMs`. */
  wait(wanted: Position, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (reached: boolean) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(reached);
      };
      const waiter = { wanted, settle };
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  moved(copyAt: Position): void {
    for (const waiter of this.#waiters) {
      if (hasReached(copyAt, waiter.wanted)) waiter.settle(true);
    }
  }

  /** Nothing more will come: those who wait are told so. */
  close(): void {
    for (const waiter of this.#waiters) waiter.settle(false);
  }
}
