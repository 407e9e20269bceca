import { calmIdleConnections, passOverEmptyBatches } from '#kafkajs-mends';
import type { Cluster, Publisher } from '../publisher.js';
import { Client, type KafkaOptions } from './client.js';
import { KafkaJsCluster } from './cluster.js';
import { KafkaJsPublisher } from './publisher.js';

/** Kafka as the relay uses it. */
export interface OpenKafka {
  /** A publisher with a producer of its own; whoever asks for it closes it. It connects at its first batch. */
  publisher(): Publisher;
  readonly cluster: Cluster;
}

/** Opens nothing yet: brokers that are away are a matter of each call. */
export function openKafka(options: KafkaOptions): OpenKafka {
  calmIdleConnections();
  passOverEmptyBatches();
  const client = new Client(options);
  return { publisher: () => new KafkaJsPublisher(client), cluster: new KafkaJsCluster(client) };
}
