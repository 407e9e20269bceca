import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs';
import { plainClient } from './ready.js';

/** A record as any consumer sees it. */
export interface SeenRecord {
  readonly partition: number;
  readonly offset: string;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer | null;
  /** When it was written, as the record says. */
  readonly timestampMs: number;
  /** By this process's monotonic clock, when the consumer was handed it. */
  readonly seenAt: number;
}

export interface ReadOptions {
  /** Asked after each batch with all that was read so far. Default: everything that the topic held at the call. */
  readonly until?: (records: readonly SeenRecord[]) => boolean;
  readonly patienceMs?: number;
}

const PATIENCE_MS = 60_000;

/**
 * Reads a topic from its beginning with a plain kafkajs consumer until `until` is true, and resolves with what it saw,
 * of each partition in order. Rejects where that takes longer than `patienceMs`.
 */
export async function readTopic(
  brokers: string[],
  topic: string,
  { until, patienceMs = PATIENCE_MS }: ReadOptions = {},
): Promise<readonly SeenRecord[]> {
  const enough = until ?? (await reachesEnds(brokers, topic));
  const records: SeenRecord[] = [];
  if (enough(records)) return records;
  const consumer = plainClient(brokers).consumer({ groupId: `reader-${randomUUID()}`, maxWaitTimeInMs: 100 });
  try {
    await consume(consumer, topic, patienceMs, (batch) => {
      for (const message of batch.messages) records.push(seen(batch.partition, message));
      return enough(records);
    });
    return records;
  } catch (error) {
    throw new Error(`${topic}: ${(error as Error).message}, after ${records.length} records`);
  } finally {
    await consumer.disconnect();
  }
}

export function jsonOf<T>({ value }: SeenRecord): T {
  if (value === null) throw new Error('a record without a value');
  return JSON.parse(value.toString('utf8')) as T;
}

async function consume(
  consumer: Consumer,
  topic: string,
  patienceMs: number,
  take: (batch: EachBatchPayload['batch']) => boolean,
): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const overdue = setTimeout(() => reject(new Error(`not all was read in ${patienceMs} ms`)), patienceMs);
    const done = () => {
      clearTimeout(overdue);
      resolve();
    };
    const eachBatch = async ({ batch }: EachBatchPayload) => {
      if (take(batch)) done();
    };
    consumer.run({ autoCommit: false, eachBatch }).catch(reject);
  });
}

/** Compaction leaves gaps, so a partition is read when its last record was seen, not when a count is reached. */
async function reachesEnds(brokers: string[], topic: string): Promise<(records: readonly SeenRecord[]) => boolean> {
  const admin = plainClient(brokers).admin();
  try {
    await admin.connect();
    const ends = await admin.fetchTopicOffsets(topic);
    const missing = new Map(
      ends.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, high]),
    );
    let looked = 0;
    return (records) => {
      for (const { partition, offset } of records.slice(looked)) {
        if (BigInt(offset) + 1n >= BigInt(missing.get(partition) ?? offset)) missing.delete(partition);
      }
      looked = records.length;
      return missing.size === 0;
    };
  } finally {
    await admin.disconnect();
  }
}

function seen(partition: number, { offset, key, headers = {}, value, timestamp }: KafkaMessage): SeenRecord {
  const texts = Object.entries(headers).map(([name, content]) => [name, String(content)] as const);
  const [decoded, timestampMs] = [Object.fromEntries(texts), Number(timestamp)];
  const seenAt = performance.now();
  return { partition, offset, key: key?.toString('utf8'), headers: decoded, value, timestampMs, seenAt };
}
