/**
 * The topics, as they are created and as `asyncapi.json` describes them. The key of every record is a recipient id, of
 * the catalogue a business id, of the watermarks a partition's number: never an address. One key is always in one
 * partition, so the number of partitions never changes within a major version.
 */
const DAYS_90_MS = '7776000000';
const HOURS_1_MS = '3600000';
const HOURS_6_MS = '21600000';
const HOURS_24_MS = '86400000';

export const PARTITIONS = 12;

/**
 * Records are as old as the broker says: dated by a relay whose clock is wrong they would be deleted at once, or never, and
 * a clock that is ahead would keep newer brokers from taking anything.
 */
const ALWAYS = { 'unclean.leader.election.enable': 'false', 'message.timestamp.type': 'LogAppendTime' } as const;

/** Kept for so long whatever its size, so that who was away for weeks still finds every opt-out. */
const KEPT_FOR_DAYS = {
  'cleanup.policy': 'delete',
  'retention.ms': DAYS_90_MS,
  'retention.bytes': '-1',
  ...ALWAYS,
} as const;

const NEWEST_OF_EACH_KEY = { 'cleanup.policy': 'compact', ...ALWAYS } as const;

export const TOPICS = {
  /** Every opt-out, erasure and link, also under the key of each linked recipient. */
  optouts: { topic: 'consent.optouts.v1', partitions: PARTITIONS, settings: KEPT_FOR_DAYS },
  /** Every event of a recipient, opt-outs included. */
  changes: { topic: 'consent.changes.v1', partitions: PARTITIONS, settings: KEPT_FOR_DAYS },
  /** The whole folded state of each recipient. What an erased person's state said before is gone within the longest lag. */
  state: {
    topic: 'consent.state.v1',
    partitions: PARTITIONS,
    settings: {
      ...NEWEST_OF_EACH_KEY,
      'min.compaction.lag.ms': HOURS_6_MS,
      'max.compaction.lag.ms': HOURS_24_MS,
      'segment.ms': HOURS_6_MS,
    },
  },
  /** How far each partition of the opt-outs is; short segments, since one record per key is all that is ever needed. */
  watermarks: {
    topic: 'consent.watermarks.v1',
    partitions: PARTITIONS,
    settings: { ...NEWEST_OF_EACH_KEY, 'max.compaction.lag.ms': HOURS_6_MS, 'segment.ms': HOURS_1_MS },
  },
  /** The register of each business. */
  catalogue: {
    topic: 'consent.catalogue.v1',
    partitions: PARTITIONS,
    settings: { ...NEWEST_OF_EACH_KEY, 'max.compaction.lag.ms': HOURS_24_MS, 'segment.ms': HOURS_6_MS },
  },
} as const satisfies Readonly<Record<string, PlannedTopic>>;

export type TopicName = keyof typeof TOPICS;

/** A topic as it is meant to be. Settings go by Kafka's own names, values as Kafka writes them. */
export interface PlannedTopic {
  readonly topic: string;
  readonly partitions: number;
  /** Undefined: the broker's own default. */
  readonly replicas?: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** The plan with what an operator configured: both are the broker's own default where undefined. */
export function planned(
  name: TopicName,
  configured: { readonly replicas?: number | undefined; readonly minInSyncReplicas?: number | undefined },
): PlannedTopic {
  const { topic, partitions, settings } = TOPICS[name];
  const { replicas, minInSyncReplicas } = configured;
  const inSync = minInSyncReplicas === undefined ? {} : { 'min.insync.replicas': String(minInSyncReplicas) };
  return { topic, partitions, ...(replicas === undefined ? {} : { replicas }), settings: { ...settings, ...inSync } };
}

/** What an operator types who creates the topics for a relay that has no right to. */
export function creationCommand({ topic, partitions, replicas, settings }: PlannedTopic): string {
  const factor = replicas === undefined ? '' : ` --replication-factor ${replicas}`;
  const configs = Object.entries(settings).map(([name, value]) => ` --config ${name}=${value}`);
  return (
    `kafka-topics --bootstrap-server <host:port> --create --topic ${topic} --partitions ${partitions}` +
    `${factor}${configs.join('')}`
  );
}
