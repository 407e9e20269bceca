import { Kafka, logLevel, type Producer } from 'kafkajs';
import { instantOf } from '#consent';
import {
  TOPICS,
  catalogueHeaders,
  catalogueRecordOf,
  encode,
  stateHeaders,
  watermarkHeaders,
  watermarkKey,
  type StateRecord,
} from '#contracts';

const BATCH = 2_000;
const PROVE_EVERY_MS = 500;
const PUBLISHED = { ledgerId: 'ledger-of-the-benchmark', publisherEpoch: 1 } as const;

/** Topics as a relay leaves them, written without one: a state of each recipient, in random order, and a register. */
export class FilledTopics {
  private readonly producer: Producer;
  private proving: NodeJS.Timeout | undefined;

  constructor(private readonly brokers: readonly string[]) {
    this.producer = this.client().producer({ allowAutoTopicCreation: false });
  }

  async create(businessId: string): Promise<void> {
    const admin = this.client().admin();
    await admin.connect();
    const topics = Object.values(TOPICS).map(({ topic, partitions }) => ({ topic, numPartitions: partitions }));
    await admin.createTopics({ topics, waitForLeaders: true });
    await admin.disconnect();
    await this.producer.connect();
    const record = catalogueRecordOf(businessId, '1', { policy: {}, purposes: [OFFERS], senders: [], disclosures: [] });
    const headers = catalogueHeaders(record, { ...PUBLISHED, position: 'ledger.1', time: now() });
    await this.send(TOPICS.catalogue.topic, [{ key: businessId, headers, value: Buffer.from(encode(record)) }]);
  }

  async fill(states: number, stateOf: (n: number) => StateRecord, onProgress: (done: number) => void): Promise<void> {
    for (let from = 0; from < states; from += BATCH) {
      const messages = Array.from({ length: Math.min(BATCH, states - from) }, (_, n) => {
        const record = stateOf(from + n);
        const headers = stateHeaders(record, { ...PUBLISHED, time: now() });
        return { key: record.recipientId, headers, value: Buffer.from(encode(record)) };
      });
      await this.send(TOPICS.state.topic, messages);
      onProgress(from + messages.length);
    }
  }

  /** Says that no opt-outs are missing, again and again until `close`: nobody has any. */
  keepProving(position: string): void {
    const prove = () => {
      const messages = Array.from({ length: TOPICS.optouts.partitions }, (_, partition) => {
        const record = { topic: TOPICS.optouts.topic, partition, position, time: now(), offset: '0' };
        const headers = watermarkHeaders(record, PUBLISHED);
        return { key: watermarkKey(record), headers, value: Buffer.from(encode(record)) };
      });
      void this.send(TOPICS.watermarks.topic, messages);
    };
    this.proving = setInterval(prove, PROVE_EVERY_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.proving);
    await this.producer.disconnect();
  }

  private async send(topic: string, messages: Parameters<Producer['send']>[0]['messages']): Promise<void> {
    await this.producer.send({ topic, messages });
  }

  private client(): Kafka {
    const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 10 };
    return new Kafka({ brokers: [...this.brokers], logLevel: logLevel.NOTHING, retry });
  }
}

const OFFERS = { purposeId: 'offers', category: 'marketing', title: '', requires: 'consent' } as const;

function now(): string {
  return instantOf(Date.now());
}
