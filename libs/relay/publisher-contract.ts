import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import {
  PublisherStopped,
  RecordRefused,
  TopicLost,
  type Cluster,
  type OutgoingRecord,
  type Publisher,
  type TopicPlan,
} from './publisher.js';

/** A record as a consumer of somebody else sees it. */
export interface StoredRecord {
  readonly partition: number;
  readonly offset: string;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer | null;
}

/** A real Kafka of one node, and the implementation over it. */
export interface KafkaUnderTest {
  /** A new one; the suite closes it. */
  publisher(): Publisher;
  readonly cluster: Cluster;
  /** Everything that the topic holds, read with another client. */
  stored(topic: string): Promise<readonly StoredRecord[]>;
  deleteTopic(topic: string): Promise<void>;
  /** Somebody else writes there in a transaction and takes it back: two offsets, and nothing to be read. */
  writeInVain(topic: string, partition: number): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Closes the cluster port and ends Kafka. */
  stop(): Promise<void>;
}

/** How many partitions the suite's topics have: the implementation is to be told. */
export const CONTRACT_TOPICS: Readonly<Record<string, number>> = Object.fromEntries(
  ['plain', 'other', 'small', 'absent', 'replaced', 'ends', 'tailed', 'marked', 'late'].map((name) => [
    `contract.${name}`,
    3,
  ]),
);

export const CONTRACT_MS = 120_000;
/** From the tests of Java's client (`UtilsTest.testMurmur2`). */
const MURMUR2_OF_JAVA = {
  '21': -973932308,
  foobar: -790332482,
  'a-little-bit-long-string': -985981536,
  abc: 479470107,
};

const PROMPT_MS = 2000;
const SMALL_BYTES = 2000;

