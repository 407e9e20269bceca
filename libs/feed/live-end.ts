import { instantOf, type Instant } from '#consent';
import { depthOf, follow, type Delivery, type EventStore, type Follower, type Position } from '#event-store';
import { Audience } from './audience.js';
import { CHANGE_PREFIXES, readChanges } from './read-changes.js';
import type { ToldWatermark } from './told.js';
import type { Waker } from './waker.js';

/** How often the follower proves how far it is, in milliseconds: oftener than watermarks are told. */
const PROBE_MS = 450;
const BATCH_SIZE = 500;

export interface LiveEndOptions {
  readonly store: EventStore;
  readonly clock: { now(): number; monotonic(): number };
  readonly waker: Waker;
  readonly bufferEvents: number;
  readonly onError: (error: unknown) => void;
}

/**
 * The end of the ledger as it grows: the one follower of the process, whoever many watch. It begins at the end, since
 * what lies before each watcher reads for itself.
 */
export class LiveEnd {
  private readonly follower: Follower;
  private readonly audiences = new Map<string, Audience>();
  private at: Instant | undefined;
  private mark: ToldWatermark | undefined;

  static async open(options: LiveEndOptions): Promise<LiveEnd> {
    return new LiveEnd(options, await options.store.head());
  }

  private constructor(
    private readonly options: LiveEndOptions,
    private reached: Position,
  ) {
    const { store, clock, onError } = options;
    this.follower = follow({
      ...{ store, name: 'feed', prefixes: CHANGE_PREFIXES, batchSize: BATCH_SIZE, probeMs: PROBE_MS, onError },
      monotonic: () => clock.monotonic(),
      // Others may have written while this whole machine was suspended, of which the first clock knows nothing.
      wall: () => clock.now(),
      from: async () => this.reached,
      handle: (delivery) => this.take(delivery),
    });
  }

  /** Everything up to here has been added to the audiences. */
  get position(): Position {
    return this.reached;
  }

  /** Since when the follower has not proved that it is at the end, in milliseconds. */
  get lagMs(): number {
    return this.follower.status().lagMs;
  }

  /** Made with its first watcher. Nothing may be awaited between this and reading `position`. */
  audienceOf(businessId: string): Audience {
    let audience = this.audiences.get(businessId);
    if (!audience) this.audiences.set(businessId, (audience = new Audience(this.options.bufferEvents)));
    return audience;
  }

  dropIfEmpty(businessId: string): void {
    if (this.audiences.get(businessId)?.listeners.size === 0) this.audiences.delete(businessId);
  }

  /**
   * Notes how far it is proved to be, for the watermarks from now on: the same for all, so that it is written out once.
   * Whoever has reached a head that was read after a proof began knows all that was acknowledged when it began.
   */
  prove(): void {
    const { lagMs } = this;
    if (Number.isFinite(lagMs)) this.at = instantOf(Math.floor(this.options.clock.now() - lagMs));
  }

  /** What a watcher who has been told everything, up to `told` at least, is told of that. */
  watermark(told: Position): ToldWatermark {
    const { at } = this;
    if (depthOf(told) > depthOf(this.reached)) return watermarkOf(told, at);
    if (this.mark?.position !== this.reached || this.mark.at !== at) this.mark = watermarkOf(this.reached, at);
    return this.mark;
  }

  stop(): Promise<void> {
    return this.follower.stop();
  }

  /** The events are read first: from the first that is added until the position has moved, nobody else has a turn. */
  private async take({ events, position }: Delivery): Promise<void> {
    const changes = await readChanges(this.options.store, events);
    const grown = new Set<Audience>();
    for (const change of changes) {
      const audience = this.audiences.get(change.businessId);
      if (audience === undefined) continue;
      audience.add(change.told());
      grown.add(audience);
    }
    this.reached = position;
    for (const audience of grown) this.options.waker.wake(audience.ready());
  }
}

function watermarkOf(position: Position, at: Instant | undefined): ToldWatermark {
  return at === undefined ? { kind: 'watermark', position } : { kind: 'watermark', position, at };
}
