import {
  compareTopic,
  creationCommand,
  describeDifference,
  planned,
  TOPICS,
  type PlannedTopic,
  type TopicName,
} from '#contracts';
import { NotAllowed, type Cluster, type TopicDescription } from './publisher.js';

export interface TopicSettings {
  /** Whether the relay makes topics that are not there. */
  readonly create: boolean;
  /** Undefined: the broker's own default. */
  readonly replicas?: number | undefined;
  readonly minInSyncReplicas?: number | undefined;
}

/** `problems` say what keeps the relay from publishing, `warnings` what is less safe than it should be. */
export interface TopicsReport {
  readonly ready: boolean;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const NAMES = Object.keys(TOPICS) as readonly TopicName[];

/** By topic, how many partitions each has: what a publisher needs to know beforehand. */
export const PARTITIONS_OF: Readonly<Record<string, number>> = Object.fromEntries(
  NAMES.map((name) => [TOPICS[name].topic, TOPICS[name].partitions]),
);

/** Makes the topics that are missing, where it may, and compares those that are there. Rejects while no broker answers. */
export async function prepareTopics(cluster: Cluster, settings: TopicSettings): Promise<TopicsReport> {
  const plans = NAMES.map((name) => planned(name, settings));
  const missing = missingOf(plans, await described(cluster, plans));
  const uncreated = missing.length > 0 ? await create(cluster, missing, settings) : undefined;
  if (uncreated) return { ready: false, problems: uncreated, warnings: [] };
  const found = await described(cluster, plans);
  const stillMissing = missingOf(plans, found);
  if (stillMissing.length > 0)
    return { ready: false, problems: howToCreate('are not there yet', stillMissing), warnings: [] };
  return judged(plans, found);
}

type Found = readonly (TopicDescription | undefined)[];

function described(cluster: Cluster, plans: readonly PlannedTopic[]): Promise<Found> {
  return cluster.describe(plans.map(({ topic }) => topic));
}

function missingOf(plans: readonly PlannedTopic[], found: Found): readonly PlannedTopic[] {
  return plans.filter((_, index) => found[index] === undefined);
}

/** What keeps the topics from being made; undefined where they are. */
async function create(
  cluster: Cluster,
  missing: readonly PlannedTopic[],
  settings: TopicSettings,
): Promise<readonly string[] | undefined> {
  if (!settings.create) return howToCreate('are missing, and KAFKA_CREATE_TOPICS is false', missing);
  try {
    await cluster.create(missing);
    return undefined;
  } catch (error) {
    if (error instanceof NotAllowed) return howToCreate('are missing, and the relay has no right to create', missing);
    throw error;
  }
}

function howToCreate(why: string, missing: readonly PlannedTopic[]): readonly string[] {
  const names = missing.map(({ topic }) => topic).join(', ');
  return [`topics ${why}: ${names}`, ...missing.map(creationCommand)];
}

function judged(plans: readonly PlannedTopic[], found: Found): TopicsReport {
  const differences = plans.flatMap((plan, index) => compareTopic(plan, found[index] as TopicDescription));
  const [stops, warns] = (['stops', 'warns'] as const).map((severity) =>
    differences.filter((difference) => difference.severity === severity).map(describeDifference),
  ) as [string[], string[]];
  return { ready: stops.length === 0, problems: stops, warnings: warns };
}
