import { randomUUID } from 'node:crypto';
import type { Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs';
import { SourceTrouble, type Tail, type TailOptions } from '../source.js';
import type { TopicRecord } from '../topic-record.js';
import { CLIENT_ID, Client, RETRY, type KafkaOptions } from './client.js';
import { troubleOf } from './trouble.js';

const SETTINGS = {
  sessionTimeout: 10_000,
  heartbeatInterval: 1_000,
  minBytes: 1,
  maxWaitTimeInMs: 250,
  /** So much is decoded in one go, during which nothing else of the process runs. */
  maxBytes: 1_000_000,
  maxBytesPerPartition: 1_000_000,
  allowAutoTopicCreation: false,
};

/** A consumer fetches several times a second; one that was not answered for so long is dead, whatever it says. */
const SILENCE_MS = 10_000;
const LOOK_MS = 500;
const LEAVE_MS = 500;

/**
 * One kafkajs consumer from its start to its end, in a group of its own and without commits: where it is, only the guard
 * knows. It never starts again by itself.
 */
export class KafkaTail implements Tail {
  readonly ended: Promise<SourceTrouble | undefined>;
  readonly #client: Client;
  readonly #consumer: Consumer;
  readonly #watch: NodeJS.Timeout;
  #end: (why?: SourceTrouble) => void = () => undefined;
  #isOver = false;
  #answeredAt = performance.now();

  constructor(
    connection: KafkaOptions,
    private readonly options: TailOptions,
  ) {
    this.#client = new Client(connection);
    this.#consumer = this.#client.kafka.consumer({
      ...SETTINGS,
      groupId: `${connection.clientId ?? CLIENT_ID}-${randomUUID()}`,
      retry: { ...RETRY, restartOnFailure: async () => false },
    });
    this.ended = new Promise((resolve) => {
      this.#end = (why) => {
        this.#isOver = true;
        resolve(why);
      };
    });
    this.#watch = setInterval(() => this.#look(), LOOK_MS);
    this.#watch.unref();
    this.#listen();
    this.#start().catch((error: unknown) => this.#end(troubleOf(error)));
  }

  async close(): Promise<void> {
    this.#end();
    clearInterval(this.#watch);
    const left = this.#consumer.disconnect().catch(() => undefined);
    await Promise.race([left, new Promise((resolve) => setTimeout(resolve, LEAVE_MS).unref())]);
    this.#client.close();
  }

  /** Seeks are noted before the first fetch, so that nothing is fetched from elsewhere. */
  #listen(): void {
    const { GROUP_JOIN, REQUEST, CRASH, STOP, END_BATCH_PROCESS } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, () => this.#seek());
    this.#consumer.on(CRASH, ({ payload }) => this.#end(troubleOf(payload.error)));
    this.#consumer.on(STOP, () => this.#end(new SourceTrouble('away', 'the consumer stopped')));
    // What holds nothing but the marks of transactions kafkajs passes over: the place behind it is to be known all the same.
    this.#consumer.on(END_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize === 0) this.#handOver(payload, []);
    });
    this.#consumer.on(REQUEST, ({ payload }) => {
      if (payload.apiName !== 'Fetch') return;
      this.#answeredAt = performance.now();
      if (!this.#isOver) this.options.onFetch();
    });
  }

  #seek(): void {
    for (const topic of this.options.topics) {
      this.options.from(topic).forEach((offset, partition) => {
        this.#consumer.seek({ topic, partition, offset: String(offset) });
      });
    }
  }

  async #start(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [...this.options.topics], fromBeginning: true });
    await this.#consumer.run({ autoCommit: false, eachBatch: async (payload) => this.#take(payload) });
  }

  #look(): void {
    if (performance.now() - this.#answeredAt <= SILENCE_MS) return;
    this.#end(new SourceTrouble('away', 'no broker answers'));
  }

  #take({ batch }: EachBatchPayload): void {
    const { topic, partition, messages, highWatermark } = batch;
    const fetched = {
      topic,
      partition,
      highWatermark,
      firstOffset: batch.firstOffset(),
      lastOffset: batch.lastOffset(),
    };
    this.#handOver(
      fetched,
      messages.map((message) => recordOf(partition, message)),
    );
  }

  #handOver({ topic, partition, ...fetched }: Fetched, records: readonly TopicRecord[]): void {
    if (this.#isOver) return;
    const next = Number(fetched.lastOffset) + 1;
    const first = Number(fetched.firstOffset ?? fetched.lastOffset);
    this.options.onBatch({ topic, partition, records, first, next, high: Number(fetched.highWatermark) });
    this.#answeredAt = performance.now();
  }
}

interface Fetched {
  readonly topic: string;
  readonly partition: number;
  readonly highWatermark: string;
  /** Null where nothing of it is as far as was asked for. */
  readonly firstOffset: string | null;
  readonly lastOffset: string;
}

function recordOf(partition: number, message: KafkaMessage): TopicRecord {
  const { key, value, offset, headers, timestamp } = message;
  return {
    partition,
    offset: Number(offset),
    key: key?.toString(),
    value,
    type: headers?.ce_type?.toString(),
    position: headers?.ce_ledgerposition?.toString(),
    timestampMs: Math.max(0, Number(timestamp)) || 0,
  };
}
