import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CONTRACT_MS, CONTRACT_TOPICS, planOf, record, type KafkaUnderTest } from './publisher-contract.js';
import { ClusterFailed, TopicLost, type IncomingRecord, type Publisher, type TailHandler } from './publisher.js';

const PROMPT_MS = 3000;

/** What every implementation of the cluster port promises, over a real Kafka. */
export function describeClusterContract(name: string, open: () => Promise<KafkaUnderTest>): void {
  describe(`${name} keeps the contract of the cluster`, () => {
    let kafka: KafkaUnderTest;
    let publisher: Publisher;
    const never = new AbortController().signal;

    beforeAll(async () => {
      kafka = await open();
      publisher = kafka.publisher();
    }, CONTRACT_MS);

    afterAll(async () => {
      await publisher.close();
      await kafka.stop();
    }, CONTRACT_MS);

    /** Tails the topic, until the handler has been handed so many; a handler may throw. */
    function tail(topic: string, offset: string, handler: (records: readonly IncomingRecord[]) => void) {
      const stopping = new AbortController();
      const starts = Array.from({ length: CONTRACT_TOPICS[topic] ?? 0 }, (_, partition) => ({ partition, offset }));
      const ended = kafka.cluster.tail(topic, starts, async (records) => handler(records), stopping.signal);
      return async () => {
        stopping.abort();
        await ended;
      };
    }

    function send(topic: string, partition: number, ...texts: string[]) {
      return publisher.publish(
        texts.map((text) => record(topic, partition, text)),
        never,
      );
    }

    it('makes topics as they are planned, and describes them; one that is not there is undefined', async () => {
      const settings = { 'cleanup.policy': 'compact', 'segment.ms': '3600000' };
      await kafka.cluster.create([planOf('contract.plain', settings), planOf('contract.ends')]);
      const [plain, absent, ends] = await kafka.cluster.describe([
        'contract.plain',
        'contract.absent',
        'contract.ends',
      ]);
      expect(plain).toEqual({
        topic: 'contract.plain',
        partitions: 3,
        replicas: 1,
        settings: expect.objectContaining({ ...settings, 'min.insync.replicas': '1' }) as object,
      });
      expect(absent).toBeUndefined();
      expect(ends?.settings['cleanup.policy']).toBe('delete');
    });

    it('leaves a topic alone that is there already', async () => {
      await kafka.cluster.create([planOf('contract.plain', { 'cleanup.policy': 'delete' })]);
      const [plain] = await kafka.cluster.describe(['contract.plain']);
      expect(plain?.settings['cleanup.policy']).toBe('compact');
    });

    it('says in plain words why a topic cannot be made', async () => {
      const made = kafka.cluster.create([{ ...planOf('contract.other'), replicas: 2 }]);
      await expect(made).rejects.toThrow(/contract\.other failed: Kafka answers INVALID_REPLICATION_FACTOR/);
      await expect(made).rejects.toBeInstanceOf(ClusterFailed);
    });

    it('knows the ends of each partition, in their order', async () => {
      await send('contract.ends', 2, 'a', 'b');
      expect(await kafka.cluster.ends('contract.ends')).toEqual([
        { partition: 0, low: '0', high: '0' },
        { partition: 1, low: '0', high: '0' },
        { partition: 2, low: '0', high: '2' },
      ]);
      await expect(kafka.cluster.ends('contract.absent')).rejects.toBeInstanceOf(TopicLost);
    });

    it(
      'tails from the offsets on, in order, over a broker that is killed, and hands over again what failed',
      async () => {
        await kafka.cluster.create([planOf('contract.tailed')]);
        await send('contract.tailed', 0, 'before', 'a', 'b');
        const seen = new Seen();
        const stop = tail('contract.tailed', '1', (records) => seen.take(records));
        await seen.has('0/1 a', '0/2 b');
        seen.failures = 2;
        await send('contract.tailed', 1, 'skipped', 'c');
        await seen.has('0/1 a', '0/2 b', '1/1 c');
        expect(seen.failures).toBe(0);
        await kafka.kill();
        await kafka.start();
        await send('contract.tailed', 0, 'd');
        await seen.has('0/1 a', '0/2 b', '1/1 c', '0/3 d');
        await stop();
        await send('contract.tailed', 0, 'after');
        expect(seen.texts).toHaveLength(4);
      },
      CONTRACT_MS,
    );

    it(
      'tells the place also behind what brings no record',
      async () => {
        await kafka.cluster.create([planOf('contract.marked')]);
        await send('contract.marked', 0, 'a');
        await kafka.writeInVain('contract.marked', 0);
        const stopping = new AbortController();
        const places: string[] = [];
        const handler: TailHandler = async (records, { partition, offset }) => {
          places.push(`${partition}/${offset} ${records.length}`);
          if (offset === '3') stopping.abort();
        };
        await kafka.cluster.tail('contract.marked', [{ partition: 0, offset: '1' }], handler, stopping.signal);
        expect(places).toEqual(['0/3 0']);
      },
      CONTRACT_MS,
    );

    it(
      'waits for a topic that is not there yet',
      async () => {
        const seen = new Seen();
        const stop = tail('contract.late', '0', (records) => seen.take(records));
        await expect(send('contract.late', 0, 'too early')).rejects.toBeInstanceOf(TopicLost);
        await kafka.cluster.create([planOf('contract.late')]);
        await send('contract.late', 0, 'at last');
        await seen.has('0/0 at last');
        await stop();
      },
      CONTRACT_MS,
    );

    it(
      'hands over key, headers and bytes',
      async () => {
        const sent = { ...record('contract.plain', 1, 'value'), key: 'some key', headers: { name: 'täxt' } };
        await publisher.publish([sent], never);
        const seen = new Seen();
        const stop = tail('contract.plain', '0', (records) => seen.take(records));
        await seen.has('1/0 value');
        expect(seen.records).toEqual([{ ...sent, offset: '0' }]);
        await stop();
      },
      CONTRACT_MS,
    );

    it(
      'rejects soon where no broker can be reached, and ends its tails when it is closed',
      async () => {
        const seen = new Seen();
        const ended = kafka.cluster.tail('contract.plain', [], async (records) => seen.take(records), never);
        await seen.has('1/0 value');
        await kafka.kill();
        await expect(kafka.cluster.describe(['contract.plain'])).rejects.toThrow(/no broker can be reached/);
        const since = performance.now();
        await kafka.cluster.close();
        await ended;
        expect(performance.now() - since).toBeLessThan(PROMPT_MS);
        await expect(kafka.cluster.ends('contract.plain')).rejects.toBeInstanceOf(ClusterFailed);
      },
      CONTRACT_MS,
    );
  });
}

/** What a tail handed over. */
class Seen {
  readonly records: IncomingRecord[] = [];
  /** How many of the next calls fail. */
  failures = 0;
  private wake: () => void = () => undefined;

  get texts(): string[] {
    return this.records.map(
      ({ partition, offset, value }) => `${partition}/${offset} ${Buffer.from(value ?? []).toString()}`,
    );
  }

  take(records: readonly IncomingRecord[]): void {
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('the handler failed');
    }
    this.records.push(...records);
    this.wake();
  }

  /** Resolves once exactly these were handed over, in the order of their partitions. */
  async has(...texts: string[]): Promise<void> {
    while (this.texts.length < texts.length) await new Promise<void>((resolve) => (this.wake = resolve));
    expect(this.texts).toEqual(texts);
  }
}
