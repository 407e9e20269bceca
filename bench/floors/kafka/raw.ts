import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, type Consumer, type Message, type Producer } from 'kafkajs';

const RETRY = { initialRetryTime: 50, maxRetryTime: 500, retries: 10 };
export const RAW_TOPIC = 'bench.raw';
const PARTITIONS = 12;

export interface RawRecord {
  readonly id: string;
  /** By this process's clock, when the consumer was handed it. */
  readonly seenAtMs: number;
  readonly message: Message;
}

/** kafkajs as anybody would use it: the floor of every way over Kafka. */
export class RawKafka {
  private readonly kafka: Kafka;
  private readonly producer: Producer;
  private readonly consumers: Consumer[] = [];

  constructor(brokers: readonly string[]) {
    this.kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: RETRY });
    this.producer = this.kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
  }

  async open(): Promise<void> {
    const admin = this.kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: RAW_TOPIC, numPartitions: PARTITIONS }], waitForLeaders: true });
    await admin.disconnect();
    await this.producer.connect();
  }

  /** Resolves once the consumer fetches: what is sent from then on it will be handed. */
  async follow(topic: string, take: (record: RawRecord) => void): Promise<void> {
    const groupId = `bench-${randomUUID()}`;
    const consumer = this.kafka.consumer({ groupId, maxWaitTimeInMs: 500, minBytes: 1, allowAutoTopicCreation: false });
    this.consumers.push(consumer);
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    const fetching = new Promise<void>((resolve) => consumer.on(consumer.events.FETCH, () => resolve()));
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const seenAtMs = performance.now();
        for (const { key, headers, value } of batch.messages) {
          const message = { key, value, ...(headers ? { headers } : {}) };
          take({ id: String(headers?.ce_id), seenAtMs, message });
        }
      },
    });
    await fetching;
  }

  async send(messages: Message[]): Promise<void> {
    await this.producer.send({ topic: RAW_TOPIC, messages, acks: -1 });
  }

  async close(): Promise<void> {
    for (const consumer of this.consumers.splice(0)) await consumer.disconnect();
    await this.producer.disconnect();
  }
}
