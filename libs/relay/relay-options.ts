import type { EventStore } from '#event-store';
import type { RelayCopy } from './copy.js';
import type { Cluster, Publisher } from './publisher.js';
import type { RelayDatabase } from './relay-database.js';
import type { TopicSettings } from './topics.js';

/** Lines of the service's log. */
export interface RelayLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface RelayLimits {
  /** Most events, or records, that a lane sends at once. */
  readonly batchEvents: number;
  /** Of keys and values of a batch. */
  readonly batchBytes: number;
  /** Most recipients whose state waits to be published. */
  readonly dirtyMax: number;
  readonly leaseMs: number;
  /** Lag beyond which the log says, once a minute, that the relay is behind. */
  readonly lagWarnMs: number;
}

export const RELAY_DEFAULTS: RelayLimits = {
  batchEvents: 500,
  batchBytes: 256 * 1024,
  dirtyMax: 100_000,
  leaseMs: 5_000,
  lagWarnMs: 5_000,
};

export interface RelayOptions {
  readonly store: EventStore;
  /** The service's view: states are read from it. */
  readonly copy: RelayCopy;
  /** `publisher` gives one with a producer of its own, which the relay closes; the cluster is closed by who opened it. */
  readonly kafka: { publisher(): Publisher; readonly cluster: Cluster };
  /** Closed by who opened it, after the relay. */
  readonly database: RelayDatabase;
  /** Names this process among those that may publish. */
  readonly holder: string;
  /** Whether this process alone writes the ledger and uses the database: then nobody else can hold the lease. */
  readonly alone: boolean;
  readonly clock: { now(): number; monotonic(): number };
  readonly log: RelayLog;
  readonly topics: TopicSettings;
  readonly limits: RelayLimits;
  /** How long Kafka writes to one segment of the topic of states, in milliseconds; as planned where it is left out. */
  readonly segmentMs?: number;
  /**
   * Told that the lease was lost. The relay then takes no other and is to be closed: whoever chooses among several may
   * have chosen another meanwhile. Where it is left out the relay waits for its turn.
   */
  readonly onLost?: () => void;
  /** Told of every batch that is stored. */
  readonly onAcknowledged?: (lane: string, milliseconds: number, records: number) => void;
}
