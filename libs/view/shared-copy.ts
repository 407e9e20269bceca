import { setTimeout as pause } from 'node:timers/promises';
import type { EventStore, Position, StoredEvent } from '#event-store';
import { isPast, type Step } from './advance.js';
import type { Election } from './election.js';
import { FollowedRows } from './followed-rows.js';
import { ViewWentBack, type BusinessRow, type Snapshot, type ViewStore } from './port.js';
import { PositionWaiters } from './position-waiters.js';
import { businessOf, projectBusiness, readRecipientEvent, recipientOf, whereabouts } from './project.js';
import type { UnreadableEvent } from './project.js';
import { Projector } from './projector.js';
import { NOBODY } from './recipient-row.js';
import { ViewUnusable } from './view-database.js';
import { ViewAway, type SharedStatus, type ViewCopy } from './view-copy.js';

/** Rows that many processes read, and one of them moves on. */
export interface SharedView {
  readonly view: ViewStore;
  readonly election: Election;
  /** Most recipients of whom this process keeps what the shared rows lack; beyond it the follower waits. */
  readonly recentMax: number;
  /** Changes when others take the place of the rows: then what was read of them before is read again. */
  readonly generation: () => unknown;
  /** Puts empty rows in place of those that turned out to be damaged; another process may have done so before. */
  readonly makeAnew: () => Promise<void>;
}

export interface SharedCopyOptions {
  readonly store: EventStore;
  readonly shared: SharedView;
  readonly limits: {
    readonly cacheEntries: number;
    /** For rows that stand packed. */
    readonly cacheBytes?: number;
    readonly waitForPositionMs: number;
    readonly probeIntervalMs: number;
  };
  /** Ends whatever waits here. */
  readonly signal: AbortSignal;
  readonly onUnreadable: (event: UnreadableEvent) => void;
  readonly onError: (error: unknown) => void;
  readonly onMoved: (position: Position) => void;
  readonly onBusiness: (row: BusinessRow) => void;
}

/** How often the shared rows are looked at while the follower waits for them. */
const WAITING_LOOK_MS = 20;
/** Looks after which rows that stand still are moved on by whoever notices: who was chosen may have been stopped. */
const PATIENT_LOOKS = 3;
/** Readings of the rows, each overtaken by what was forgotten meanwhile, before a question is turned away. */
const READINGS = 5;

/**
 * The view in a store that other processes read and move on too. This process follows the ledger itself, so the rows may
 * be behind, at rest or away: what it answers is complete as of its own follower's position, or it does not answer.
 */
export class SharedCopy implements ViewCopy {
  readonly #options: SharedCopyOptions;
  readonly #rows: FollowedRows;
  readonly #waiters = new PositionWaiters();
  readonly #businesses = new Map<string, BusinessRow>();
  readonly #projector: Projector;
  #position: Position | undefined;
  /** Of the shared rows, as they were looked at last. */
  #stored: Position | undefined;
  #watched: Position | undefined;
  #generation: unknown;
  /** So many looks long the shared rows have stood still although they lack something. */
  #looksAtRest = 0;
  #problem: string | undefined;
  /** The generation of the rows in which something was met that cannot be read. */
  #damagedIn: unknown;

  /** Rejects where the rows cannot be reached. */
  static async open(options: SharedCopyOptions): Promise<SharedCopy> {
    const { view, generation } = options.shared;
    for (;;) {
      const [position, inUse] = [await view.position(), generation()];
      const businesses = await view.businesses();
      // Where others, or an older copy, took the rows' place in between, their registers lack what lies before the position.
      const isOfOne = isPast(await view.position(), position) && generation() === inUse;
      if (isOfOne) return new SharedCopy(options, position, businesses);
    }
  }

  private constructor(options: SharedCopyOptions, position: Position | undefined, businesses: readonly BusinessRow[]) {
    this.#options = options;
    this.#rows = new FollowedRows(options.limits.cacheEntries, options.limits.cacheBytes);
    this.#position = position;
    this.#stored = position;
    this.#generation = options.shared.generation();
    if (position !== undefined) this.#rows.forget(position);
    for (const row of businesses) this.#keep(row);
    const { store, shared, limits, onError } = options;
    const { view, election } = shared;
    this.#projector = new Projector({ store, view, election, probeMs: limits.probeIntervalMs, onError });
  }

  get position(): Position | undefined {
    return this.#position;
  }

  /** Rows that are away are no reason to refuse those in memory. */
  get problem(): string | undefined {
    return this.#options.signal.aborted ? 'the view is closed' : undefined;
  }

  async resumeFrom(): Promise<Position | undefined> {
    return this.#position;
  }

