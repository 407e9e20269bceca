import { setTimeout as pause } from 'node:timers/promises';
import type { ConsentEvent, Origin } from '#consent';
import { follow, hasReached, ledgerIdOf, type Follower, type Position } from '#event-store';
import { turnOfTheEventLoop } from './advance.js';
import { Catalogue } from './catalogue.js';
import { DamagedRows } from './damaged-rows.js';
import { every } from './every.js';
import { withLinked, withLinkedNow } from './linked-states.js';
import { BATCH_SIZE, LiveCopy } from './live-copy.js';
import type { LiveViewOptions, LiveViewStatus, LookUp } from './live-view-terms.js';
import { joinRemembered, Overlay, statesIn } from './overlay.js';
import type { BusinessRow, Snapshot } from './port.js';
import { PositionWaiters } from './position-waiters.js';
import { VIEW_PREFIXES } from './project.js';
import { readRegisters } from './read-registers.js';
import { NOBODY } from './recipient-row.js';
import { SharedCopy } from './shared-copy.js';
import { SharedTurns } from './shared-turns.js';
import { ViewAway, type ViewCopy } from './view-copy.js';

const READY_POLL_MS = 5;
/** It is said once that nothing is answered yet. */
const TELL_AFTER_MS = 5_000;

/**
 * The eligibility view as the service asks it: a copy moved on by a follower, together with what this process has
 * acknowledged since. It answers only while the copy is proved fresh.
 */
export class LiveView {
  readonly catalogue = new Catalogue();
  readonly #options: LiveViewOptions;
  readonly #overlay = new Overlay();
  readonly #waiters = new PositionWaiters();
  readonly #stopped = new AbortController();
  #copy!: ViewCopy;
  #follower!: Follower;
  #watching!: Promise<void>;
  readonly #meetings = new SharedTurns(() => this.#reachHead());

  /** Opens or makes the view and begins to follow the ledger; it answers once `whenReady` resolves. */
  static async open(options: LiveViewOptions): Promise<LiveView> {
    const view = new LiveView(options);
    await view.#start();
    return view;
  }

  private constructor(options: LiveViewOptions) {
    this.#options = options;
  }

  /**
   * The states of a business's recipients, each joined with what this process has acknowledged and with the recipients
   * linked to it. With `atLeast` it waits for the copy to pass that position. Never rejects: what hinders it is the answer.
   * Answers at once where nothing is waited for: no promise, and nothing can happen in between.
   */
  lookUp(
    businessId: string,
    recipientIds: readonly string[],
    { atLeast }: { readonly atLeast?: Position } = {},
  ): LookUp | Promise<LookUp> {
    const atOnce = atLeast === undefined ? this.lookUpNow(businessId, recipientIds) : undefined;
    return atOnce ?? this.#answerLater(businessId, recipientIds, atLeast);
  }

