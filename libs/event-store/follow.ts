import { setTimeout as pause } from 'node:timers/promises';
import { Freshness } from './freshness.js';
import type { Delivery, EventStore, Position } from './port.js';
import { unlessAborted } from './unless-aborted.js';

export interface FollowOptions {
  readonly store: EventStore;
  /** Names the follower in health and metrics. */
  readonly name: string;
  readonly prefixes?: readonly string[];
  /** Events handed over at once. */
  readonly batchSize?: number;
  /**
   * Where the effect stands; asked at the start and after every failure, because the position is kept with the effect
   * and another process may have moved both. Undefined: from the start of the ledger.
   */
  readonly from: () => Promise<Position | undefined>;
  /**
   * Processes a delivery and commits its position together with its effect. Called for one delivery after the other,
   * also for those without events whose position has moved past events of other prefixes.
   */
  readonly handle: (delivery: Delivery) => Promise<void>;
  /** Told of every failure of `from`, `handle` or the store before it is tried again. */
  readonly onError?: (error: unknown) => void;
  /** Milliseconds that never go back. */
  readonly monotonic?: () => number;
  /**
   * The time of day in milliseconds, where also a machine that was suspended as a whole is to be noticed. Set ahead, it
   * makes the follower look stale until its next proof.
   */
  readonly wall?: () => number;
  /** Between proofs of freshness, in milliseconds. */
  readonly probeMs?: number;
  /** The first pause after a failure, and the longest, in milliseconds. */
  readonly backOff?: { readonly firstMs: number; readonly longestMs: number };
  /** In [0, 1); spreads the retries of many followers. */
  readonly random?: () => number;
  readonly signal?: AbortSignal;
}

export interface FollowerStatus {
  readonly name: string;
  /** Of the last delivery processed; undefined before the first. */
  readonly position: Position | undefined;
  /** Whether the last delivery was the end of the ledger. */
  readonly caughtUp: boolean;
  /**
   * Time since the follower last proved that it had reached a `head()` read after that proof began. `Infinity` until
   * it has: unproved is stale.
   */
  readonly lagMs: number;
  /** What went wrong last; undefined once a delivery has been processed since. */
  readonly lastError: unknown;
  /** Why freshness could not be proved the last time; undefined where it could be asked for. */
  readonly probeError: unknown;
}

export interface Follower {
  status(): FollowerStatus;
  /** Resolves when the handler in flight has finished; no other is called. Idempotent. */
  stop(): Promise<void>;
}

const FOLLOW_DEFAULTS = { probeMs: 1_000, backOff: { firstMs: 50, longestMs: 5_000 } } as const;

/** Hands everything in the ledger, in order, to a handler; starts at once and goes on until stopped. */
export function follow(options: FollowOptions): Follower {
  return new LedgerFollower(options);
}

class LedgerFollower implements Follower {
  private readonly stopping = new AbortController();
  private readonly signal: AbortSignal;
  private readonly freshness: Freshness;
  private readonly ended: Promise<unknown>;
  private position: Position | undefined;
  private caughtUp = false;
  private lastError: unknown;
  private failures = 0;

  constructor(private readonly options: FollowOptions) {
    const own = this.stopping.signal;
    this.signal = options.signal ? AbortSignal.any([own, options.signal]) : own;
    this.freshness = new Freshness(options.store, options.monotonic ?? (() => performance.now()), options.wall);
    this.ended = Promise.all([this.run(), this.probe()]);
  }

  status(): FollowerStatus {
    const { position, caughtUp, lastError } = this;
    const { failure: probeError } = this.freshness;
    return { name: this.options.name, position, caughtUp, lagMs: this.freshness.lagMs(), lastError, probeError };
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.ended;
  }

  private async run(): Promise<void> {
    while (!this.signal.aborted) {
      try {
        await this.pass();
        if (!this.signal.aborted) throw new Error('the subscription ended');
      } catch (error) {
        if (this.signal.aborted) return;
        await this.fail(error);
      }
    }
  }

  private async pass(): Promise<void> {
    const { store, prefixes, batchSize } = this.options;
    const from = await this.options.from();
    this.moveTo(from);
    const wanted = { ...(prefixes ? { prefixes } : {}), ...(batchSize === undefined ? {} : { batchSize }) };
    const start = from === undefined ? {} : { from };
    for await (const delivery of store.subscribe({ ...wanted, ...start, signal: this.signal })) {
      if (this.signal.aborted) return;
      await this.process(delivery);
    }
  }

  private async process(delivery: Delivery): Promise<void> {
    if (delivery.position !== this.position) await this.options.handle(delivery);
    this.failures = 0;
    this.lastError = undefined;
    this.caughtUp = delivery.caughtUp;
    this.moveTo(delivery.position);
  }

  private moveTo(position: Position | undefined): void {
    this.position = position;
    this.freshness.reached(position);
  }

  private async fail(error: unknown): Promise<void> {
    this.lastError = error;
    this.caughtUp = false;
    this.options.onError?.(error);
    const { firstMs, longestMs } = this.options.backOff ?? FOLLOW_DEFAULTS.backOff;
    const ceiling = Math.min(longestMs, firstMs * 2 ** this.failures);
    this.failures += 1;
    const random = this.options.random ?? Math.random;
    await this.pauseFor(ceiling / 2 + (random() * ceiling) / 2);
  }

  /** A probe that fails proves nothing, so the lag grows: that is the report. */
  private async probe(): Promise<void> {
    while (!this.signal.aborted) {
      await unlessAborted(this.signal, this.freshness.probe());
      await this.pauseFor(this.options.probeMs ?? FOLLOW_DEFAULTS.probeMs);
    }
  }

  private async pauseFor(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.signal }).catch(() => undefined);
  }
}
