import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { EventStore } from '#event-store';
import type { Clock, Config, Log, Metrics } from '#platform';
import { LockElection, type Postgres } from '#postgres';
import type { KafkaOptions, Relay } from '#relay';
import type { LiveView } from '#view';
import { Opened } from './opened.js';
import { StandbyRelay } from './standby-relay.js';

/** Beside the view: how far each lane of the relay is, and who publishes. */
export const RELAY_FILE = 'relay.db';

export interface RelayParts {
  readonly store: EventStore;
  readonly view: LiveView;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly postgres: Postgres | undefined;
}

type KafkaConfig = NonNullable<Config['kafka']>;

/**
 * The relay of this process, or undefined where no brokers are configured or another role is run. It begins at once,
 * whatever the brokers do; of replicas the one begins that a lock of the database chooses, and the others stand by.
 */
export async function startRelaySide(config: Config, parts: RelayParts): Promise<Relay | undefined> {
  const { kafka, roles } = config;
  if (kafka === undefined || !roles.includes('relay')) return undefined;
  const { metrics, postgres, store } = parts;
  const start = (onLost?: () => void) => startRelayOver(config, kafka, parts, onLost);
  const relay = postgres ? new StandbyRelay(electionOf(postgres, store, kafka), start) : await start();
  metrics.watchRelay(() => relay.status());
  return relay;
}

/** A relay that is stopped keeps others away as long as its lease in the file does. */
function electionOf(postgres: Postgres, { ledgerId }: EventStore, { relay }: KafkaConfig): LockElection {
  return new LockElection(postgres, `relay of ${ledgerId}`, { leaseMs: relay.leaseMs });
}

const NOT_KEPT = 'how far the relay is cannot be kept: whoever is chosen next would tell it again';

async function startRelayOver(
  { dataDir }: Config,
  kafka: KafkaConfig,
  parts: RelayParts,
  onLost?: () => void,
): Promise<Relay> {
  // Loaded where it is used: the client of Kafka costs every other start 60 ms.
  const { KeptMemory, MemoryTable, PARTITIONS_OF, RelayDatabase, openKafka, startRelay } = await import('#relay');
  const { metrics, log, view, store, clock, postgres } = parts;
  const opened = new Opened();
  try {
    const database = opened.add(new RelayDatabase(join(dataDir, RELAY_FILE)), async (one) => one.close());
    if (postgres && onLost) {
      const place = await MemoryTable.open(postgres, store.ledgerId);
      const onProblem = (error: unknown) => log.warn({ component: 'relay', err: error }, NOT_KEPT);
      const memory = await KeptMemory.begin({ database, place, onTaken: onLost, onProblem });
      opened.add(memory, (one) => one.close());
    }
    const client = openKafka({ ...optionsOf(kafka, log), partitions: PARTITIONS_OF });
    opened.add(client, (one) => one.cluster.close());
    const relay = startRelay({
      store,
      copy: view,
      kafka: client,
      database,
      holder: randomUUID(),
      // By the lock of the embedded ledger or of the directory. Replicas on one machine may share the directory.
      alone: parts.postgres === undefined,
      clock,
      log,
      topics: {
        create: kafka.createTopics,
        replicas: kafka.replicationFactor,
        minInSyncReplicas: kafka.minInsyncReplicas,
      },
      limits: kafka.relay,
      ...(onLost ? { onLost } : {}),
      onAcknowledged: (lane, milliseconds, records) => metrics.published(lane, milliseconds / 1_000, records),
    });
    opened.add(relay, (one) => one.close());
    return { status: () => relay.status(), close: () => opened.close() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

function optionsOf({ brokers, tls, sasl }: KafkaConfig, log: Log): Omit<KafkaOptions, 'partitions'> {
  return {
    brokers,
    ...(tls ? { tls } : {}),
    ...(sasl ? { sasl } : {}),
    report: (line) => log.warn({ component: 'kafka', problem: line }, 'the client of Kafka complains'),
  };
}
