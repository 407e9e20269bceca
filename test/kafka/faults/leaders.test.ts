import { afterEach, expect, it } from '@jest/globals';
import { FULL, chance } from '../../faults/full.js';
import { until } from '../../faults/until.js';
import { startCluster, type KafkaCluster, type KafkaNode } from '../broker.js';
import { plainClient } from '../ready.js';
import { Stage, UNHARMED, closeStages } from './stage.js';
import { optouts } from './topics.js';

const KILLS = FULL ? 15 : 1;
/** Acknowledged before a leader is killed, and while it is gone. */
const MOST_BETWEEN = FULL ? 200 : 60;
const WHOLE_MS = 120_000;

const random = chance('leaders under the service');

afterEach(closeStages, 60_000);

interface Asked {
  readonly ends: readonly { readonly partition: number; readonly high: string }[];
  readonly partitions: readonly { readonly partitionId: number; readonly leader: number; readonly isr: number[] }[];
}

async function optOutPartitions({ brokers }: KafkaCluster): Promise<Asked> {
  const admin = plainClient(brokers).admin();
  try {
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [optouts.topic] });
    return { ends: await admin.fetchTopicOffsets(optouts.topic), partitions: topics[0]?.partitions ?? [] };
  } finally {
    await admin.disconnect();
  }
}

/** Of the partition that holds the most opt-outs. */
async function busiestLeader(cluster: KafkaCluster): Promise<KafkaNode> {
  const { ends, partitions } = await optOutPartitions(cluster);
  const [busiest] = [...ends].sort((one, other) => Number(other.high) - Number(one.high));
  const leader = partitions.find(({ partitionId }) => partitionId === busiest?.partition)?.leader;
  const node = cluster.nodes.find(({ id }) => id === leader);
  if (!node) throw new Error('nobody leads the busiest partition');
  return node;
}

/** Where a node is missing, an opt-out needs both others for its acknowledgement. */
async function isWhole(cluster: KafkaCluster): Promise<boolean> {
  const { partitions } = await optOutPartitions(cluster);
  return partitions.every(({ leader, isr }) => leader >= 0 && isr.length === cluster.nodes.length);
}

it(
  'kills of the node that leads the busiest partition: no opt-out is missing or out of order, and no yes was wrong',
  async () => {
    const cluster = await startCluster();
    const stage = await Stage.open({ brokers: cluster.brokers, chance: random });
    const { service, writers } = stage;
    for (let kill = 0; kill < KILLS; kill++) {
      await stage.whileWriting(async () => {
        await writers.acknowledgedMore(random.between(1, MOST_BETWEEN));
        const leader = await until('somebody leads', () => busiestLeader(cluster).catch(() => undefined));
        await leader.kill();
        await writers.acknowledgedMore(random.between(1, MOST_BETWEEN));
        await leader.start();
      });
      const whole = () =>
        isWhole(cluster).then(
          (is) => is || undefined,
          () => undefined,
        );
      await until('all replicas are in sync', whole, WHOLE_MS);
    }
    expect(await stage.judge(`${KILLS} kills of the busiest leader of three`)).toMatchObject(UNHARMED);
    expect(await service.process.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(service.process.stderr).toBe('');
  },
  FULL ? 1_200_000 : 240_000,
);
