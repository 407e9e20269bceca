import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { follow, type EventStore, type Position } from '#event-store';
import { advance } from './advance.js';
import { catchUp } from './catch-up.js';
import type { Election, Term } from './election.js';
import { ViewMoved, type ViewStore } from './port.js';
import { VIEW_PREFIXES } from './project.js';

export interface ProjectorOptions {
  readonly store: EventStore;
  readonly view: ViewStore;
  readonly election: Election;
  readonly probeMs: number;
  readonly onError: (error: unknown) => void;
}

/** Folded in one go: about 6 ms in which nobody else is answered. */
const BATCH_SIZE = 512;

/**
 * Between two commits at the end of the ledger. No answer waits for the shared rows, since every process joins what they
 * lack; fewer and larger commits are what the database is spared.
 */
const REST_MS = 100;

/** Whoever is chosen reports what cannot be read when its own follower comes to it. */
const unheard = (): void => undefined;

/**
 * Moves the shared rows on while this process is the one chosen. That two do it at once, one of them having been stopped
 * for a while, is harmless: each commit names the position that it leads on from.
 */
export class Projector {
  readonly #options: ProjectorOptions;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #term: Term | undefined;

  constructor(options: ProjectorOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Whether this process is the one chosen. */
  get projecting(): boolean {
    return this.#term !== undefined && !this.#term.over.aborted;
  }

  /**
   * Moves the rows to `until` whoever is chosen, who does not do it. Rejects where they cannot be moved; where another who
   * noticed it too moves them at the same time, they do.
   */
  async help(until: Position): Promise<void> {
    try {
      await this.#bringTo(until, this.#stopped.signal);
    } catch (error) {
      if (!(error instanceof ViewMoved)) throw error;
    }
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      this.#term = await this.#options.election.stand(signal).catch(() => undefined);
      if (this.#term === undefined) continue;
      await this.#serve(this.#term);
      await this.#term.resign();
      this.#term = undefined;
    }
  }

  /** What has piled up goes faster so than by the follower, who goes on, and reports, where this cannot. */
  async #catchUp(signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    await store
      .head()
      .then((head) => this.#bringTo(head, signal))
      .catch(() => undefined);
  }

  async #bringTo(until: Position, signal: AbortSignal): Promise<void> {
    const { view, store } = this.#options;
    await catchUp(view, store, { until, batchSize: BATCH_SIZE, onUnreadable: unheard, signal });
  }

  async #serve({ over }: Term): Promise<void> {
    const { store, view, probeMs, onError } = this.#options;
    const signal = AbortSignal.any([over, this.#stopped.signal]);
    await this.#catchUp(signal);
    let at: Position | undefined;
    const follower = follow({
      store,
      name: 'projector',
      prefixes: VIEW_PREFIXES,
      batchSize: BATCH_SIZE,
      from: async () => (at = await view.position()),
      handle: async ({ events, position, caughtUp }) => {
        await advance(view, { events, position, after: at }, unheard);
        at = position;
        if (caughtUp) await pause(REST_MS, undefined, { signal }).catch(() => undefined);
      },
      // Another was faster, or the rows went back: the next pass begins where they are.
      onError: (error) => error instanceof ViewMoved || onError(error),
      probeMs,
      signal,
    });
    if (!signal.aborted) await once(signal, 'abort');
    await follower.stop();
  }
}
