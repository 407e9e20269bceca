import { setTimeout as pause } from 'node:timers/promises';
import { isInstant } from '#consent';
import { hasReached, ledgerIdOf, orAborted, type EventStore, type Position, type StoredEvent } from '#event-store';
import { businessOf, VIEW_PREFIXES } from '#view';
import { batchesOf, type BatchLimits } from './batches.js';
import { changesIn, crossesLinks, isOptOut, type Change } from './changes.js';
import type { RelayCopy } from './copy.js';
import type { Subject } from './dirty-set.js';
import { linkedKeys } from './linked-keys.js';
import type { ParkedEvents } from './parked.js';
import type { LaneProgress } from './progress.js';
import { RecordsLost } from './publisher.js';
import type { RelayDatabase } from './relay-database.js';
import type { Sender } from './sender.js';
import type { StateLane } from './state-lane.js';
import type { Telling, Tellings } from './tellings.js';
import { advanceWish, nextWish, type WishProgress } from './wishes.js';

export interface RepublishOptions {
  readonly database: RelayDatabase;
  readonly epoch: number;
  readonly store: EventStore;
  readonly copy: RelayCopy;
  readonly tellings: Tellings;
  /** Its own, so that what is live is not held up. */
  readonly sender: Sender;
  readonly progress: LaneProgress;
  /** Of the lanes that write to the same topics. */
  readonly besides: readonly LaneProgress[];
  readonly states: Pick<StateLane, 'publishAgain'>;
  readonly parked: ParkedEvents;
  readonly batches: BatchLimits;
  readonly giveWay?: () => Promise<void>;
  readonly onError: (error: unknown) => void;
  /** Told of a loss: no lane would find it by itself, once what is published again stands in its place. */
  readonly fail: (error: RecordsLost) => void;
  readonly signal: AbortSignal;
}

/** Between two looks for a wish, and for a copy that is behind; milliseconds. */
const LOOK_MS = 1_000;

/** Takes up wishes one after the other, as long as the lease is held; what a restart interrupted goes on where it was. */
export async function republishAsWished(options: RepublishOptions): Promise<void> {
  const { database, signal, onError, fail } = options;
  while (!signal.aborted) {
    try {
      const wish = nextWish(database);
      if (wish) await new Republishing(options, wish).run();
      else await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
    } catch (error) {
      if (error instanceof RecordsLost) return fail(error);
      if (signal.aborted) return;
      onError(error);
      await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** One wish on its way. */
class Republishing {
  #events: number;

  constructor(
    private readonly options: RepublishOptions,
    private readonly wish: WishProgress,
  ) {
    this.#events = wish.events;
  }

  async run(): Promise<void> {
    const { store, signal } = this.options;
    const { from, reached, until: end, recipientId } = this.wish;
    // One that was under way while another ledger took the place of its own would never end, and no other be taken up.
    const isOfAnother = (place: Position | undefined) => place !== undefined && ledgerIdOf(place) !== store.ledgerId;
    if ([from, reached, end].some(isOfAnother)) return this.#note('refused');
    const until = end ?? (await orAborted(store.head(), signal));
    if (recipientId !== undefined) await this.#recipient(recipientId, until);
    else await this.#stretch(until);
  }

  async #stretch(until: Position): Promise<void> {
    const { store, batches, signal } = this.options;
    for (let from = this.wish.reached ?? this.wish.from; ;) {
      signal.throwIfAborted();
      const start = from === undefined ? {} : { from };
      const reading = store.readAll({ ...start, prefixes: VIEW_PREFIXES, limit: batches.records });
      const page = await orAborted(reading, signal);
      await this.#publish(page.events, page.position);
      from = page.position;
      const isDone = page.atEnd || hasReached(from, until);
      this.#note(isDone ? 'done' : 'running', from, until);
      if (isDone) return;
    }
  }

  /** A recipient's streams are short enough to be begun anew after a restart. */
  async #recipient(recipientId: string, until: Position): Promise<void> {
    const { store, batches, signal } = this.options;
    this.#events = 0;
    for (const stream of [`consent-${recipientId}`, `conversation-${recipientId}`]) {
      for (let next = 0; ;) {
        signal.throwIfAborted();
        const reading = store.readStream(stream, { from: String(next), limit: batches.records });
        const events = await orAborted(reading, signal);
        const last = events.at(-1);
        if (last === undefined) break;
        await this.#publish(events, until);
        this.#note('running', undefined, until);
        next = Number(last.revision) + 1;
      }
    }
    await this.options.states.publishAgain([{ kind: 'recipient', id: recipientId }], until);
    this.#note('done', until, until);
  }

  async #publish(events: readonly StoredEvent[], position: Position): Promise<void> {
    const changes = (await changesIn(events)).filter((change) => this.#isWished(change));
    const { tellings, states } = this.options;
    const told = changes.map((change) => tellings.change('changes', change));
    await this.#send([...(await this.#optOuts(changes, position)), ...told]);
    await states.publishAgain(this.#subjectsOf(events, changes), position);
    this.#events += events.length;
  }

  /** Of what cannot be read nobody knows when the ledger heard of it. */
  #isWished({ event, origin, metadata }: Change): boolean {
    const { since } = this.wish;
    const isDated = event.type !== 'Unreadable' && isInstant(metadata.recordedAt);
    return since === undefined || !isDated || origin.recordedAt >= since;
  }

  async #optOuts(changes: readonly Change[], position: Position): Promise<readonly Telling[]> {
    const { copy, tellings, signal } = this.options;
    const optOuts = changes.filter(({ event }) => isOptOut(event));
    const crossing = optOuts.filter(({ event }) => crossesLinks(event));
    const ids = crossing.map(({ recipientId }) => recipientId);
    for (;;) {
      signal.throwIfAborted();
      const linked = await linkedKeys(copy, position, ids, LOOK_MS);
      if (linked) return optOuts.flatMap((change) => tellings.optOut(change, linked));
      await pause(LOOK_MS, undefined, { signal });
    }
  }

  /** What was parked and is taken now is parked no more. */
  async #send(told: readonly Telling[]): Promise<void> {
    const { sender, progress, besides, batches, parked, epoch, giveWay } = this.options;
    const refused = new Set<string>();
    for (const batch of batchesOf(told, batches)) {
      await giveWay?.();
      progress.standBehind(besides);
      for (const { about } of await sender.send(batch)) refused.add(about.eventId);
    }
    for (const { about } of told) if (!refused.has(about.eventId)) parked.release(epoch, about.key, about.eventId);
  }

  /** Registers have no instant of their own here: they are few, and published again whatever was wished. */
  #subjectsOf(events: readonly StoredEvent[], changes: readonly Change[]): readonly Subject[] {
    const recipients = new Set(changes.map(({ recipientId }) => recipientId));
    const businesses = new Set(events.flatMap(({ stream }) => businessOf(stream) ?? []));
    return [
      ...[...recipients].map((id) => ({ kind: 'recipient', id }) as const),
      ...[...businesses].map((id) => ({ kind: 'business', id }) as const),
    ];
  }

  #note(state: WishProgress['state'], reached?: Position, until?: Position): void {
    const { database, epoch } = this.options;
    advanceWish(database, epoch, { id: this.wish.id, state, events: this.#events, reached, until });
  }
}
