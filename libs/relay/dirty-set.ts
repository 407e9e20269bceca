import { hasReached, type Position } from '#event-store';
import { Steps, type Step } from './steps.js';

/** What a record of the state lane is about. */
export interface Subject {
  readonly kind: 'recipient' | 'business';
  readonly id: string;
}

export interface Touched extends Subject {
  readonly position: Position;
}

export interface Dirty extends Subject {
  /** The newest event that is known to have changed it: an older copy must not be published. */
  position: Position;
  /** Absent where the ledger's follower has not come to it, so that no checkpoint depends on it. */
  step?: Step;
  /** Told once it has been published. */
  readonly waiting: (() => void)[];
  /** Set where somebody else's record stands, so that it is told also that nothing is recorded. */
  evenNothing?: boolean;
}

export interface UrgeOptions {
  readonly evenNothing?: boolean | undefined;
  /** Called once it is published. */
  readonly published?: () => void;
}

/**
 * Whose state has changed and is to be published: what is urgent first, then the oldest first. Each is there once,
 * however often it changes, until a state that knows its newest event has been published.
 */
export class DirtySet {
  readonly #urgent = new Map<string, Dirty>();
  readonly #normal = new Map<string, Dirty>();
  readonly #steps: Steps;
  #someone: (() => void)[] = [];

  constructor(
    from: Position | undefined,
    private readonly mostPreferred = Infinity,
  ) {
    this.#steps = new Steps(from);
  }

  get size(): number {
    return this.#urgent.size + this.#normal.size;
  }

  /** Everything up to here is published; undefined where nothing is known to be. */
  get published(): Position | undefined {
    return this.#steps.position;
  }

  /** When the ledger heard of the oldest change that is not published; undefined where all are. */
  get oldestMs(): number | undefined {
    return this.#steps.oldestMs;
  }

  /** A stretch of the ledger: who is touched by it, with the newest event of each, and when it heard of the first. */
  add(touched: readonly Touched[], to: Position, sinceMs: number | undefined): void {
    // One more than there are, so that the step is not done before all of them are counted.
    const step = this.#steps.begin(to, touched.length + 1, sinceMs);
    for (const { kind, id, position } of touched) {
      const entry = this.#mark({ kind, id }, position, this.#normal);
      if (entry.step) this.#steps.finishOne(step);
      else entry.step = step;
    }
    this.#steps.finishOne(step);
    this.#wake();
  }

  /** Ahead of all that is not urgent. */
  urge(subject: Subject, position: Position, { evenNothing, published }: UrgeOptions = {}): void {
    const key = keyOf(subject);
    const entry = this.#mark(subject, position, this.#urgent);
    if (evenNothing) entry.evenNothing = true;
    if (published) entry.waiting.push(published);
    if (this.#normal.delete(key)) this.#urgent.set(key, entry);
    this.#wake();
  }

  /**
   * The same as long as not too many are urgent. Who is left out comes in the order of the ledger: `add` has told of the
   * event, or will.
   */
  prefer(subject: Subject, position: Position): void {
    if (this.#urgent.size < this.mostPreferred) this.urge(subject, position);
  }

  /** The next to be published. They stay until `remove`. */
  next(limit: number): readonly Dirty[] {
    const found: Dirty[] = [];
    for (const entries of [this.#urgent, this.#normal]) {
      for (const entry of entries.values()) {
        if (found.length === limit) return found;
        found.push(entry);
      }
    }
    return found;
  }

  /**
   * Takes out an entry whose state, as of `copiedTo`, is about to be published. False where it changed again since, so
   * that this state is not its newest; it then stays. `settle` is to be called with what was taken out.
   */
  remove(entry: Dirty, copiedTo: Position): boolean {
    if (!hasReached(copiedTo, entry.position)) return false;
    const key = keyOf(entry);
    return this.#urgent.delete(key) || this.#normal.delete(key);
  }

  /** What was taken out has been published. */
  settle(entries: readonly Dirty[]): void {
    for (const { step, waiting } of entries) {
      if (step) this.#steps.finishOne(step);
      for (const told of waiting) told();
    }
    this.#wake();
  }

  /** Resolves when there may be something to do, or room: at the next change, or when `signal` aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#someone.push(done);
    });
  }

  #mark(subject: Subject, position: Position, among: Map<string, Dirty>): Dirty {
    const key = keyOf(subject);
    const known = this.#urgent.get(key) ?? this.#normal.get(key);
    if (known) {
      if (!hasReached(known.position, position)) known.position = position;
      return known;
    }
    const entry: Dirty = { ...subject, position, waiting: [] };
    among.set(key, entry);
    return entry;
  }

  #wake(): void {
    const woken = this.#someone;
    this.#someone = [];
    for (const resume of woken) resume();
  }
}

export function keyOf({ kind, id }: Subject): string {
  return `${kind} ${id}`;
}
