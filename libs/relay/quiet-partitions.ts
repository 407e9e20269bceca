import { setTimeout as pause } from 'node:timers/promises';
import { TOPICS } from '#contracts';
import { orAborted } from '#event-store';
import { isRecipientId } from '#packed';
import type { Cluster, PartitionEnds, TailHandler } from './publisher.js';

export interface QuietOptions {
  readonly cluster: Pick<Cluster, 'ends' | 'tail'>;
  /** How long Kafka writes to one segment of the topic of states, in milliseconds. */
  readonly segmentMs: number;
  /** Publishes the newest state of these recipients again. */
  readonly publishAgain: (recipientIds: readonly string[]) => Promise<void>;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

const { topic } = TOPICS.state;
export const STATE_SEGMENT_MS = Number(TOPICS.state.settings['segment.ms']);

/** What is not read by then is read the next time, in milliseconds. */
const READ_MS = 10_000;

/**
 * Kafka never compacts the segment that it writes to, and begins another only with a record that comes when that one is
 * old enough. In a partition in which nobody is published any more, what an erased person's state said before would stay
 * for ever. So the last state of such a partition is published once more.
 */
export async function keepSegmentsMoving({
  segmentMs,
  publishAgain,
  onError,
  ...options
}: QuietOptions): Promise<void> {
  const { cluster, signal } = options;
  for (let before = new Map<number, string>(); !signal.aborted;) {
    try {
      const ends = await orAborted(cluster.ends(topic), signal);
      const quiet = ends.filter(({ partition, low, high }) => high !== low && before.get(partition) === high);
      before = new Map(ends.map(({ partition, high }) => [partition, high]));
      if (quiet.length > 0) await publishAgain(await lastIn(quiet, ends, options));
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    await pause(segmentMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Whose record is the last of each of these partitions. */
async function lastIn(
  quiet: readonly PartitionEnds[],
  ends: readonly PartitionEnds[],
  { cluster, signal }: Pick<QuietOptions, 'cluster' | 'signal'>,
): Promise<readonly string[]> {
  const unread = new Set(quiet.map(({ partition }) => partition));
  const keys: (string | undefined)[] = [];
  const done = new AbortController();
  const from = ends.map(({ partition, high }) => {
    return { partition, offset: unread.has(partition) ? String(BigInt(high) - 1n) : high };
  });
  const handler: TailHandler = async (records, { partition }) => {
    if (!unread.delete(partition)) return;
    keys.push(records.at(-1)?.key);
    if (unread.size === 0) done.abort();
  };
  await cluster.tail(topic, from, handler, AbortSignal.any([signal, done.signal, AbortSignal.timeout(READ_MS)]));
  return keys.filter(isRecipientId);
}
