import { ForeignPosition, comparePositions, depthOf, ledgerIdOf, type EventStore, type Position } from '#event-store';
import type { Audience, Entry, Listener } from './audience.js';
import { PositionAhead, WatchEnded, type EndReason } from './ended.js';
import { History } from './history.js';
import type { LiveEnd } from './live-end.js';
import type { Told } from './told.js';
import type { Turns } from './turns.js';

/** What a watcher needs of the feed that it belongs to. */
export interface WatcherSide {
  readonly store: EventStore;
  readonly turns: Turns;
  /** The live end, opened where there is none. */
  readonly live: () => Promise<LiveEnd>;
  /** How many times watermarks have been due. */
  readonly ticks: () => number;
  readonly onLeft: (watcher: Watcher) => void;
  readonly onTold: (told: Told) => void;
}

export interface WatchOptions {
  readonly businessId: string;
  /** Exclusive: what comes after it is told. Absent: from now on. */
  readonly from?: Position;
  /** Ends the watch without an error. */
  readonly signal?: AbortSignal;
}

/**
 * The changes of one business, in the order of the ledger and each once, and a watermark now and then. `next` is to be
 * called for one after the other; it rejects with `WatchEnded` where the feed ends the watch, and before anything is
 * told with `ForeignPosition`, `PositionAhead` or `StoreUnavailable`.
 */
export interface Watch extends AsyncIterableIterator<Told, undefined> {
  /** Aborts, with the `WatchEnded`, when the feed ends the watch: for who is waiting for something else just then. */
  readonly cut: AbortSignal;
  /** Ends the watch; also one whose `next` is waiting. */
  return(): Promise<IteratorResult<Told, undefined>>;
}

const DONE = { done: true, value: undefined } as const;

export class Watcher implements Watch, Listener {
  entry: Entry | undefined;
  resume: (() => void) | undefined;
  private readonly cutting = new AbortController();
  private position: Position | undefined;
  private marked = -1;
  private live: LiveEnd | undefined;
  private audience: Audience | undefined;
  /** How far the live end was when this watcher joined its audience. */
  private joinedAt: Position | undefined;
  private history: History | undefined;
  private reading: Promise<void> | undefined;
  private failure: WatchEnded | undefined;
  private left = false;
  /** When it was last told something; undefined while it waits for more. */
  private busySinceMs: number | undefined = performance.now();

  constructor(
    private readonly side: WatcherSide,
    private readonly options: WatchOptions,
  ) {
    this.position = options.from;
    options.signal?.addEventListener('abort', this.leave, { once: true });
    if (options.signal?.aborted) this.leave();
  }

  get cut(): AbortSignal {
    return this.cutting.signal;
  }

  get isReadingHistory(): boolean {
    return this.history !== undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Told, undefined>> {
    this.busySinceMs = undefined;
    try {
      if (this.live === undefined && !this.left) await this.open();
      for (;;) {
        if (this.failure !== undefined) throw this.failure;
        if (this.left) return DONE;
        const told = this.ready();
        if (told) {
          this.position = told.position;
          this.side.onTold(told);
          return { done: false, value: told };
        }
        if (this.history) this.reading ??= this.readOn(this.history);
        await new Promise<void>((resolve) => (this.resume = resolve));
        this.resume = undefined;
      }
    } catch (error) {
      this.leave();
      throw error;
    } finally {
      this.busySinceMs = performance.now();
    }
  }

  return(): Promise<IteratorResult<Told, undefined>> {
    this.leave();
    return Promise.resolve(DONE);
  }

  /** Ends the watch from the feed's side. */
  end(reason: EndReason): void {
    if (this.left) return;
    this.failure = new WatchEnded(reason, this.position);
    this.cutting.abort(this.failure);
    this.leave();
  }

  cutOff(): void {
    this.end('slow');
  }

  /** Whether it has taken nothing for so long, although there is something. */
  isStalled(ms: number): boolean {
    return this.busySinceMs !== undefined && performance.now() - this.busySinceMs > ms;
  }

  private async open(): Promise<void> {
    const { store, turns, live } = this.side;
    const { from, businessId } = this.options;
    if (from !== undefined && ledgerIdOf(from) !== store.ledgerId) throw new ForeignPosition();
    const opened = await live();
    if (from !== undefined && isPast(from, opened.position) && isPast(from, await store.head())) {
      throw new PositionAhead();
    }
    if (this.left) return;
    this.live = opened;
    if (from !== undefined && isPast(opened.position, from)) this.history = new History(store, turns, businessId, from);
    else this.join(opened);
    this.position = from ?? opened.position;
  }

  /** From here on nothing that is appended passes it by. */
  private join(live: LiveEnd): void {
    this.audience = live.audienceOf(this.options.businessId);
    this.audience.listeners.add(this);
    this.entry = this.audience.tail;
    this.joinedAt = live.position;
  }

  private ready(): Told | undefined {
    const change = this.remembered() ?? (this.history ? undefined : this.following());
    if (change) return change;
    const ticks = this.side.ticks();
    if (this.marked === ticks) return undefined;
    this.marked = ticks;
    const position = this.position as Position;
    return this.history ? { kind: 'watermark', position } : this.live?.watermark(position);
  }

  /** What history has at hand. It ends where it has come as far as the live end was when this watcher joined that. */
  private remembered(): Told | undefined {
    const { history, joinedAt } = this;
    const change = history?.take();
    if (change || !history) return change;
    this.position = history.position;
    if (joinedAt === undefined || isPast(joinedAt, history.position)) return undefined;
    history.end();
    this.history = undefined;
    return undefined;
  }

  /** What was told as history is passed over: the two ways meet where both have looked. */
  private following(): Told | undefined {
    const told = depthOf(this.position as Position);
    while (this.entry?.next) {
      this.entry = this.entry.next;
      if (this.entry.told && this.entry.told.depth > told) return this.entry.told;
    }
    return undefined;
  }

  private async readOn(history: History): Promise<void> {
    try {
      const atEnd = await history.read();
      if (atEnd && !this.left && this.live && !this.audience) this.join(this.live);
    } catch {
      this.end('ledger_away');
    } finally {
      this.reading = undefined;
      this.resume?.();
    }
  }

  private readonly leave = (): void => {
    if (this.left) return;
    this.left = true;
    this.options.signal?.removeEventListener('abort', this.leave);
    this.history?.end();
    this.audience?.listeners.delete(this);
    this.live?.dropIfEmpty(this.options.businessId);
    this.side.onLeft(this);
    this.resume?.();
  };
}

function isPast(one: Position, other: Position): boolean {
  return (comparePositions(one, other) ?? 0) > 0;
}