  /** The same at once; undefined where the copy, or a row of somebody linked, has to be waited for. */
  lookUpNow(businessId: string, recipientIds: readonly string[]): LookUp | undefined {
    if (!this.#mayAnswer()) return this.#refusal();
    const snapshot = this.#copy.readNow(recipientIds);
    if (snapshot?.position === undefined) return undefined;
    const own = statesIn(snapshot.rows, this.#overlay.all(recipientIds), businessId);
    // All that is read at once for one answer is of the copy as it stands in this turn of the event loop.
    const states = withLinkedNow(recipientIds, own, (ids) => {
      const linked = this.#copy.readNow(ids);
      return linked && statesIn(linked.rows, this.#overlay.all(ids), businessId);
    });
    return states && { ok: true, position: snapshot.position, states };
  }

  async #answerLater(
    businessId: string,
    recipientIds: readonly string[],
    atLeast: Position | undefined,
  ): Promise<LookUp> {
    if (!this.#mayAnswer()) return this.#refusal();
    const { waitForPositionMs } = this.#options.limits;
    if (atLeast !== undefined && !(await this.#reaches(atLeast, waitForPositionMs))) return this.#no('VIEW_BEHIND');
    if (!this.#mayAnswer()) return this.#refusal();
    try {
      const answer = await this.#answer(businessId, recipientIds);
      // The process may have been stopped while it waited for rows: what was fresh before it asked need not be now.
      return this.#mayAnswer() ? answer : this.#refusal();
    } catch (error) {
      this.#tell(error);
      return this.#no('VIEW_UNAVAILABLE');
    }
  }

  /**
   * Whose recipient this is, by the view and what this process has acknowledged: null where nothing is recorded,
   * undefined where the view may not answer at once or the row's events name more than one business.
   */
  ownerOf(recipientId: string): string | null | undefined {
    const snapshot = this.#mayAnswer() ? this.#copy.readNow([recipientId]) : undefined;
    if (snapshot?.position === undefined) return undefined;
    const row = joinRemembered(snapshot.rows[0], this.#overlay.of(recipientId));
    if (row === undefined) return null;
    return row.businessId === NOBODY ? undefined : row.businessId;
  }

  /**
   * The copy's own rows, whatever business they belong to, once it has passed a position: for who tells others what
   * the ledger said at one place. Undefined where it does not get there within `waitMs`, or cannot be read.
   */
  async rowsAt(position: Position, recipientIds: readonly string[], waitMs: number): Promise<Snapshot | undefined> {
    if (!(await this.#reaches(position, waitMs))) return undefined;
    try {
      return await this.#copy.read(recipientIds);
    } catch (error) {
      this.#tell(error);
      return undefined;
    }
  }

  #tell(error: unknown): void {
    if (!(error instanceof ViewAway)) this.#options.onError(error);
  }

  /**
   * Where other processes write too: waits until the registers are as new as the ledger is now, so that what another
   * process has registered is known here. Says whether they are; at once where there are no others.
   */
  async meetOthers(): Promise<boolean> {
    if (this.#copy.shared() === undefined) return true;
    return this.#meetings.next();
  }

  /** To be called before an event is acknowledged: from then on it is in every answer of this process. */
  remember(recipientId: string, businessId: string, event: ConsentEvent, origin: Origin, position: Position): void {
    const copyAt = this.#copy.position;
    if (copyAt !== undefined && hasReached(copyAt, position)) return;
    this.#overlay.remember(recipientId, businessId, event, origin, position);
  }

  /** Of how many recipients the copy lacks something that this process has acknowledged. */
  get remembered(): number {
    return this.#overlay.size;
  }

  status(): LiveViewStatus {
    const { position, problem } = this.#copy;
    const { lagMs, caughtUp } = this.#follower.status();
    const shared = this.#copy.shared();
    return {
      ...(position === undefined ? {} : { position }),
      lagMs,
      caughtUp,
      ready: this.#mayAnswer(),
      ...(problem === undefined ? {} : { problem }),
      ...(shared === undefined ? {} : { shared }),
    };
  }

  /** Resolves once questions are answered, rejects if the view is closed before. Tells once where it takes long. */
  async whenReady(): Promise<void> {
    const { clock, onError } = this.#options;
    let tellAtMs = clock.monotonic() + TELL_AFTER_MS;
    while (!this.#mayAnswer()) {
      this.#stopped.signal.throwIfAborted();
      if (clock.monotonic() >= tellAtMs) {
        tellAtMs = Infinity;
        onError(this.#notReady());
      }
      await pause(READY_POLL_MS);
    }
  }

  #notReady(): Error {
    const { lastError, probeError } = this.#follower.status();
    return new Error(
      'nothing is answered yet: the view has not come to the end of the ledger, or cannot be told where that is',
      {
        cause: lastError ?? probeError ?? this.#copy.problem,
      },
    );
  }

  async close(): Promise<void> {
    this.#stopped.abort(new Error('the view is closed'));
    this.#waiters.close();
    await this.#follower.stop();
    await this.#copy.close();
    await this.#watching;
  }

  async #start(): Promise<void> {
    const { store, limits, onError } = this.#options;
    this.#copy = await this.#openCopy();
    try {
      await readRegisters(store, this.#copy.position, this.catalogue);
    } catch (error) {
      // It may have begun to move shared rows on.
      await this.#copy.close();
      throw error;
    }
    this.#follower = this.#follow();
    this.#watching = every(limits.probeIntervalMs, this.#stopped.signal, () => this.#copy.watch(), onError);
  }

  #openCopy(): Promise<ViewCopy> {
    const { store, dataDir, shared, limits, onUnreadable, onError, onDamagedRow = () => undefined } = this.#options;
    const told = {
      onUnreadable,
      onError,
      onMoved: (position: Position) => {
        this.#overlay.prune(position);
        this.#waiters.moved(position);
      },
      onBusiness: (row: BusinessRow) => void this.catalogue.offer(row),
    };
    if (shared) return SharedCopy.open({ store, shared, limits, signal: this.#stopped.signal, ...told });
    const { cacheEntries, cacheBytes = 0 } = limits;
    const damagedRows = () => new DamagedRows(store, onDamagedRow);
    const place = { dataDir, ledgerId: store.ledgerId, cacheEntries, cacheBytes, damagedRows };
    return LiveCopy.open({ store, place, onUnusable: this.#options.onUnusable ?? onError, ...told });
  }

  #follow(): Follower {
    const { store, limits, clock, shared, onError } = this.#options;
    return follow({
      store,
      name: 'view',
      prefixes: VIEW_PREFIXES,
      batchSize: BATCH_SIZE,
      from: () => this.#copy.resumeFrom(),
      handle: async (delivery) => {
        await this.#copy.apply(delivery);
        if (!delivery.caughtUp) await turnOfTheEventLoop();
      },
      onError,
      monotonic: () => clock.monotonic(),
      // What nobody else writes to does not change while this machine is suspended.
      ...(shared ? { wall: () => clock.now() } : {}),
      probeMs: limits.probeIntervalMs,
      signal: this.#stopped.signal,
    });
  }

  #mayAnswer(): boolean {
    return this.#copy.problem === undefined && this.#follower.status().lagMs <= this.#options.limits.maxLagMs;
  }

  #refusal(): LookUp {
    return this.#no(this.#copy.problem === undefined ? 'VIEW_STALE' : 'VIEW_UNAVAILABLE');
  }

  #no(reason: 'VIEW_UNAVAILABLE' | 'VIEW_STALE' | 'VIEW_BEHIND'): LookUp {
    const { position } = this.#copy;
    const at = position === undefined ? {} : { position };
    return { ok: false, reason, ...at, retryAfterMs: this.#options.limits.probeIntervalMs };
  }

  async #reachHead(): Promise<boolean> {
    const { store, limits, onError } = this.#options;
    try {
      return await this.#reaches(await store.head(), limits.waitForPositionMs);
    } catch (error) {
      onError(error);
      return false;
    }
  }

  /** A position of another ledger is never reached, so nobody waits for it. */
  async #reaches(wanted: Position, waitMs: number): Promise<boolean> {
    const copyAt = this.#copy.position;
    if (copyAt !== undefined && hasReached(copyAt, wanted)) return true;
    if (ledgerIdOf(wanted) !== this.#options.store.ledgerId) return false;
    return this.#waiters.wait(wanted, waitMs);
  }

  async #answer(businessId: string, recipientIds: readonly string[]): Promise<LookUp> {
    const { position, states: own } = await this.#statesOf(businessId, recipientIds);
    if (position === undefined) return this.#no('VIEW_STALE');
    const readStates = async (ids: readonly string[]) => (await this.#statesOf(businessId, ids)).states;
    return { ok: true, position, states: await withLinked(recipientIds, own, readStates) };
  }

  /** What is remembered is taken before the rows are read: while they are read the copy may move and it be forgotten. */
  async #statesOf(businessId: string, recipientIds: readonly string[]) {
    const remembered = this.#overlay.all(recipientIds);
    const { position, rows } = await this.#copy.read(recipientIds);
    return { position, states: statesIn(rows, remembered, businessId) };
  }
}
