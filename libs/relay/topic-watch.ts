import { setTimeout as pause } from 'node:timers/promises';
import { orAborted } from '#event-store';
import { hasLost, LANES, look } from './comparison.js';
import { TopicLost, type Cluster } from './publisher.js';
import type { RelayDatabase } from './relay-database.js';

export interface TopicWatchOptions {
  readonly cluster: Pick<Cluster, 'ends'>;
  readonly database: Pick<RelayDatabase, 'offsets'>;
  /** Told that the topics must be made, or compared with the lanes, anew. */
  readonly fail: (error: TopicLost) => void;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Between two looks, in milliseconds. */
const LOOK_MS = 5_000;
/** A broker that has just started knows no topic, and a new leader not all that there is: looks in a row that must agree. */
const LOOKS = 2;

/**
 * A lane learns from its next record that its topic was lost. Nobody registers a purpose for weeks, and meanwhile every
 * guard says no: so the topics are looked at also while nothing is written.
 */
export async function watchTopics({ fail, onError, signal, ...options }: TopicWatchOptions): Promise<void> {
  for (let lost = 0; !signal.aborted;) {
    await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
    try {
      const loss = signal.aborted ? undefined : await orAborted(lossOf(options), signal);
      lost = loss ? lost + 1 : 0;
      if (loss && lost === LOOKS) return fail(loss);
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
  }
}

/** Undefined where the topics hold what was written before they were asked; rejects where nobody can tell. */
async function lossOf({ cluster, database }: Pick<TopicWatchOptions, 'cluster' | 'database'>) {
  const written = new Map(LANES.map((lane) => [lane as string, database.offsets(lane)]));
  try {
    const ends = await look(cluster);
    const isLost = LANES.some((lane) => hasLost({ offsets: (name) => written.get(name) ?? [] }, lane, ends));
    return isLost ? new TopicLost('a topic ends before what was written') : undefined;
  } catch (error) {
    if (error instanceof TopicLost) return error;
    throw error;
  }
}
