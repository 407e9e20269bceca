import type { EventStore, Position } from '#event-store';
import { FeedFull, WatchEnded } from './ended.js';
import { LiveEnd } from './live-end.js';
import type { Told } from './told.js';
import { Turns } from './turns.js';
import { Waker } from './waker.js';
import { Watcher, type Watch, type WatchOptions } from './watcher.js';

export interface FeedLimits {
  readonly watchersMax: number;
  /** Changes that a live watcher may leave unread before it is cut off. */
  readonly bufferEvents: number;
  /** Watchers that may hold a page of history at once. */
  readonly historyReaders: number;
  /** A watcher that takes nothing for so long is cut off. */
  readonly stallMs: number;
}

export interface FeedOptions {
  readonly store: EventStore;
  readonly clock: { now(): number; monotonic(): number };
  readonly limits: FeedLimits;
  /** Told of every failure of the follower before it tries again. */
  readonly onError: (error: unknown) => void;
}

export interface FeedStatus {
  readonly watchers: number;
  readonly readingHistory: number;
  /** Changes told to watchers since the start. */
  readonly told: number;
  /** Watchers cut off since the start. */
  readonly cutOff: number;
  /** Undefined while nobody watches: then there is no follower. */
  readonly live?: { readonly position: Position; readonly lagMs: number };
}

export interface Feed {
  /** Throws `FeedFull`, and `WatchEnded` once the feed is closed. What else may go wrong the first `next` rejects with. */
  watch(options: WatchOptions): Watch;
  status(): FeedStatus;
  /** Ends every watch. Idempotent. */
  close(): Promise<void>;
}

/** Between two watermarks, in milliseconds: a little less than the second that is promised. */
const TICK_MS = 900;
/** How long a page of history may be held while others wait for theirs, in milliseconds. */
const HOLD_MS = 1_000;

/** The live feed of a process. It follows the ledger while anybody watches, and costs nothing otherwise. */
export function openFeed(options: FeedOptions): Feed {
  return new LiveFeed(options);
}

class LiveFeed implements Feed {
  private readonly watchers = new Set<Watcher>();
  private readonly waker = new Waker();
  private readonly turns: Turns;
  private opening: Promise<LiveEnd> | undefined;
  private live: LiveEnd | undefined;
  private stopping: Promise<unknown> = Promise.resolve();
  private ticking: NodeJS.Timeout | undefined;
  private ticks = 0;
  private told = 0;
  private cutOff = 0;
  private closed = false;

  constructor(private readonly options: FeedOptions) {
    this.turns = new Turns(options.limits.historyReaders, HOLD_MS);
  }

  watch(options: WatchOptions): Watch {
    if (this.closed) throw new WatchEnded('closing', options.from);
    if (this.watchers.size >= this.options.limits.watchersMax) throw new FeedFull();
    const watcher = new Watcher(
      {
        store: this.options.store,
        turns: this.turns,
        live: () => this.liveEnd(),
        ticks: () => this.ticks,
        onTold: this.onTold,
        onLeft: this.onLeft,
      },
      options,
    );
    // It has left already, and nobody would stop the ticking after it.
    if (options.signal?.aborted) return watcher;
    this.watchers.add(watcher);
    this.ticking ??= setInterval(() => this.tick(), TICK_MS).unref();
    return watcher;
  }

  status(): FeedStatus {
    const { live, told, cutOff } = this;
    const readingHistory = [...this.watchers].filter((one) => one.isReadingHistory).length;
    return {
      ...{ watchers: this.watchers.size, readingHistory, told, cutOff },
      ...(live ? { live: { position: live.position, lagMs: live.lagMs } } : {}),
    };
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const watcher of this.watchers) watcher.end('closing');
    this.rest();
    await this.stopping;
  }

  private async liveEnd(): Promise<LiveEnd> {
    const { store, clock, limits, onError } = this.options;
    this.opening ??= LiveEnd.open({ store, clock, waker: this.waker, bufferEvents: limits.bufferEvents, onError });
    const { opening } = this;
    try {
      const live = await opening;
      if (this.opening === opening) this.live = live;
      return live;
    } catch (error) {
      if (this.opening === opening) this.opening = undefined;
      throw error;
    }
  }

  private readonly onTold = ({ kind }: Told): void => {
    if (kind === 'change') this.told += 1;
  };

  private readonly onLeft = (watcher: Watcher): void => {
    this.watchers.delete(watcher);
    if (watcher.cut.aborted && !this.closed) this.cutOff += 1;
    if (this.watchers.size === 0) this.rest();
  };

  /** Nobody watches: the ledger is not followed until somebody does. */
  private rest(): void {
    clearInterval(this.ticking);
    this.ticking = undefined;
    const { opening } = this;
    this.opening = undefined;
    this.live = undefined;
    if (opening)
      this.stopping = opening.then(
        (live) => live.stop(),
        () => undefined,
      );
  }

  private tick(): void {
    this.ticks += 1;
    this.live?.prove();
    const waiting: (() => void)[] = [];
    for (const watcher of this.watchers) {
      if (watcher.resume) waiting.push(watcher.resume);
      else if (watcher.isStalled(this.options.limits.stallMs)) watcher.end('slow');
    }
    this.waker.wake(waiting);
  }
}
