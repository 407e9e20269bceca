import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { EventStore } from '#event-store';
import type { Clock, Config, Log, Metrics } from '#platform';
import type { KafkaOptions, Relay } from '#relay';
import type { LiveView } from '#view';

/** Beside the view: how far each lane of the relay is, and who publishes. */
export const RELAY_FILE = 'relay.db';

export interface RelayParts {
  readonly store: EventStore;
  readonly view: LiveView;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

type KafkaConfig = NonNullable<Config['kafka']>;

/** The relay of this process, or undefined where no brokers are configured. It begins at once, whatever the brokers do. */
export async function startRelaySide({ dataDir, kafka }: Config, parts: RelayParts): Promise<Relay | undefined> {
  if (kafka === undefined) return undefined;
  // Loaded where it is used: the client of Kafka costs every other start 60 ms.
  const { PARTITIONS_OF, RelayDatabase, openKafka, startRelay } = await import('#relay');
  const { metrics, log, view, store, clock } = parts;
  const database = new RelayDatabase(join(dataDir, RELAY_FILE));
  const opened = openKafka({ ...optionsOf(kafka, log), partitions: PARTITIONS_OF });
  const relay = startRelay({
    store,
    copy: view,
    kafka: opened,
    database,
    holder: randomUUID(),
    // The embedded ledger by its lock; on EventStoreDB the vault, which is a file, allows one process alone.
    alone: true,
    clock,
    log,
    topics: {
      create: kafka.createTopics,
      replicas: kafka.replicationFactor,
      minInSyncReplicas: kafka.minInsyncReplicas,
    },
    limits: kafka.relay,
    onAcknowledged: (lane, milliseconds, records) => metrics.published(lane, milliseconds / 1_000, records),
  });
  metrics.watchRelay(() => relay.status());
  const close = async () => {
    await relay.close();
    await opened.cluster.close();
    database.close();
  };
  return { status: () => relay.status(), close };
}

function optionsOf({ brokers, tls, sasl }: KafkaConfig, log: Log): Omit<KafkaOptions, 'partitions'> {
  return {
    brokers,
    ...(tls ? { tls } : {}),
    ...(sasl ? { sasl } : {}),
    report: (line) => log.warn({ component: 'kafka', problem: line }, 'the client of Kafka complains'),
  };
}
