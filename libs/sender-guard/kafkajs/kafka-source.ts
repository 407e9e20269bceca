import type { Admin } from 'kafkajs';
import { calmIdleConnections, passOverEmptyBatches } from '#kafkajs-mends';
import {
  SourceTrouble,
  type PartitionEnds,
  type Source,
  type Tail,
  type TailOptions,
  type TopicEnds,
} from '../source.js';
import { Client, type KafkaOptions } from './client.js';
import { decodeHeadersQuickly } from './quick-headers.js';
import { KafkaTail } from './tail.js';
import { troubleOf } from './trouble.js';

/** Some of kafkajs's waits have no end at all: what it has not answered by then is given up. */
const ANSWER_TIMEOUT_MS = 15_000;

/** Kafka by kafkajs 2.2.4. */
export class KafkaSource implements Source {
  constructor(private readonly options: KafkaOptions) {
    calmIdleConnections();
    passOverEmptyBatches();
    decodeHeadersQuickly();
  }

  /** Over a connection of its own, so that nothing remembers a topic that is not there any more. */
  async ends(topics: readonly string[], signal: AbortSignal): Promise<TopicEnds> {
    const client = new Client(this.options);
    const admin = client.kafka.admin();
    try {
      return await inTime(endsOf(admin, topics), signal);
    } catch (error) {
      throw troubleOf(error);
    } finally {
      client.close();
      admin.disconnect().catch(() => undefined);
    }
  }

  tail(options: TailOptions): Tail {
    return new KafkaTail(this.options, options);
  }
}

async function endsOf(admin: Admin, topics: readonly string[]): Promise<TopicEnds> {
  await admin.connect();
  const ends = new Map<string, readonly PartitionEnds[]>();
  for (const topic of topics) ends.set(topic, inOrder(await admin.fetchTopicOffsets(topic)));
  return ends;
}

/** Who closes the guard does not wait for a broker that is silent. */
async function inTime<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  let giveUp = (): void => undefined;
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = () => reject(new SourceTrouble('away', 'no broker answers'));
  });
  const timer = setTimeout(giveUp, ANSWER_TIMEOUT_MS);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    return await Promise.race([answer, givenUp]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}

type Offsets = { readonly partition: number; readonly low: string; readonly high: string }[];

function inOrder(offsets: Offsets): readonly PartitionEnds[] {
  const sorted = offsets.toSorted((one, other) => one.partition - other.partition);
  return sorted.map(({ low, high }) => ({ low: Number(low), high: Number(high) }));
}