  readNow(recipientIds: readonly string[]): Snapshot | undefined {
    const rows = this.#rows.all(recipientIds);
    return rows && { position: this.#position, rows };
  }

  async read(recipientIds: readonly string[]): Promise<Snapshot> {
    const inMemory = this.readNow(recipientIds);
    if (inMemory) return inMemory;
    const inUse = this.#options.shared.generation();
    try {
      return await this.#readShared(recipientIds);
    } catch (error) {
      throw this.#away(error, inUse);
    }
  }

  async apply({ events, position }: Step): Promise<void> {
    await this.#room();
    for (const event of events) this.#take(event);
    this.#position = position;
    this.#waiters.moved(position);
    this.#options.onMoved(position);
  }

  async watch(): Promise<void> {
    if (this.#damagedIn !== undefined) await this.#makeAnew();
    await this.#look().catch((error: unknown) => this.#away(error));
    const isAtRest = this.#stored === this.#watched && !isPast(this.#stored, this.#position);
    this.#watched = this.#stored;
    this.#looksAtRest = isAtRest ? this.#looksAtRest + 1 : 0;
    if (this.#looksAtRest < PATIENT_LOOKS || this.#position === undefined) return;
    this.#looksAtRest = 0;
    const inUse = this.#options.shared.generation();
    await this.#projector.help(this.#position).catch((error: unknown) => this.#away(error, inUse));
  }

  shared(): SharedStatus {
    return {
      ...(this.#stored === undefined ? {} : { position: this.#stored }),
      projecting: this.#projector.projecting,
      recent: this.#rows.recent,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  /** The shared rows themselves are closed by who opened them. */
  async close(): Promise<void> {
    this.#waiters.close();
    await this.#projector.close();
  }

  async #readShared(recipientIds: readonly string[]): Promise<Snapshot> {
    const { view, generation } = this.#options.shared;
    for (let reading = 1; reading <= READINGS; reading++) {
      const [forgotten, inUse] = [this.#rows.forgottenUpTo, generation()];
      const ids = this.#toRead(recipientIds, reading);
      const { position, rows } = await view.read(ids);
      if (!isPast(position, forgotten)) throw new RowsUnfit(WENT_BACK);
      await this.#comeTo(position);
      // Rows whose place others took meanwhile must not come back into memory.
      const isFit = generation() === inUse && this.#rows.complete(position);
      const joined = isFit ? this.#rows.join(recipientIds, ids, rows) : undefined;
      if (joined) return { position: this.#position, rows: joined };
    }
    throw new RowsUnfit('the shared view moves on faster than it can be read');
  }

  /** At first what is not in memory. What is there may be gone after the reading, so another one takes no chances. */
  #toRead(recipientIds: readonly string[], reading: number): readonly string[] {
    const wanted = reading === 1 ? recipientIds.filter((id) => !this.#rows.has(id)) : recipientIds;
    return [...new Set(wanted)];
  }

  /** Rows that another process has moved past this one's follower are of a place that no answer could name yet. */
  async #comeTo(position: Position | undefined): Promise<void> {
    if (position === undefined || isPast(this.#position, position)) return;
    const { waitForPositionMs } = this.#options.limits;
    if (!(await this.#waiters.wait(position, waitForPositionMs))) {
      throw new RowsUnfit('this process is behind the shared view');
    }
  }

  /**
   * Waits while too much is kept that the shared rows lack. Meanwhile the follower stands still and lags, until nothing
   * is answered any more: better than to run out of memory.
   */
  async #room(): Promise<void> {
    const { shared, signal } = this.#options;
    while (this.#rows.recent >= shared.recentMax && !signal.aborted) {
      await this.#look().catch((error: unknown) => this.#away(error));
      if (this.#rows.recent < shared.recentMax) return;
      await pause(WAITING_LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #take(event: StoredEvent): void {
    const businessId = businessOf(event.stream);
    if (businessId !== undefined) {
      this.#keep(projectBusiness(this.#businesses.get(businessId), businessId, event, this.#options.onUnreadable));
      return;
    }
    const recipientId = recipientOf(event.stream);
    if (recipientId === undefined) return;
    const { event: read, origin } = readRecipientEvent(event);
    if (read.type === 'Unreadable') this.#options.onUnreadable(whereabouts(event));
    this.#rows.add(recipientId, read.data.businessId ?? NOBODY, read, origin, event.position);
  }

  #keep(row: BusinessRow): void {
    this.#businesses.set(row.businessId, row);
    this.#options.onBusiness(row);
  }

  /**
   * Looks where the shared rows are. What they have passed is forgotten only at the next look, so that a reading that
   * began before this one is not overtaken.
   */
  async #look(): Promise<void> {
    const before = this.#stored;
    const { view, generation } = this.#options.shared;
    this.#stored = await view.position();
    if (generation() !== this.#generation) this.#rows.readAgain();
    this.#generation = generation();
    if (before !== undefined && isPast(this.#stored, before)) this.#rows.forget(before);
    if (!this.#rows.complete(this.#stored)) throw new RowsUnfit(WENT_BACK);
    this.#problem = undefined;
  }

  /** Another process may have done so before, and its rows must not be set aside for what was wrong with the old ones. */
  async #makeAnew(): Promise<void> {
    const { generation, makeAnew } = this.#options.shared;
    if (generation() === this.#damagedIn) await makeAnew();
    this.#damagedIn = undefined;
  }

  /** Tells once what is wrong; of each question that meets it, only that its rows, `inUse` then, cannot be had. */
  #away(error: unknown, inUse = this.#options.shared.generation()): ViewAway {
    if (error instanceof ViewUnusable) this.#damagedIn = inUse;
    const problem = problemOf(error);
    if (problem !== this.#problem && !this.#options.signal.aborted) this.#options.onError(error);
    this.#problem = problem;
    return new ViewAway(problem, { cause: error });
  }
}

const WENT_BACK = 'the shared view went back, as a restored backup does: it answers when it has come on again';

/** The shared rows were read, and must not be used now. */
class RowsUnfit extends Error {}

function problemOf(error: unknown): string {
  if (error instanceof ViewWentBack) return WENT_BACK;
  if (error instanceof ViewUnusable) return 'the shared view is damaged: it is being made anew';
  return error instanceof RowsUnfit ? error.message : 'the shared view cannot be reached';
}
