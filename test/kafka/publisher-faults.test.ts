import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, type Message, type Producer } from 'kafkajs';
import { openKafka, type OpenKafka, type OutgoingRecord, type Publisher } from '#relay';
import { TcpProxy } from '../eventstore/proxy.js';
import { FULL, chance } from '../faults/full.js';
import { until } from '../faults/until.js';
import { startBroker, startCluster, stopBrokers, type KafkaCluster, type KafkaNode } from './broker.js';
import { LOAD_PARTITIONS, Load, type Figures } from './load.js';
import { plainClient } from './ready.js';
import { readTopic } from './reader.js';

const RESETS = FULL ? 200 : 25;
const SILENCES = FULL ? 5 : 1;
const KILLS = FULL ? 12 : 2;
const LEADER_KILLS = FULL ? 12 : 2;
/** What a fault may meet: the acknowledgement itself, or the middle of a send. */
const MOST_BETWEEN = 30;
const FAULTS_MS = FULL ? 900_000 : 180_000;

const TOPIC = 'faults.publisher';
const BARE = 'faults.bare';
const NEVER = new AbortController().signal;

const random = chance('publisher faults');
const open: { publisher: Publisher; kafka: OpenKafka }[] = [];

afterEach(async () => {
  for (const { publisher, kafka } of open.splice(0)) {
    await publisher.close();
    await kafka.cluster.close();
  }
  await stopBrokers();
}, FAULTS_MS);
afterAll(stopBrokers);

async function startPublisher(brokers: string[]): Promise<Publisher> {
  const kafka = openKafka({ brokers, partitions: { [TOPIC]: LOAD_PARTITIONS } });
  await kafka.cluster.create([{ topic: TOPIC, partitions: LOAD_PARTITIONS, settings: {} }]);
  const publisher = kafka.publisher();
  open.push({ publisher, kafka });
  return publisher;
}

function loadOf(publisher: Publisher) {
  const load = new Load(TOPIC, (topic, key) => publisher.partitionOf(topic, key), random);
  return { load, done: load.run(async (batch) => void (await publisher.publish(batch, NEVER))) };
}

function print(what: string, figures: Figures, rest: string): void {
  const { acknowledged, missing, outOfOrder, duplicates } = figures;
  process.stdout.write(
    `${what}: ${acknowledged} acknowledged, ${missing} missing, ${outOfOrder} out of order, ${duplicates} repeated; ${rest}\n`,
  );
}

describe('a publisher under load', () => {
  it(
    'loses nothing to connections that are reset or go silent',
    async () => {
      let proxy: TcpProxy | undefined;
      const before = async (port: number) => {
        proxy = await TcpProxy.before({ port });
        return Number(new URL(proxy.url).port);
      };
      const broker = await startBroker({ before });
      const publisher = await startPublisher(broker.brokers);
      const { load, done } = loadOf(publisher);
      for (let reset = 0; reset < RESETS; reset += 1) {
        await load.more(random.between(1, MOST_BETWEEN));
        for (let turns = random.between(0, 20); turns > 0; turns -= 1)
          await new Promise((resolve) => setImmediate(resolve));
        proxy?.reset();
      }
      for (let silence = 0; silence < SILENCES; silence += 1) {
        await load.more(random.between(1, MOST_BETWEEN));
        proxy?.set({ kind: 'drop' });
        await until('the publisher says that nothing answers', () => publisher.status().problem);
        proxy?.set({ kind: 'pass' });
      }
      await load.more(MOST_BETWEEN);
      load.stop();
      await done;
      const figures = load.judge(await readTopic(broker.brokers, TOPIC));
      print(`${RESETS} resets, ${SILENCES} silences`, figures, `${publisher.status().retries} repeats asked for`);
      expect(figures).toMatchObject({ missing: 0, outOfOrder: 0 });
      await broker.stop();
      await proxy?.close();
    },
    FAULTS_MS,
  );

  it(
    'loses nothing to a broker that is killed and started again',
    async () => {
      const broker = await startBroker();
      const publisher = await startPublisher(broker.brokers);
      const { load, done } = loadOf(publisher);
      for (let kill = 0; kill < KILLS; kill += 1) {
        await load.more(random.between(1, MOST_BETWEEN));
        await broker.kill();
        await broker.start();
      }
      await load.more(MOST_BETWEEN);
      load.stop();
      await done;
      const figures = load.judge(await readTopic(broker.brokers, TOPIC));
      print(`${KILLS} kills of the broker`, figures, `${publisher.status().retries} repeats asked for`);
      expect(figures).toMatchObject({ missing: 0, outOfOrder: 0 });
    },
    FAULTS_MS,
  );
});

/** Node 3 leads most, and nobody needs it for an acknowledgement. */
const TWO_EACH = [
  [1, 2],
  [2, 1],
  [3, 1],
  [3, 2],
];

/**
 * Where each topic's replicas are. In a cluster with more nodes than replicas a leader can answer while another that it
 * has no replica in common with is gone; kafkajs then leaves out what moves to a node that has answered. With all
 * replicas everywhere that needs luck, and the long form tries it.
 */
