import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { hasReached, type Ledger, type Position, type StoredEvent } from '#event-store';
import type { KeptPosition } from './kept-position.js';

const PAGE = 500;

export interface RoundsOptions {
  readonly store: Ledger;
  readonly prefixes: readonly string[];
  readonly types: readonly string[];
  readonly kept: KeptPosition;
  /** Called for one event after the other, and again for all since the last round that went through. */
  readonly handle: (event: StoredEvent) => Promise<void>;
  readonly onError: (error: unknown) => void;
  readonly monotonic: () => number;
  /** Between rounds, and the longest pause after failures, in milliseconds. */
  readonly roundMs: number;
  readonly longestPauseMs: number;
}

export interface RoundsStatus {
  readonly position?: Position;
  /** Since the newest moment of which everything that was in the ledger has been handled; `Infinity` before the first. */
  readonly lagMs: number;
  readonly caughtUp: boolean;
  readonly problem?: string;
}

/**
 * A follower without haste: each round handles what had been in the ledger when the round before began. So whoever is
 * still at work has had a round's time to finish, and a busy ledger is read in pages, not event by event. Where this
 * process alone writes, what it finds at its start is nobody's work any more, and the first round takes that at once.
 */
export class Rounds {
  readonly #options: RoundsOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #position: Position | undefined;
  #due: { readonly head: Position; readonly atMs: number } | undefined;
  #provedMs = -Infinity;
  #failures = 0;

  constructor(options: RoundsOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  status(): RoundsStatus {
    const position = this.#position === undefined ? {} : { position: this.#position };
    const lagMs = this.#options.monotonic() - this.#provedMs;
    const problem = this.#failures > 0 ? { problem: 'the last round failed' } : {};
    return { ...position, lagMs, caughtUp: Number.isFinite(lagMs) && this.#failures === 0, ...problem };
  }

  /** Resolves when the event in hand is handled; no other is. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#round();
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#failures += 1;
        this.#options.onError(error);
      }
      await pause(this.#pauseMs(), undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  #pauseMs(): number {
    const { roundMs, longestPauseMs } = this.#options;
    const ceiling = Math.min(longestPauseMs, roundMs * 2 ** this.#failures);
    return this.#failures === 0 ? roundMs : ceiling / 2 + (Math.random() * ceiling) / 2;
  }

  async #round(): Promise<void> {
    const { store, kept, monotonic } = this.#options;
    const next = { atMs: monotonic(), head: await store.head() };
    if (this.#due === undefined) this.#position = kept.load(next.head);
    const due = this.#due ?? (store.isOurs ? next : undefined);
    this.#due = next;
    if (due === undefined) return;
    await this.#handleUntil(due.head);
    if (!this.#stopping.signal.aborted) this.#provedMs = due.atMs;
  }

  async #handleUntil(due: Position): Promise<void> {
    const { store, prefixes, types, kept } = this.#options;
    while (this.#position === undefined || !hasReached(this.#position, due)) {
      const from = this.#position === undefined ? {} : { from: this.#position };
      const page = await store.readAll({ ...from, prefixes, types, limit: PAGE });
      if (page.atEnd && !hasReached(page.position, due)) throw new Error('the ledger ends before its head');
      const events = page.events.filter((event) => hasReached(due, event.position));
      for (const event of events) {
        if (this.#stopping.signal.aborted) return;
        await this.#options.handle(event);
      }
      this.#position = hasReached(due, page.position) ? page.position : due;
      kept.save(this.#position);
      await turn();
    }
  }
}
