import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { startBroker, stopBrokers } from '../../../test/kafka/broker.js';
import { plainClient } from '../../../test/kafka/ready.js';
import { readTopic } from '../../../test/kafka/reader.js';
import { describeClusterContract } from '../cluster-contract.js';
import { CONTRACT_MS, CONTRACT_TOPICS, describePublisherContract, type KafkaUnderTest } from '../publisher-contract.js';
import { openKafka } from './open.js';
import { partitionOf } from './partitioner.js';

afterAll(stopBrokers, CONTRACT_MS);

describePublisherContract('kafkajs', open);
describeClusterContract('kafkajs', open);

describe('the partitioner', () => {
  it('agrees with kafkajs on every key', () => {
    const theirs = Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 1,
      replicas: [1],
      isr: [1],
    }));
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (key) => {
        const message = { key, value: null };
        expect(partitionOf(key, 12)).toBe(theirs({ topic: 'any', partitionMetadata, message }));
      }),
    );
  });
});

async function open(): Promise<KafkaUnderTest> {
  const broker = await startBroker();
  const kafka = openKafka({ brokers: broker.brokers, partitions: CONTRACT_TOPICS });
  return {
    publisher: () => kafka.publisher(),
    cluster: kafka.cluster,
    stored: (topic) => readTopic(broker.brokers, topic),
    deleteTopic: async (topic) => {
      const admin = plainClient(broker.brokers).admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [topic] });
      await admin.disconnect();
    },
    writeInVain: async (topic, partition) => {
      const settings = { transactionalId: 'a stranger', idempotent: true, maxInFlightRequests: 1 };
      const producer = plainClient(broker.brokers).producer(settings);
      await producer.connect();
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ partition, value: 'never said' }] });
      await transaction.abort();
      await producer.disconnect();
    },
    kill: () => broker.kill(),
    start: () => broker.start(),
    pause: () => broker.pause(),
    resume: () => broker.resume(),
    stop: async () => {
      await kafka.cluster.close();
      await broker.stop();
    },
  };
}
