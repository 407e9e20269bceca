import kafkajs, { type Admin } from 'kafkajs';
import {
  ClusterFailed,
  NotAllowed,
  TopicLost,
  type Cluster,
  type PartitionEnds,
  type TailHandler,
  type TailStart,
  type TopicDescription,
  type TopicPlan,
} from '../publisher.js';
import type { Client } from './client.js';
import { Connections } from './connections.js';
import { within } from './stopping.js';
import { tailTopic } from './tail.js';
import { troubleOf } from './trouble.js';

// kafkajs makes its exports in a way in which Node finds only some of their names.
const { ConfigResourceTypes } = kafkajs;

/** A question that kafkajs has not answered by then is given up, milliseconds. */
const ANSWER_TIMEOUT_MS = 15_000;
/** A topic that was made is known to every broker soon after. */
const KNOWN_LOOKS = 50;
const KNOWN_LOOK_MS = 100;
const BROKER_DEFAULT = -1;

/** The questions of the relay over kafkajs, each with a client of its own, since they are rare and a stale one lies. */
export class KafkaJsCluster implements Cluster {
  private readonly asking = new Set<Connections>();
  private readonly closing = new AbortController();
  private readonly tails = new Set<Promise<void>>();

  constructor(private readonly client: Client) {}

  describe(topics: readonly string[]): Promise<readonly (TopicDescription | undefined)[]> {
    return this.ask('describing topics', async (admin) => {
      const known = new Set(await admin.listTopics());
      const present = topics.filter((topic) => known.has(topic));
      if (present.length === 0) return topics.map(() => undefined);
      const described = await describePresent(admin, present);
      return topics.map((topic) => described.get(topic));
    });
  }

  async create(plans: readonly TopicPlan[]): Promise<void> {
    for (const plan of plans) await this.ask(`creating ${plan.topic}`, (admin) => createTopic(admin, plan));
  }

  ends(topic: string): Promise<readonly PartitionEnds[]> {
    return this.ask(`asking for the ends of ${topic}`, async (admin) => {
      const ends = await admin.fetchTopicOffsets(topic);
      return ends
        .map(({ partition, low, high }) => ({ partition, low, high }))
        .sort((one, other) => one.partition - other.partition);
    });
  }

  async tail(topic: string, from: readonly TailStart[], handler: TailHandler, signal: AbortSignal): Promise<void> {
    const stopping = new AbortController();
    const stop = () => stopping.abort();
    for (const one of [signal, this.closing.signal]) {
      if (one.aborted) stop();
      one.addEventListener('abort', stop, { once: true });
    }
    const tail = tailTopic(this.client, { topic, from, handler }, stopping.signal);
    this.tails.add(tail);
    try {
      await tail;
    } finally {
      this.tails.delete(tail);
      for (const one of [signal, this.closing.signal]) one.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    this.closing.abort();
    for (const connections of this.asking) connections.close();
    await Promise.all(this.tails);
  }

  private async ask<T>(deed: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    const connections = new Connections();
    if (this.closing.signal.aborted) connections.close();
    this.asking.add(connections);
    const admin = this.client.kafka(connections).admin();
    try {
      return await within(
        ANSWER_TIMEOUT_MS,
        admin.connect().then(() => question(admin)),
      );
    } catch (error) {
      throw failureOf(deed, error);
    } finally {
      this.asking.delete(connections);
      connections.close();
      admin.disconnect().catch(() => undefined);
    }
  }
}

async function describePresent(admin: Admin, topics: string[]): Promise<ReadonlyMap<string, TopicDescription>> {
  const resources = topics.map((name) => ({ type: ConfigResourceTypes.TOPIC, name }));
  const [metadata, configs] = await Promise.all([
    admin.fetchTopicMetadata({ topics }),
    admin.describeConfigs({ resources, includeSynonyms: false }),
  ]);
  const settings = new Map(
    configs.resources.map(({ resourceName, configEntries }) => [
      resourceName,
      Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  );
  const described = metadata.topics.map(({ name: topic, partitions }) => {
    const replicas = Math.min(...partitions.map((partition) => partition.replicas.length));
    return { topic, partitions: partitions.length, replicas, settings: settings.get(topic) ?? {} };
  });
  return new Map(described.map((one) => [one.topic, one]));
}

async function createTopic(admin: Admin, { topic, partitions, replicas, settings }: TopicPlan): Promise<void> {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  const plan = { topic, numPartitions: partitions, replicationFactor: replicas ?? BROKER_DEFAULT, configEntries };
  await admin.createTopics({ topics: [plan], waitForLeaders: false });
  for (let look = 0; look < KNOWN_LOOKS && !(await hasLeaders(admin, topic)); look += 1) {
    await new Promise((resolve) => setTimeout(resolve, KNOWN_LOOK_MS));
  }
}

async function hasLeaders(admin: Admin, topic: string): Promise<boolean> {
  if (!(await admin.listTopics()).includes(topic)) return false;
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
}

function failureOf(deed: string, error: unknown): Error {
  const { kind, problem } = troubleOf(error);
  const message = `${deed} failed: ${problem}`;
  if (kind === 'not-allowed') return new NotAllowed(message);
  return kind === 'topic-missing' ? new TopicLost(message) : new ClusterFailed(message);
}