/** What every implementation of the publisher and the cluster promises, over a real Kafka. */
export function describePublisherContract(name: string, open: () => Promise<KafkaUnderTest>): void {
  describe(`${name} keeps the contract of the publisher`, () => {
    let kafka: KafkaUnderTest;
    let publisher: Publisher;
    const never = new AbortController().signal;

    beforeAll(async () => {
      kafka = await open();
      publisher = kafka.publisher();
      await kafka.cluster.create([
        planOf('contract.plain'),
        planOf('contract.other'),
        planOf('contract.small', { 'max.message.bytes': String(SMALL_BYTES) }),
      ]);
    }, CONTRACT_MS);

    afterAll(async () => {
      await publisher.close();
      await kafka.stop();
    }, CONTRACT_MS);

    /** In a topic's order, since the beginning. */
    async function values(topic: string, partition: number): Promise<string[]> {
      const records = await kafka.stored(topic);
      return records.filter((one) => one.partition === partition).map(({ value }) => String(value));
    }

    it('stores keys, headers and bytes as they were given, and answers where they stand in each partition', async () => {
      const bytes = Uint8Array.from([0, 255, 254, 10]);
      const first = {
        ...record('contract.plain', 0, 'first'),
        key: 'ключ',
        headers: { one: '1', two: 'zwei ✓' },
        value: bytes,
      };
      const batch = [first, record('contract.plain', 2, 'a'), record('contract.plain', 0, 'second')];
      const written = await publisher.publish(batch, never);
      expect([...written].sort((one, other) => one.partition - other.partition)).toEqual([
        { topic: 'contract.plain', partition: 0, firstOffset: '0', nextOffset: '2' },
        { topic: 'contract.plain', partition: 2, firstOffset: '0', nextOffset: '1' },
      ]);
      const stored = await kafka.stored('contract.plain');
      expect(stored).toHaveLength(3);
      expect(stored.find(({ partition, offset }) => partition === 0 && offset === '0')).toMatchObject({
        key: 'ключ',
        headers: { one: '1', two: 'zwei ✓' },
        value: Buffer.from(bytes),
      });
      expect(publisher.status()).toEqual({ connected: true, retries: 0 });
    });

    it('answers nothing for an empty batch', async () => {
      expect(await publisher.publish([], never)).toEqual([]);
    });

    it('takes 500 records of 256 kB for two topics at once, and keeps the order from batch to batch', async () => {
      const filling = 'x'.repeat(512);
      const texts = Array.from({ length: 1000 }, (_, index) => `${index} ${filling}`);
      for (const part of [texts.slice(0, 500), texts.slice(500)]) {
        const batch = part.map((text, index) => record(index % 2 ? 'contract.other' : 'contract.plain', 1, text));
        expect(await publisher.publish(batch, never)).toHaveLength(2);
      }
      expect(await values('contract.other', 1)).toEqual(texts.filter((_, index) => index % 2 === 1));
      expect(await values('contract.plain', 1)).toEqual(texts.filter((_, index) => index % 2 === 0));
    });

    it('puts a key where the partitioner of every other client looks for it', () => {
      for (const [key, hash] of Object.entries(MURMUR2_OF_JAVA)) {
        expect([key, publisher.partitionOf('contract.plain', key)]).toEqual([key, (hash & 0x7fffffff) % 3]);
      }
      expect(() => publisher.partitionOf('contract.unheard-of', 'key')).toThrow(RangeError);
    });

    it('throws where a batch is in flight already, and leaves that batch alone', async () => {
      const sent = publisher.publish([record('contract.other', 2, 'one at a time')], never);
      expect(() => void publisher.publish([record('contract.other', 2, 'too soon')], never)).toThrow(/in flight/);
      await sent;
      expect(await values('contract.other', 2)).toEqual(['one at a time']);
    });

    it('refuses what is too large, and takes what comes after', async () => {
      const huge = record('contract.small', 0, 'x'.repeat(SMALL_BYTES));
      await expect(publisher.publish([record('contract.small', 1, 'a'), huge], never)).rejects.toBeInstanceOf(
        RecordRefused,
      );
      await publisher.publish([record('contract.small', 0, 'b'), record('contract.small', 1, 'c')], never);
      expect(await values('contract.small', 0)).toEqual(['b']);
      expect((await values('contract.small', 1)).slice(-1)).toEqual(['c']);
    });

    it(
      'rejects where there is no such topic',
      async () => {
        await expect(publisher.publish([record('contract.absent', 0, 'a')], never)).rejects.toBeInstanceOf(TopicLost);
      },
      CONTRACT_MS,
    );

    it(
      'notices that another topic has taken the place of the one that it wrote to',
      async () => {
        await kafka.cluster.create([planOf('contract.replaced')]);
        await publisher.publish(
          Array.from({ length: 20 }, (_, index) => record('contract.replaced', 0, `${index}`)),
          never,
        );
        await kafka.deleteTopic('contract.replaced');
        await kafka.cluster.create([planOf('contract.replaced')]);
        const again = publisher.publish([record('contract.replaced', 0, 'new')], never);
        await expect(again).rejects.toBeInstanceOf(TopicLost);
        await publisher.publish([record('contract.replaced', 0, 'newer')], never);
        expect((await values('contract.replaced', 0)).slice(-1)).toEqual(['newer']);
      },
      CONTRACT_MS,
    );

    it(
      'sends over a broker that is killed and comes back, and says meanwhile what is wrong',
      async () => {
        await kafka.kill();
        const sent = publisher.publish([record('contract.other', 0, 'through')], never);
        while (publisher.status().problem === undefined) await pause(20);
        expect(publisher.status().connected).toBe(false);
        expect(publisher.status().problem).not.toMatch(/\d\.\d|:\d/);
        await kafka.start();
        await sent;
        expect(publisher.status()).toMatchObject({ connected: true });
        expect(publisher.status().problem).toBeUndefined();
        expect(publisher.status().retries).toBeGreaterThan(0);
        expect(await values('contract.other', 0)).toEqual(['through']);
      },
      CONTRACT_MS,
    );

    it(
      'stops at once where it is told to, and goes on with the next batch',
      async () => {
        const stopping = new AbortController();
        kafka.pause();
        const sent = publisher.publish([record('contract.small', 2, 'perhaps')], stopping.signal);
        stopping.abort();
        await expect(sent).rejects.toBeInstanceOf(PublisherStopped);
        kafka.resume();
        await expect(publisher.publish([record('contract.small', 2, 'no')], stopping.signal)).rejects.toThrow(
          PublisherStopped,
        );
        await publisher.publish([record('contract.small', 2, 'surely')], never);
        expect((await values('contract.small', 2)).filter((text) => text !== 'perhaps')).toEqual(['surely']);
      },
      CONTRACT_MS,
    );

    it(
      'closes promptly while the broker is away, ends what is under way, and takes nothing any more',
      async () => {
        const closing = kafka.publisher();
        await closing.publish([record('contract.small', 2, 'connected')], never);
        kafka.pause();
        const sent = closing.publish([record('contract.small', 2, 'under way')], never);
        const since = performance.now();
        await Promise.all([closing.close(), expect(sent).rejects.toBeInstanceOf(PublisherStopped)]);
        expect(performance.now() - since).toBeLessThan(PROMPT_MS);
        await expect(closing.publish([record('contract.small', 2, 'late')], never)).rejects.toThrow(PublisherStopped);
        kafka.resume();
      },
      CONTRACT_MS,
    );
  });
}

export function planOf(topic: string, settings: Readonly<Record<string, string>> = {}): TopicPlan {
  return { topic, partitions: CONTRACT_TOPICS[topic] ?? 1, settings };
}

export function record(topic: string, partition: number, text: string): OutgoingRecord {
  return { topic, partition, key: 'key', headers: {}, value: Buffer.from(text, 'utf8') };
}
