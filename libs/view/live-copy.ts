import type { EventStore, Position } from '#event-store';
import { advance, turnOfTheEventLoop, type Step } from './advance.js';
import { catchUp } from './catch-up.js';
import { createView, openCurrentView, openNamedView } from './open-view.js';
import type { OnUnusable, OpenedView, ViewPlace } from './open-view.js';
import type { BusinessRow, Snapshot } from './port.js';
import type { UnreadableEvent } from './project.js';
import { damageOf, type ViewUnusable } from './view-database.js';
import type { ViewCopy } from './view-copy.js';
import { currentViewFile, pointTo, removeViewFile } from './view-files.js';

/** Events folded and committed at once while catching up: about 3 ms in which nobody else is answered. */
export const BATCH_SIZE = 256;

export interface CopyOptions {
  readonly store: EventStore;
  readonly place: ViewPlace;
  readonly onUnreadable: (event: UnreadableEvent) => void;
  /** Of the file that was in use when the process began. */
  readonly onUnusable: OnUnusable;
  /** The copy holds everything up to here now. */
  readonly onMoved: (position: Position) => void;
  readonly onBusiness: (row: BusinessRow) => void;
}

/**
 * The view file that this process answers from: moved on by its follower, exchanged for a rebuilt one, made anew when it
 * turns out to be damaged. It never goes back: a file that takes its place has first caught up with it.
 */
export class LiveCopy implements ViewCopy {
  readonly #options: CopyOptions;
  readonly #stopped = new AbortController();
  #opened: OpenedView;
  #position: Position | undefined;
  /** Up to where the follower has handed over: its next step goes on from there, and from nowhere else. */
  #followed: Position | undefined;
  #damage: ViewUnusable | undefined;
  #declined: string | undefined;
  /** A file that was found to be ahead of the ledger, which was told. */
  #ahead: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  static async open(options: CopyOptions): Promise<LiveCopy> {
    const { store, place, onUnusable } = options;
    const copy = new LiveCopy(options, await openCurrentView(place, await store.head(), onUnusable));
    await copy.#moved();
    (await copy.#opened.view.businesses()).forEach(options.onBusiness);
    return copy;
  }

  private constructor(options: CopyOptions, opened: OpenedView) {
    this.#options = options;
    this.#opened = opened;
  }

  get position(): Position | undefined {
    return this.#position;
  }

  /** Where the follower is to go on: another process may have moved the file. */
  async resumeFrom(): Promise<Position | undefined> {
    return (this.#followed = await this.#opened.view.position());
  }

  /** Why nothing may be answered from the copy now; undefined where something may. */
  get problem(): string | undefined {
    return this.#stopped.signal.aborted ? 'the view is closed' : this.#damage?.message;
  }

  async read(recipientIds: readonly string[]): Promise<Snapshot> {
    return this.#noticing(() => this.#opened.view.read(recipientIds));
  }

  /** Undefined where the copy cannot answer without waiting, or cannot answer: `read` then tells which. */
  readNow(recipientIds: readonly string[]): Snapshot | undefined {
    try {
      return this.#opened.view.readNow?.(recipientIds);
    } catch {
      return undefined;
    }
  }

  /** Takes the next step of the follower. Steps and exchanges of the file go one after the other. */
  async apply(step: Step): Promise<void> {
    await this.#inTurn(async () => {
      const { view } = this.#opened;
      const onward = { ...step, after: this.#followed };
      const changed = await this.#noticing(() => advance(view, onward, this.#options.onUnreadable));
      this.#followed = step.position;
      changed.forEach(this.#options.onBusiness);
      await this.#moved();
    });
  }

  /** To be called now and then: makes a damaged file anew, and takes up a file that another process has rebuilt. */
  async watch(): Promise<void> {
    if (this.#damage !== undefined) return this.#makeAnew();
    const name = currentViewFile(this.#options.place.dataDir);
    if (name === undefined || name === this.#opened.name || name === this.#declined) return;
    await this.#takeUp(name);
  }

  /** The file is this process's own. */
  shared(): undefined {
    return undefined;
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await this.#inTurn(() => this.#opened.view.close());
  }

  /**
   * A file that cannot be used is left where it is: it may be meant for a newer version, and a restart will judge it. One
   * that is ahead of the ledger may have been made of what was committed and not acknowledged yet: it is looked at again.
   * Its pages are not read through, since who made it did that, and everybody would wait.
   */
  async #takeUp(name: string): Promise<void> {
    const { place, store } = this.#options;
    try {
      await this.#exchange(await openNamedView(place, name, await store.head(), { everyPage: false }));
    } catch (error) {
      const damage = damageOf(error);
      if (damage?.why === 'PAST_HEAD' && this.#ahead === name) return;
      if (damage?.why === 'PAST_HEAD') this.#ahead = name;
      else if (damage !== undefined) this.#declined = name;
      throw error;
    }
  }

  async #makeAnew(): Promise<void> {
    const { place } = this.#options;
    const fresh = createView(place);
    try {
      await this.#exchange(fresh);
    } catch (error) {
      removeViewFile(place.dataDir, fresh.name);
      throw error;
    }
    this.#damage = undefined;
    pointTo(place.dataDir, fresh.name);
  }

  /**
   * Puts another file in place of the one in use once it holds as much. What was forgotten because the old copy had
   * passed it must never be missing from the new one, so the last stretch is read while the follower waits.
   */
  async #exchange(next: OpenedView): Promise<void> {
    const old = this.#opened;
    try {
      await this.#bringUp(next);
      await this.#inTurn(async () => {
        this.#stopped.signal.throwIfAborted();
        await this.#bringUp(next);
        const businesses = await next.view.businesses();
        this.#opened = next;
        businesses.forEach(this.#options.onBusiness);
        await this.#moved();
      });
    } catch (error) {
      await next.view.close();
      throw error;
    }
    await this.#retire(old);
  }

  /** To where the file in use is, which may be further than was noted: a commit may be there and have seemed to fail. */
  async #bringUp({ view }: OpenedView): Promise<void> {
    const until = await this.#opened.view.position();
    if (until === undefined) return;
    const { store, onUnreadable } = this.#options;
    const { signal } = this.#stopped;
    await catchUp(view, store, { until, batchSize: BATCH_SIZE, onUnreadable, signal });
  }

  /** Questions that began on the old file end within this turn of the event loop. */
  async #retire({ name, view }: OpenedView): Promise<void> {
    await turnOfTheEventLoop();
    await view.close();
    removeViewFile(this.#options.place.dataDir, name);
  }

  async #moved(): Promise<void> {
    this.#position = await this.#opened.view.position();
    if (this.#position !== undefined) this.#options.onMoved(this.#position);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #noticing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#damage ??= damageOf(error);
      throw error;
    }
  }
}