const LAYOUTS: Readonly<Record<string, (partition: number) => number[]>> = {
  'two replicas each': (partition) => TWO_EACH[partition % TWO_EACH.length] ?? [],
  ...(FULL
    ? { 'three replicas each': (partition: number) => [0, 1, 2].map((step) => 1 + ((partition + step) % 3)) }
    : {}),
};

describe('three nodes', () => {
  it.each(Object.keys(LAYOUTS))(
    'with %s: the publisher loses nothing when the busiest leader is killed; what kafkajs alone leaves out is printed',
    async (layout) => {
      const cluster = await startCluster({ settings: LEADERS_GO_HOME });
      await createSpread(cluster.brokers, LAYOUTS[layout] ?? (() => []));
      const publisher = await startPublisher(cluster.brokers);
      const { load, done } = loadOf(publisher);
      const bare = await startBare(cluster.brokers, publisher);
      for (let kill = 0; kill < LEADER_KILLS; kill += 1) {
        await load.more(random.between(1, MOST_BETWEEN));
        const leader = await busiestLeader(cluster);
        await leader.kill();
        await Promise.all([load.more(1), bare.load.more(1)]);
        await leader.start();
        await until('all is as before', async () => ((await isWhole(cluster)) ? true : undefined), FAULTS_MS);
      }
      await load.more(MOST_BETWEEN);
      load.stop();
      bare.load.stop();
      await Promise.all([done, bare.done]);
      await bare.producer.disconnect();
      const what = `${LEADER_KILLS} leader kills, ${layout}`;
      const bareFigures = bare.load.judge(await readTopic(cluster.brokers, BARE));
      print(`${what}, kafkajs alone`, bareFigures, `${bare.leftOut()} partitions left out of a result`);
      const figures = load.judge(await readTopic(cluster.brokers, TOPIC));
      print(`${what}, the publisher`, figures, `${publisher.status().retries} repeats asked for`);
      expect(figures).toMatchObject({ missing: 0, outOfOrder: 0 });
    },
    FAULTS_MS,
  );
});

/** So that the node that comes back leads again and can be missed again. */
const LEADERS_GO_HOME = {
  'leader.imbalance.check.interval.seconds': '1',
  'leader.imbalance.per.broker.percentage': '0',
};

async function createSpread(brokers: string[], replicasOf: (partition: number) => number[]): Promise<void> {
  const admin = plainClient(brokers).admin();
  const partitions = Array.from({ length: LOAD_PARTITIONS }, (_, partition) => partition);
  const replicaAssignment = partitions.map((partition) => ({ partition, replicas: replicasOf(partition) }));
  const configEntries = [{ name: 'min.insync.replicas', value: '1' }];
  await admin.connect();
  await admin.createTopics({ topics: [TOPIC, BARE].map((topic) => ({ topic, replicaAssignment, configEntries })) });
  await admin.disconnect();
}

/** The same load through kafkajs's own producer with the same settings: what a send says it has stored is believed. */
async function startBare(brokers: string[], publisher: Publisher) {
  const retry = { initialRetryTime: 50, maxRetryTime: 500, factor: 0.2, multiplier: 2, retries: 10_000 };
  const kafka = new Kafka({
    brokers,
    retry,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1000,
    requestTimeout: 3000,
  });
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
  await producer.connect();
  const load = new Load(BARE, (_, key) => publisher.partitionOf(TOPIC, key), random);
  let leftOut = 0;
  const done = load.run(async (batch) => void (leftOut += await sendBare(producer, batch)));
  return { producer, load, done, leftOut: () => leftOut };
}

/** How many partitions the result of an acknowledged send leaves out. Rejections are repeated, as anybody would. */
async function sendBare(producer: Producer, batch: readonly OutgoingRecord[]): Promise<number> {
  const messages: Message[] = batch.map(({ key, value }) => ({ key, value: Buffer.from(value) }));
  for (;;) {
    try {
      const results = await producer.send({ topic: BARE, messages });
      return LOAD_PARTITIONS - new Set(results.map(({ partition }) => partition)).size;
    } catch {
      continue;
    }
  }
}

async function busiestLeader(cluster: KafkaCluster): Promise<KafkaNode> {
  const led = new Map<number, number>();
  for (const { leader } of await partitionsOf(cluster)) led.set(leader, (led.get(leader) ?? 0) + 1);
  const [busiest] = [...cluster.nodes].sort((one, other) => (led.get(other.id) ?? 0) - (led.get(one.id) ?? 0));
  if (!busiest) throw new Error('no node leads');
  return busiest;
}

/** Every replica is in sync, and each partition has the leader that it had at first. */
async function isWhole(cluster: KafkaCluster): Promise<boolean> {
  const partitions = await partitionsOf(cluster);
  return partitions.every(({ leader, replicas, isr }) => isr.length === replicas.length && leader === replicas[0]);
}

async function partitionsOf(cluster: KafkaCluster) {
  const admin = plainClient(cluster.brokers).admin();
  try {
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC, BARE] });
    return topics.flatMap(({ partitions }) => partitions);
  } finally {
    await admin.disconnect();
  }
}
