import type { PartitionEnds, Source, Tail, TailOptions, TopicEnds } from '../source.js';
import { calmIdleConnections, passOverEmptyBatches } from '#kafkajs-mends';
import { Client, type KafkaOptions } from './client.js';
import { decodeHeadersQuickly } from './quick-headers.js';
import { KafkaTail } from './tail.js';
import { troubleOf } from './trouble.js';

/** Kafka by kafkajs 2.2.4. */
export class KafkaSource implements Source {
  constructor(private readonly options: KafkaOptions) {
    calmIdleConnections();
    passOverEmptyBatches();
    decodeHeadersQuickly();
  }

  /** Over a connection of its own, so that nothing remembers a topic that is not there any more. */
  async ends(topics: readonly string[]): Promise<TopicEnds> {
    const client = new Client(this.options);
    const admin = client.kafka.admin();
    try {
      await admin.connect();
      const ends = new Map<string, readonly PartitionEnds[]>();
      for (const topic of topics) ends.set(topic, inOrder(await admin.fetchTopicOffsets(topic)));
      return ends;
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

type Offsets = { readonly partition: number; readonly low: string; readonly high: string }[];

function inOrder(offsets: Offsets): readonly PartitionEnds[] {
  const sorted = offsets.toSorted((one, other) => one.partition - other.partition);
  return sorted.map(({ low, high }) => ({ low: Number(low), high: Number(high) }));
}
