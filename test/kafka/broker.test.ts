import { afterAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../faults/until.js';
import { startBroker, startCluster, stopBrokers } from './broker.js';
import { plainClient } from './ready.js';
import { readTopic } from './reader.js';

const BROKER_TEST_MS = 120_000;
const TOPIC = 'kept';

afterAll(stopBrokers, BROKER_TEST_MS);

describe('a Kafka broker for tests', () => {
  test(
    'keeps what it acknowledged over a kill, on the same address',
    async () => {
      const broker = await startBroker();
      await createTopic(broker.brokers, 1);
      await send(broker.brokers, 'before');
      const address = broker.brokers;
      await broker.kill();
      await broker.start();
      await send(broker.brokers, 'after');
      expect(await toldOnce(broker.brokers)).toEqual(['key: before', 'key: after']);
      expect(broker.brokers).toEqual(address);
      await broker.stop();
    },
    BROKER_TEST_MS,
  );

  test(
    'answers nothing while it is paused, and goes on when it is resumed',
    async () => {
      const broker = await startBroker();
      await createTopic(broker.brokers, 1);
      broker.pause();
      const sent = send(broker.brokers, 'delayed');
      await expect(Promise.race([sent.then(() => 'stored'), pause(500, 'quiet')])).resolves.toBe('quiet');
      broker.resume();
      await sent;
      expect(await toldOnce(broker.brokers)).toEqual(['key: delayed']);
      await broker.stop();
    },
    BROKER_TEST_MS,
  );

  test(
    'ends with the process that started it, however that ends',
    async () => {
      const program = `
        import { startBroker } from './dist/test/kafka/broker.js';
        const broker = await startBroker();
        console.log(broker.pid);
        setInterval(() => undefined, 1000);`;
      const starter = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = (await once(starter.stdout, 'data')) as [Buffer];
      const pid = Number(line.toString());
      expect(isAlive(pid)).toBe(true);
      starter.kill('SIGKILL');
      await until('the broker is gone', () => !isAlive(pid) || undefined);
    },
    BROKER_TEST_MS,
  );
});

describe('three nodes', () => {
  test(
    'take records with one of them gone, and have it back in sync',
    async () => {
      const cluster = await startCluster();
      await createTopic(cluster.brokers, 3);
      const [gone] = cluster.nodes;
      await gone?.kill();
      // A plain client gives up sooner than a cluster misses a node.
      await until('another leads', async () => {
        const leader = await leaderOf(cluster.brokers).catch(() => NOBODY);
        return (leader !== NOBODY && leader !== gone?.id) || undefined;
      });
      await send(cluster.brokers, 'two of three');
      await cluster.nodes[0]?.start();
      await send(cluster.brokers, 'three of three');
      expect(await toldOnce(cluster.brokers)).toEqual(['key: two of three', 'key: three of three']);
      await cluster.stop();
    },
    BROKER_TEST_MS,
  );
});

async function createTopic(brokers: string[], replicationFactor: number): Promise<void> {
  const admin = plainClient(brokers).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1, replicationFactor }] });
  await admin.disconnect();
}

async function send(brokers: string[], value: string): Promise<void> {
  const producer = plainClient(brokers).producer();
  await producer.connect();
  await producer.send({ topic: TOPIC, messages: [{ key: 'key', value }] });
  await producer.disconnect();
}

/** What the topic holds. A producer that was not answered in time sends once more, and may have been heard both times. */
async function toldOnce(brokers: string[]): Promise<readonly string[]> {
  const records = await readTopic(brokers, TOPIC);
  return [...new Set(records.map(({ key, value }) => `${String(key)}: ${String(value)}`))];
}

/** Kafka's word for a partition without a leader. */
const NOBODY = -1;

async function leaderOf(brokers: string[]): Promise<number> {
  const admin = plainClient(brokers).admin();
  await admin.connect();
  const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
  await admin.disconnect();
  return topics[0]?.partitions[0]?.leader ?? NOBODY;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
