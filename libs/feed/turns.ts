/** The right to hold a page of history in memory. */
export interface Turn {
  /** The page is there: from now on the turn may be taken away where others wait. */
  hold(onLost: () => void): void;
  /** Idempotent. */
  end(): void;
}

interface Held {
  readonly sinceMs: number;
  readonly onLost: () => void;
}

/**
 * So many at once may read history, in the order in which they asked. Whoever holds a page for too long while others
 * wait loses it, and asks again: one that takes its time, or has stopped reading, keeps nobody from getting on.
 */
export class Turns {
  private free: number;
  private readonly waiting: ((turn: Turn) => void)[] = [];
  /** In the order in which they began to hold. */
  private readonly held = new Map<Turn, Held>();
  private looking: NodeJS.Timeout | undefined;

  constructor(
    count: number,
    private readonly holdMs: number,
  ) {
    this.free = count;
  }

  take(): Promise<Turn> {
    if (this.free > 0) {
      this.free -= 1;
      return Promise.resolve(this.make());
    }
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.look();
    });
  }

  private make(): Turn {
    let ended = false;
    const turn: Turn = {
      hold: (onLost) => {
        if (ended) return;
        this.held.set(turn, { sinceMs: performance.now(), onLost });
        this.look();
      },
      end: () => {
        if (ended) return;
        ended = true;
        this.held.delete(turn);
        this.pass();
      },
    };
    return turn;
  }

  private pass(): void {
    const next = this.waiting.shift();
    if (next) next(this.make());
    else this.free += 1;
  }

  /** A timer runs only while somebody waits for a turn that somebody holds. */
  private look(): void {
    const [oldest] = this.held;
    if (this.looking || this.waiting.length === 0 || !oldest) return;
    const [turn, { sinceMs, onLost }] = oldest;
    const leftMs = sinceMs + this.holdMs - performance.now();
    this.looking = setTimeout(
      () => {
        this.looking = undefined;
        if (this.waiting.length > 0 && this.held.has(turn)) {
          turn.end();
          onLost();
        }
        this.look();
      },
      Math.max(0, leftMs),
    );
  }
}
