import { setTimeout as pause } from 'node:timers/promises';
import { instantOf } from '#consent';
import { TOPICS } from '#contracts';
import { hasReached, orAborted, type EventStore, type Position } from '#event-store';
import type { LaneProgress } from './progress.js';
import type { Publisher } from './publisher.js';
import type { Tellings } from './tellings.js';

/** Between two watermarks, in milliseconds. */
const EVERY_MS = 1_000;

export interface WatermarkOptions {
  readonly store: Pick<EventStore, 'head'>;
  readonly clock: { now(): number };
  readonly tellings: Tellings;
  /** Its own, so that a watermark never stands before an opt-out. */
  readonly publisher: Publisher;
  /** Of the opt-outs: with what is stored in each partition. */
  readonly progress: Pick<LaneProgress, 'offsetOf'>;
  /** What each partition of the opt-outs held when the lane began. */
  readonly highs: ReadonlyMap<number, string>;
  readonly reached: Reached;
  /** Told of every end of the ledger that was read. */
  readonly onHead: (head: Position) => void;
  /** Told of every proof that is stored. */
  readonly onProved: () => void;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** How far the lane of opt-outs is, for who waits for it. */
export class Reached {
  #waiting: { readonly wanted: Position; readonly resume: () => void }[] = [];

  constructor(private position: Position | undefined) {}

  moved(position: Position): void {
    this.position = position;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ wanted }) => !hasReached(position, wanted));
    for (const { wanted, resume } of waiting) if (hasReached(position, wanted)) resume();
  }

  /** Resolves once the lane has published everything up to there; rejects when `signal` aborts. */
  async wait(wanted: Position, signal: AbortSignal): Promise<void> {
    // Whoever comes with a signal that has aborted already would not hear of it any more.
    signal.throwIfAborted();
    if (this.position !== undefined && hasReached(this.position, wanted)) return;
    await new Promise<void>((resolve, reject) => {
      const abort = () => reject(signal.reason as Error);
      const resume = () => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push({ wanted, resume });
    });
  }
}

/**
 * Proves, every second, how far the topic of opt-outs is. The clock is read before the head, so that everything which
 * was acknowledged by then is in the topic once the lane has come to that head.
 */
export async function publishWatermarks(options: WatermarkOptions): Promise<void> {
  const { signal, onError } = options;
  while (!signal.aborted) {
    try {
      await publishOnce(options);
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    await pause(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function publishOnce({ store, clock, reached, onHead, signal, ...options }: WatermarkOptions): Promise<void> {
  const time = instantOf(clock.now());
  const position = await orAborted(store.head(), signal);
  onHead(position);
  await reached.wait(position, signal);
  const { topic, partitions } = TOPICS.optouts;
  const { publisher, tellings, progress, highs, onProved } = options;
  const records = Array.from({ length: partitions }, (_, partition) => {
    const offset = progress.offsetOf(topic, partition) ?? highs.get(partition) ?? '0';
    return tellings.watermark({ topic, partition, position, time, offset });
  });
  await publisher.publish(records, signal);
  onProved();
}
