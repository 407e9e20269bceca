import { setTimeout as pause } from 'node:timers/promises';
import { EMPTY_STATE, epochMsOf, instantOf, isInstant } from '#consent';
import {
  follow,
  hasReached,
  readEvent,
  type Delivery,
  type EventStore,
  type Follower,
  type Position,
} from '#event-store';
import { businessOf, recipientOf, VIEW_PREFIXES, type RecipientRow, type Snapshot } from '#view';
import { sizeOf, type BatchLimits } from './batches.js';
import type { RelayCopy } from './copy.js';
import { DirtySet, type Dirty, type Subject, type Touched, type UrgeOptions } from './dirty-set.js';
import { WHOLE, type ParkedEvents } from './parked.js';
import type { LaneProgress } from './progress.js';
import type { Sender } from './sender.js';
import type { Telling, Tellings } from './tellings.js';

export interface StateLaneOptions {
  readonly store: EventStore;
  readonly copy: RelayCopy;
  readonly batches: BatchLimits;
  /** How many may be dirty before the lane stops reading on, and preferred before it takes no more. */
  readonly mostDirty: number;
  readonly progress: LaneProgress;
  readonly sender: Sender;
  readonly tellings: Tellings;
  readonly parked: ParkedEvents;
  readonly epoch: number;
  readonly clock: { now(): number };
  readonly giveWay?: () => Promise<void>;
  readonly onError: (error: unknown) => void;
  readonly fail: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** How long a batch waits for the copy before it is put together anew, in milliseconds. */
const COPY_WAIT_MS = 1_000;
/** Between two looks at a copy that cannot be read, in milliseconds. */
const COPY_PAUSE_MS = 50;

/** Of a recipient whom the ledger does not know: of no business, so that it allows nobody anything. */
const NOTHING: RecipientRow = { businessId: '', state: EMPTY_STATE };

/**
 * The only publisher of states and registers. It does not send what the ledger says but what the copy holds when it is
 * sent, so that the newest record of a key is always its newest state, however often and in whatever order it is asked
 * to publish one.
 */
export class StateLane {
  readonly #options: StateLaneOptions;
  readonly #dirty: DirtySet;
  readonly #follower: Follower;
  readonly #publishing: Promise<void>;
  #read: Position | undefined;
  #waitsForCopy = false;

