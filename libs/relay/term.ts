import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { TOPICS } from '#contracts';
import { orAborted, type Position } from '#event-store';
import { prepareChanges } from './changes-lane.js';
import { CHANGE_PREFIXES, OPT_OUT_PREFIXES } from './changes.js';
import { endsOf, HEARD, loserOf, rewindLanes, type Ends, type LaneName, type Rewound } from './comparison.js';
import type { Subject } from './dirty-set.js';
import { EventLane } from './event-lane.js';
import { COMPACTED, ForeignRecords } from './foreign-records.js';
import type { HeldLease } from './lease.js';
import { prepareOptOuts } from './optouts-lane.js';
import { WHOLE, type ParkedEvents } from './parked.js';
import { LaneProgress } from './progress.js';
import { RecordsLost, type Publisher, type Stored } from './publisher.js';
import { keepSegmentsMoving, STATE_SEGMENT_MS } from './quiet-partitions.js';
import type { RelayOptions } from './relay-options.js';
import { republishAsWished } from './republish.js';
import { Sender } from './sender.js';
import { StateLane } from './state-lane.js';
import { laneStatus, type LaneStatus } from './status.js';
import { Tellings, type Telling } from './tellings.js';
import { watchTopics } from './topic-watch.js';
import { publishWatermarks, Reached } from './watermarks.js';

/** From so many opt-outs at once the other lanes wait for them, each batch for so many milliseconds at most. */
const MANY_OPT_OUTS = 100;
const GIVE_WAY_MS = 5;
const GIVE_WAY_TIMES = 50;
const MOST_WAITING = 100;

export interface TermOptions {
  readonly relay: RelayOptions;
  readonly lease: HeldLease;
  readonly parked: ParkedEvents;
  /** Lanes that found records missing before it begins; those that do so later are added. */
  readonly lost: Set<LaneName>;
  readonly onRewound: (rewound: readonly Rewound[]) => void;
  readonly onParked: (telling: Telling) => void;
  readonly onHealed: (records: number) => void;
  readonly onNobodys: (keys: number) => void;
  readonly onError: (lane: string, error: unknown) => void;
}

/** What each lane has of its own. */
interface Desk {
  readonly publisher: Publisher;
  readonly progress: LaneProgress;
  readonly sender: Sender;
  readonly tellings: Tellings;
}

/** The lanes at work, from one comparison with the topics until something ends them. */
export class Term {
  readonly #options: TermOptions;
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  readonly #ends: Ends;
  readonly #desks = new Map<string, Desk>();
  readonly #optOuts: EventLane;
  readonly #changes: EventLane;
  readonly #states: StateLane;
  readonly #foreign: readonly ForeignRecords[];
  readonly #reached: Reached;
  readonly #loops: readonly Promise<void>[];
  #head: Position | undefined;
  /** By the monotonic clock, when it was last told how far the opt-outs are. */
  #provedMs: number;
  #reason: unknown;

  /** Compares the topics with what is remembered, and begins. Rejects where that cannot be told, or `signal` aborts. */
  static async begin(options: TermOptions, signal: AbortSignal): Promise<Term> {
    const { lost, lease, relay } = options;
    const { database, kafka, store } = relay;
    const ends = await endsOf(kafka.cluster, database, signal);
    options.onRewound(await rewindLanes({ database, epoch: lease.epoch, ends, lost, store }, signal));
    lost.clear();
    return new Term(options, ends);
  }

