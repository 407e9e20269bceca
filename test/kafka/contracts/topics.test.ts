import { afterAll, describe, expect, it } from '@jest/globals';
import { ConfigResourceTypes, type Admin } from 'kafkajs';
import { compareTopic, planned, TOPICS, type FoundTopic, type PlannedTopic, type TopicName } from '#contracts';
import { startBroker, stopBrokers } from '../broker.js';
import { readTopic, type SeenRecord } from '../reader.js';
import { plainClient } from '../ready.js';

const BROKER_TEST_MS = 120_000;
const PLANS = (Object.keys(TOPICS) as TopicName[]).map((name) => planned(name, {}));

afterAll(stopBrokers, BROKER_TEST_MS);

const DAY_MS = 86_400_000;

/** Whether a record of a relay whose clock is months behind, or a day ahead, is as old as it is. */
async function ages(brokers: string[]): Promise<readonly boolean[]> {
  const { topic } = TOPICS.optouts;
  const beganMs = Date.now();
  const producer = plainClient(brokers).producer();
  await producer.connect();
  for (const days of [-100, 1]) {
    const timestamp = String(beganMs + days * DAY_MS);
    await producer.send({ topic, messages: [{ value: 'dated', timestamp }] });
  }
  await producer.disconnect();
  const isOfNow = ({ timestampMs }: SeenRecord) => timestampMs >= beganMs && timestampMs <= Date.now();
  return (await readTopic(brokers, topic, { until: ({ length }) => length === 2 })).map(isOfNow);
}

/** Names and values are Kafka's own: what a broker takes and gives back is what the plan says. */
describe.each(['3.9.1', '4.1.1'] as const)('Kafka %s', (version) => {
  it(
    'takes every topic as it is planned, and has it so',
    async () => {
      const broker = await startBroker({ version });
      const admin = plainClient(broker.brokers).admin();
      await admin.connect();
      try {
        await admin.createTopics({ waitForLeaders: true, topics: PLANS.map(asCreated) });
        for (const plan of PLANS) {
          const differences = compareTopic(plan, await found(admin, plan));
          expect(differences.map(({ setting, found, severity }) => [setting, found, severity])).toEqual([
            ['replication.factor', '1', 'warns'],
            ['min.insync.replicas', '1', 'warns'],
          ]);
        }
        expect(await ages(broker.brokers)).toEqual([true, true]);
      } finally {
        await admin.disconnect();
        await broker.stop();
      }
    },
    BROKER_TEST_MS,
  );
});

function asCreated({ topic, partitions, settings }: PlannedTopic) {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  return { topic, numPartitions: partitions, replicationFactor: 1, configEntries };
}

async function found(admin: Admin, { topic }: PlannedTopic): Promise<FoundTopic> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const partitions = topics[0]?.partitions ?? [];
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic }];
  const described = await admin.describeConfigs({ includeSynonyms: false, resources });
  const entries = described.resources[0]?.configEntries ?? [];
  return {
    topic,
    partitions: partitions.length,
    replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
    settings: Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue])),
  };
}