  constructor(options: StateLaneOptions) {
    const { store, batches, progress, onError, signal } = options;
    this.#options = options;
    this.#read = progress.checkpoint;
    this.#dirty = new DirtySet(this.#read, options.mostDirty);
    this.#follower = follow({
      ...{ store, name: 'state', prefixes: VIEW_PREFIXES, batchSize: batches.records, onError, signal },
      from: async () => this.#read,
      handle: (delivery) => this.#take(delivery),
    });
    this.#publishing = this.#publish().catch((error: unknown) => options.fail(error));
  }

  get position(): Position | undefined {
    return this.#dirty.published;
  }

  get oldestMs(): number | undefined {
    return this.#dirty.oldestMs;
  }

  get follower(): Follower {
    return this.#follower;
  }

  get problem(): string | undefined {
    return this.#waitsForCopy ? 'the view is behind, and no older state is published' : undefined;
  }

  /** Publishes these before what is not urgent where there are not too many, else in the order of the ledger. */
  prefer(subjects: readonly Subject[], position: Position): void {
    for (const subject of subjects) this.#dirty.prefer(subject, position);
  }

  /** Publishes these before what is not urgent, as of `position` or later. */
  urge(subjects: readonly Subject[], position: Position): void {
    for (const subject of subjects) this.#dirty.urge(subject, position);
  }

  /**
   * The same, resolving once they are published; rejects when the lane ends first. With `evenNothing` also recipients of
   * whom nothing is recorded, since a record of them stands that is to go.
   */
  async publishAgain(
    subjects: readonly Subject[],
    position: Position,
    options: Pick<UrgeOptions, 'evenNothing'> = {},
  ): Promise<void> {
    const { signal } = this.#options;
    let left = subjects.length;
    const published = () => void (left -= 1);
    for (const subject of subjects) this.#dirty.urge(subject, position, { ...options, published });
    while (left > 0) {
      signal.throwIfAborted();
      await this.#dirty.changed(signal);
    }
  }

  /** Resolves when nothing of the lane runs any more. Its signal must have been aborted. */
  async ended(): Promise<void> {
    await this.#follower.stop();
    await this.#publishing;
  }

  async #take({ events, position }: Delivery): Promise<void> {
    const { mostDirty, signal } = this.#options;
    while (this.#dirty.size >= mostDirty && !signal.aborted) await this.#dirty.changed(signal);
    if (signal.aborted) return;
    const touched = new Map<string, Touched>();
    for (const { stream, position: at } of events) {
      const subject = subjectOf(stream);
      if (subject) touched.set(stream, { ...subject, position: at });
    }
    const metadata = events[0] && readEvent(events[0]).metadata;
    const sinceMs = isInstant(metadata?.recordedAt) ? epochMsOf(metadata.recordedAt) : undefined;
    this.#dirty.add([...touched.values()], position, sinceMs);
    this.#read = position;
  }

  async #publish(): Promise<void> {
    const { signal, progress } = this.#options;
    let saved = this.#dirty.published;
    while (!signal.aborted) {
      if (this.#dirty.size > 0) await this.#round();
      else await this.#dirty.changed(signal);
      const { published } = this.#dirty;
      if (published !== saved && !signal.aborted) progress.save((saved = published));
    }
  }

  async #round(): Promise<void> {
    const { batches, sender, giveWay, signal } = this.#options;
    await giveWay?.();
    const next = this.#dirty.next(batches.records);
    const copied = await this.#copied(next);
    this.#waitsForCopy = copied === undefined;
    if (copied === undefined) return pause(COPY_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    const { entries, tellings } = this.#takeOut(next, copied);
    const parked = tellings.length > 0 ? await sender.send(tellings) : [];
    this.#release(tellings, parked);
    this.#dirty.settle(entries);
  }

  /**
   * The rows of a copy that knows all of what has changed these; or, where it stays behind, as opt-outs go on coming, of
   * what has changed one of them.
   */
  async #copied(entries: readonly Dirty[]): Promise<CopiedRows | undefined> {
    const { copy } = this.#options;
    const [all, some] = rangeOf(entries as readonly [Dirty, ...Dirty[]]);
    const ids = entries.filter(({ kind }) => kind === 'recipient').map(({ id }) => id);
    const snapshot = (await copy.rowsAt(all, ids, COPY_WAIT_MS)) ?? (await copy.rowsAt(some, ids, 0));
    if (snapshot?.position === undefined) return undefined;
    return { position: snapshot.position, rows: new Map(ids.map((id, index) => [id, snapshot.rows[index]])) };
  }

  /** As many as fit into a batch. Nothing may happen between this and the sending: what changes now is dirty anew. */
  #takeOut(entries: readonly Dirty[], copied: CopiedRows) {
    const taken: Dirty[] = [];
    const tellings: Telling[] = [];
    const asOf = { position: copied.position, time: instantOf(this.#options.clock.now()) };
    let room = this.#options.batches.bytes;
    for (const entry of entries) {
      const telling = this.#tellingOf(entry, copied, asOf);
      if (telling) room -= sizeOf(telling);
      if (room < 0 && taken.length > 0) break;
      if (!this.#dirty.remove(entry, copied.position)) continue;
      taken.push(entry);
      if (telling) tellings.push(telling);
    }
    return { entries: taken, tellings };
  }

  /** What was refused as a whole before and is stored in full now. */
  #release(tellings: readonly Telling[], refused: readonly Telling[]): void {
    const { parked, epoch } = this.#options;
    if (parked.count === 0) return;
    for (const telling of tellings) if (!refused.includes(telling)) parked.release(epoch, telling.about.key, WHOLE);
  }

  /** Undefined where nothing is recorded and nothing was told: absent is a no. */
  #tellingOf({ kind, id, evenNothing }: Dirty, { rows }: CopiedRows, asOf: { position: Position; time: string }) {
    const { tellings, parked, copy } = this.#options;
    if (kind === 'recipient') {
      const row = rows.get(id) ?? (evenNothing ? NOTHING : undefined);
      return row && tellings.state(id, row, asOf, parked.of(id));
    }
    const register = copy.catalogue.business(id);
    return register && tellings.catalogue(register, asOf);
  }
}

interface CopiedRows {
  readonly position: Position;
  readonly rows: ReadonlyMap<string, Snapshot['rows'][number]>;
}

/** The furthest and the nearest of their positions. */
function rangeOf([first, ...others]: readonly [Dirty, ...Dirty[]]): readonly [Position, Position] {
  let [far, near] = [first.position, first.position];
  for (const { position } of others) {
    if (!hasReached(far, position)) far = position;
    else if (!hasReached(position, near)) near = position;
  }
  return [far, near];
}

function subjectOf(stream: string): Subject | undefined {
  const recipientId = recipientOf(stream);
  if (recipientId !== undefined) return { kind: 'recipient', id: recipientId };
  const businessId = businessOf(stream);
  return businessId === undefined ? undefined : { kind: 'business', id: businessId };
}
