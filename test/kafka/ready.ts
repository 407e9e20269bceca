import { Kafka, logLevel, type Admin } from 'kafkajs';
import { until } from '../faults/until.js';
import type { KafkaNode } from './node.js';

/** A topic of the launcher's own, to see that records are taken. */
const PROBE = 'launcher.probe';

/** Three of them starting on two busy cores take their time. */
const PATIENCE_MS = 90_000;

const RETRY = { initialRetryTime: 50, maxRetryTime: 500, factor: 0.2, multiplier: 2, retries: 8 };

/** A plain kafkajs client, as anybody would have one, that says nothing and gives up within seconds. */
export function plainClient(brokers: string[]): Kafka {
  return new Kafka({
    brokers,
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1000,
    requestTimeout: 5000,
    retry: RETRY,
  });
}

/**
 * Resolves once the node holds the probe in sync, a record sent through it is stored, and groups have their coordinator:
 * an open port says none of that. Rejects with what the node said where it ends or takes too long.
 */
export async function untilReady(node: KafkaNode, replicas: number): Promise<void> {
  try {
    await until(
      `Kafka node ${node.id} is ready`,
      async () => {
        if (!node.isRunning) throw new Error(`Kafka node ${node.id} ended`);
        return (await isReady(node, replicas)) || undefined;
      },
      PATIENCE_MS,
    );
  } catch (error) {
    throw new Error(`${(error as Error).message}: ${node.tail()}`);
  }
}

async function isReady(node: KafkaNode, replicas: number): Promise<boolean> {
  const admin = plainClient([node.address]).admin();
  const producer = plainClient([node.address]).producer({ idempotent: true, maxInFlightRequests: 1 });
  try {
    await admin.connect();
    if (!(await holdsProbe(admin, node.id, replicas))) return false;
    await producer.connect();
    await producer.send({ topic: PROBE, messages: [{ value: '' }] });
    await admin.describeGroups(['launcher']);
    return true;
  } catch {
    return false;
  } finally {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
  }
}

async function holdsProbe(admin: Admin, id: number, replicas: number): Promise<boolean> {
  await admin.createTopics({ topics: [{ topic: PROBE, numPartitions: 1, replicationFactor: replicas }] });
  const { topics } = await admin.fetchTopicMetadata({ topics: [PROBE] });
  return topics.every(({ partitions }) => partitions.every(({ isr }) => isr.includes(id)));
}
