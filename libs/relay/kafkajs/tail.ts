import { randomUUID } from 'node:crypto';
import type { Consumer, KafkaMessage } from 'kafkajs';
import type { IncomingRecord, TailHandler, TailStart } from '../publisher.js';
import { RETRY, type Client } from './client.js';
import { Connections } from './connections.js';
import { backOff, within } from './stopping.js';

export interface Tail {
  readonly topic: string;
  readonly from: readonly TailStart[];
  readonly handler: TailHandler;
}

const SETTINGS = {
  sessionTimeout: 10_000,
  heartbeatInterval: 1000,
  minBytes: 1,
  maxWaitTimeInMs: 250,
  allowAutoTopicCreation: false,
};

/** A consumer fetches several times a second; one that has not for so long is dead, whatever it says. */
const SILENCE_MS = 20_000;
const LOOK_MS = 1000;
const LEAVE_MS = 1000;

/**
 * Hands over what is stored from the offsets on, for ever: a consumer that crashes, stops, goes silent or whose handler
 * failed is replaced by another, which goes on after the last records that were handled. A partition that has no start
 * is read from its beginning, and so is one that ends before its start: it is not the one that it was.
 */
export async function tailTopic(client: Client, tail: Tail, signal: AbortSignal): Promise<void> {
  const next = new Map(tail.from.map(({ partition, offset }) => [partition, offset]));
  for (let failures = 0; !signal.aborted;) {
    const handled = await new TailRun(client, tail, next, signal).follow();
    failures = handled ? 1 : failures + 1;
    if (!signal.aborted) await backOff(failures, signal);
  }
}

/** One consumer, from its start to its end. */
class TailRun {
  private readonly connections = new Connections();
  private readonly consumer: Consumer;
  private end: (why?: string) => void = () => undefined;
  private over = false;
  private handling: Promise<void> = Promise.resolve();
  private busy = false;
  private handled = false;
  private lastFetch = performance.now();

  constructor(
    private readonly client: Client,
    private readonly tail: Tail,
    private readonly next: Map<number, string>,
    private readonly signal: AbortSignal,
  ) {
    this.consumer = client.kafka(this.connections).consumer({
      ...SETTINGS,
      groupId: `${client.id}-tail-${randomUUID()}`,
      retry: { ...RETRY, restartOnFailure: async () => false },
    });
  }

  /** Resolves once the consumer has ended, with whether it handled anything. */
  async follow(): Promise<boolean> {
    const ended = new Promise<void>((resolve) => {
      this.end = (why) => {
        if (why !== undefined && !this.over && !this.signal.aborted) this.complain(why);
        this.over = true;
        resolve();
      };
    });
    const stop = () => this.end();
    if (this.signal.aborted) stop();
    this.signal.addEventListener('abort', stop, { once: true });
    const watch = setInterval(() => this.watch(), LOOK_MS);
    this.listen();
    this.start().catch((error: Error) => this.end(error.message));
    await ended;
    clearInterval(watch);
    this.signal.removeEventListener('abort', stop);
    await this.leave();
    return this.handled;
  }

  /** Seeks are noted before the first fetch, so that nothing is fetched from elsewhere. */
  private listen(): void {
    const { consumer } = this;
    const { GROUP_JOIN, FETCH, CRASH, STOP, END_BATCH_PROCESS } = consumer.events;
    consumer.on(GROUP_JOIN, () => {
      for (const [partition, offset] of this.next) consumer.seek({ topic: this.tail.topic, partition, offset });
    });
    consumer.on(FETCH, () => (this.lastFetch = performance.now()));
    consumer.on(CRASH, ({ payload }) => this.end(payload.error.message));
    consumer.on(STOP, () => this.end('the consumer stopped'));
    // What holds nothing but the marks of transactions kafkajs passes over: the place behind it is to be known all the same.
    consumer.on(END_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize === 0) void this.take({ ...payload, messages: [] });
    });
  }

  private async start(): Promise<void> {
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [this.tail.topic], fromBeginning: true });
    await this.consumer.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        const { topic, partition, messages } = batch;
        return this.take({ topic, partition, messages, lastOffset: batch.lastOffset() });
      },
    });
  }

  private watch(): void {
    const silentMs = performance.now() - this.lastFetch;
    if (!this.busy && silentMs > SILENCE_MS) this.end(`nothing was fetched for ${SILENCE_MS} ms`);
  }

  /** Never rejects: what a handler throws would stop kafkajs's consumer for good, or its partition for ever. */
  private async take(fetched: Fetched): Promise<void> {
    this.handling = this.handling.then(() => this.handle(fetched));
    await this.handling;
  }

  private async handle({ topic, partition, messages, lastOffset }: Fetched): Promise<void> {
    if (this.over) return;
    this.busy = true;
    const offset = String(BigInt(lastOffset) + 1n);
    try {
      const records = messages.map((message) => incoming(topic, partition, message));
      await this.tail.handler(records, { partition, offset });
      this.next.set(partition, offset);
      this.handled = true;
    } catch (error) {
      this.end(`the handler of ${topic} failed: ${(error as Error).message}`);
    }
    this.busy = false;
    this.lastFetch = performance.now();
  }

  /** Two consumers never hand over at once: the handler's end is waited for, kafkajs's own end only for a moment. */
  private async leave(): Promise<void> {
    await this.handling;
    await within(LEAVE_MS, this.consumer.disconnect()).catch(() => undefined);
    this.connections.close();
  }

  private complain(message: string): void {
    this.client.complain({ namespace: 'Tail', log: { message, timestamp: '' } });
  }
}

/** What kafkajs has of a partition, of one fetch. */
interface Fetched {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly KafkaMessage[];
  readonly lastOffset: string;
}

function incoming(topic: string, partition: number, { offset, key, headers, value }: KafkaMessage): IncomingRecord {
  const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)] as const);
  return { topic, partition, offset, key: key?.toString('utf8'), headers: Object.fromEntries(texts), value };
}