  private constructor(options: TermOptions, ends: Ends) {
    this.#options = options;
    this.#ends = ends;
    this.#provedMs = options.relay.clock.monotonic();
    this.#signal = AbortSignal.any([options.lease.signal, this.#over.signal]);
    // All lanes and loops wait for it at once: beyond ten Node takes that for a leak, and says so.
    setMaxListeners(MOST_WAITING, this.#signal);
    try {
      this.#states = this.#stateLane();
      this.#foreign = this.#foreignRecords();
      this.#reached = new Reached(options.relay.database.checkpoint('optouts'));
      this.#optOuts = this.#optOutsLane();
      this.#changes = this.#changesLane();
      this.#loops = [this.#watermarks(), this.#republisher(), this.#topicWatch(), this.#quietPartitions()];
    } catch (error) {
      // A lane that has begun would go on beside that of the next term, and the older of two states could come last.
      this.#over.abort(error);
      throw error;
    }
  }

  /** Resolves, once something ends the term, with what that is. */
  async over(): Promise<unknown> {
    if (!this.#signal.aborted) {
      await new Promise<void>((resolve) => this.#signal.addEventListener('abort', () => resolve(), { once: true }));
    }
    return this.#reason ?? this.#signal.reason;
  }

  /** Ends the lanes and closes their publishers. What is in flight may be stored, and is then published again. */
  async close(): Promise<void> {
    this.#over.abort(new Error('the relay is closed'));
    await Promise.all([this.#optOuts.ended(), this.#changes.ended(), this.#states.ended()]);
    await Promise.all(this.#foreign.map((foreign) => foreign.ended()));
    await Promise.all(this.#loops);
    await Promise.all([...this.#desks.values()].map(({ publisher }) => publisher.close()));
  }

  status(nowMs: number): readonly LaneStatus[] {
    const { alone, clock } = this.#options.relay;
    const head = alone ? this.#head : undefined;
    const unprovedMs = clock.monotonic() - this.#provedMs;
    const lanes = { optouts: this.#optOuts, changes: this.#changes, state: this.#states };
    return Object.entries(lanes).map(([name, lane]) => {
      const { publisher, sender } = this.#desks.get(name) as Desk;
      const { position, oldestMs, follower } = lane;
      const problem = this.#problemBeside(name as LaneName);
      const view = { name: name as LaneName, position, oldestMs, follower, problem, publisher };
      const proof = name === 'optouts' ? { unprovedMs } : {};
      return laneStatus({ ...view, ...proof, batches: sender.batches }, nowMs, head);
    });
  }

  /** What a lane's own publisher does not know. Without the proofs of how far the opt-outs are, guards say no to all. */
  #problemBeside(lane: LaneName): string | undefined {
    if (lane === 'state') return this.#states.problem;
    const problem = lane === 'optouts' ? this.#desks.get('watermarks')?.publisher.status().problem : undefined;
    return problem && `how far it is cannot be told: ${problem}`;
  }

  #desk(name: string, onStored?: (stored: readonly Stored[]) => void): Desk {
    const { relay, lease, parked } = this.#options;
    const { database, store, clock } = relay;
    const { epoch } = lease;
    const publisher = relay.kafka.publisher();
    const onProblem = (error: unknown) => this.#options.onError(name, error);
    const progress = new LaneProgress({ database, epoch, lane: name, onProblem });
    const sender = new Sender({
      ...{ publisher, progress, lease, parked, clock, signal: this.#signal },
      ...(onStored ? { onStored } : {}),
      onParked: (telling) => this.#parked(telling),
      onAcknowledged: (milliseconds, records) => relay.onAcknowledged?.(name, milliseconds, records),
    });
    const tellings = new Tellings({ ledgerId: store.ledgerId, publisherEpoch: epoch }, publisher);
    const desk = { publisher, progress, sender, tellings };
    this.#desks.set(name, desk);
    return desk;
  }

  /** What every lane is given. */
  #common(name: string) {
    const { store, copy, clock, limits } = this.#options.relay;
    const batches = { records: limits.batchEvents, bytes: limits.batchBytes };
    const onError = (error: unknown) => this.#options.onError(name, error);
    const fail = (error: unknown) => this.#fail(error, name);
    return { name, store, copy, clock, batches, onError, fail, signal: this.#signal };
  }

  #stateLane(): StateLane {
    const { relay, lease, parked } = this.#options;
    return new StateLane({
      ...this.#common('state'),
      ...this.#desk('state', (stored) => {
        for (const foreign of this.#foreign) foreign.wrote(stored);
      }),
      ...{ parked, epoch: lease.epoch, mostDirty: relay.limits.dirtyMax, giveWay: () => this.#giveWay() },
    });
  }

  #foreignRecords(): readonly ForeignRecords[] {
    const { relay, lease, onHealed, onNobodys } = this.#options;
    const { database, kafka } = relay;
    const { onError, signal } = this.#common('state');
    const { epoch } = lease;
    const heard = new LaneProgress({ database, epoch, lane: HEARD, onProblem: onError });
    const options = { cluster: kafka.cluster, heard, onHealed, onNobodys, onError, signal };
    return COMPACTED.map(({ topic, kind, isKey }) => {
      const heal = (keys: readonly string[]) => this.#publishAgain(kind, keys);
      return new ForeignRecords({ ...options, topic, isKey, heal, ends: this.#ends.get(topic) ?? [] });
    });
  }

  async #publishAgain(kind: Subject['kind'], keys: readonly string[]): Promise<void> {
    const subjects = keys.map((id) => ({ kind, id }));
    const head = await orAborted(this.#options.relay.store.head(), this.#signal);
    await this.#states.publishAgain(subjects, head, { evenNothing: true });
  }

  #quietPartitions(): Promise<void> {
    const { kafka, segmentMs = STATE_SEGMENT_MS } = this.#options.relay;
    const { onError, signal } = this.#common('state');
    const publishAgain = (keys: readonly string[]) => this.#publishAgain('recipient', keys);
    return keepSegmentsMoving({ cluster: kafka.cluster, segmentMs, publishAgain, onError, signal });
  }

  #optOutsLane(): EventLane {
    const common = this.#common('optouts');
    const desk = this.#desk('optouts');
    const options = { ...common, ...desk, onOptOuts: (told: readonly Telling[]) => this.#prefer(told) };
    const { dirtyMax } = this.#options.relay.limits;
    return new EventLane({
      ...{ ...common, ...desk, prefixes: OPT_OUT_PREFIXES, mostAtRest: dirtyMax },
      prepare: (delivery) => prepareOptOuts(delivery, options),
      onMoved: (position) => this.#reached.moved(position),
    });
  }

  #changesLane(): EventLane {
    const desk = this.#desk('changes');
    return new EventLane({
      ...{ ...this.#common('changes'), ...desk, prefixes: CHANGE_PREFIXES, mostAtRest: 1 },
      prepare: (delivery) => prepareChanges(delivery, desk.tellings),
      giveWay: () => this.#giveWay(),
    });
  }

  async #watermarks(): Promise<void> {
    const { store, clock, onError, signal } = this.#common('watermarks');
    const { publisher, tellings } = this.#desk('watermarks');
    const { progress } = this.#desks.get('optouts') as Desk;
    const highs = new Map(this.#ends.get(TOPICS.optouts.topic)?.map(({ partition, high }) => [partition, high]));
    const onHead = (head: Position) => (this.#head = head);
    const onProved = () => (this.#provedMs = clock.monotonic());
    const told = { reached: this.#reached, onHead, onProved };
    await publishWatermarks({ store, clock, tellings, publisher, progress, highs, ...told, onError, signal });
  }

  #topicWatch(): Promise<void> {
    const { database, kafka } = this.#options.relay;
    const { fail, onError, signal } = this.#common('topics');
    return watchTopics({ cluster: kafka.cluster, database, fail, onError, signal });
  }

  async #republisher(): Promise<void> {
    const { relay, lease, parked } = this.#options;
    const besides = ['optouts', 'changes'].map((name) => (this.#desks.get(name) as Desk).progress);
    await republishAsWished({
      ...{ ...this.#common('republish'), ...this.#desk('republish') },
      ...{ database: relay.database, epoch: lease.epoch, parked, states: this.#states, besides },
      giveWay: () => this.#giveWay(),
    });
  }

  /**
   * The state of whoever an opt-out is told under goes before an import's. Those linked need not have changed: readers
   * drop what they were told once that state is as new, and may deny until then.
   */
  #prefer(tellings: readonly Telling[]): void {
    for (const { record } of tellings) {
      const position = record.headers.ce_ledgerposition;
      if (position !== undefined) this.#states.prefer([{ kind: 'recipient', id: record.key }], position);
    }
  }

  #parked(telling: Telling): void {
    this.#options.onParked(telling);
    const { key, eventId } = telling.about;
    const position = telling.record.headers.ce_ledgerposition;
    if (eventId !== WHOLE && position !== undefined) this.#states.urge([{ kind: 'recipient', id: key }], position);
  }

  /**
   * While many opt-outs are under way, or some may stand behind what the lane of opt-outs has not looked through yet, the
   * rest waits, but never for long: grants are consumers' yes.
   */
  async #giveWay(): Promise<void> {
    for (let times = 0; times < GIVE_WAY_TIMES && this.#isOptOutsTurn(); times += 1) {
      await pause(GIVE_WAY_MS, undefined, { signal: this.#signal }).catch(() => undefined);
    }
  }

  #isOptOutsTurn(): boolean {
    return this.#optOuts.inHand >= MANY_OPT_OUTS || !this.#optOuts.follower.status().caughtUp;
  }

  /** Kept at once: when the next term begins, perhaps in another process, the topics may end where they did. */
  #lose(lane: LaneName | undefined): void {
    if (lane === undefined) return;
    this.#options.lost.add(lane);
    this.#desks.get(lane)?.progress.forget();
  }

  #fail(error: unknown, name: string): void {
    if (error instanceof RecordsLost) this.#lose(loserOf(name, error));
    if (this.#signal.aborted) return;
    this.#reason = error;
    this.#over.abort(error);
  }
}
