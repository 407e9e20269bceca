import type { Message, Producer, RecordMetadata } from 'kafkajs';
import type { OutgoingRecord } from '../publisher.js';
import { REQUEST_TIMEOUT_MS, RETRY, type Client } from './client.js';
import { Connections } from './connections.js';
import { within } from './stopping.js';

/** How long a broker waits for its replicas: less than this side waits for the broker. */
const ACKNOWLEDGE_MS = REQUEST_TIMEOUT_MS - 500;

/** Connecting and two attempts end by themselves before; some of kafkajs's waits have no end at all. */
const SEND_TIMEOUT_MS = 20_000;

/**
 * One idempotent kafkajs producer from its connection to its end. Brokers know a repeat by the producer's id and by how
 * many records it has sent to the partition, so only the session that sent a batch may send it again, and only whole.
 */
export class Session {
  private readonly connections = new Connections();
  private readonly producer: Producer;
  private connecting: Promise<void> | undefined;
  private connected = false;
  private readonly settled = new Set<string>();
  private sends = 0;

  constructor(client: Client) {
    this.producer = client.kafka(this.connections).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: { ...RETRY, retries: 1 },
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    });
  }

  /** False also where connecting has failed: kafkajs then leaves a producer that works and is not idempotent. */
  get isConnected(): boolean {
    return this.connected;
  }

  /** Whether the send that was last called is the only one: nothing that went before can explain how it ended. */
  get isFresh(): boolean {
    return this.sends === 1;
  }

  /** Rejects as kafkajs does; some partitions may then be stored. The result may leave partitions out. */
  send(records: readonly OutgoingRecord[]): Promise<RecordMetadata[]> {
    return within(SEND_TIMEOUT_MS, this.sendNow(records));
  }

  /** Notes that a batch has reached the partition. */
  settle(pair: string): void {
    this.settled.add(pair);
  }

  /** Whether this session has written to the partition in an earlier batch. */
  hasSettled(pair: string): boolean {
    return this.settled.has(pair);
  }

  reconnect(): void {
    this.connections.reset();
  }

  /** Nothing is sent any more, also by what kafkajs still has under way. */
  end(): void {
    this.connections.close();
    this.producer.disconnect().catch(() => undefined);
  }

  private async sendNow(records: readonly OutgoingRecord[]): Promise<RecordMetadata[]> {
    await (this.connecting ??= this.producer.connect());
    this.connected = true;
    this.sends += 1;
    return this.producer.sendBatch({ acks: -1, timeout: ACKNOWLEDGE_MS, topicMessages: byTopic(records) });
  }
}

function byTopic(records: readonly OutgoingRecord[]): { topic: string; messages: Message[] }[] {
  const topics = new Map<string, Message[]>();
  for (const { topic, partition, key, headers, value } of records) {
    const messages = topics.get(topic) ?? [];
    messages.push({ partition, key, headers, value: Buffer.from(value.buffer, value.byteOffset, value.byteLength) });
    topics.set(topic, messages);
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}
