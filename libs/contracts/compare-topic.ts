import type { PlannedTopic } from './topics.js';

/** A topic as the broker has it; a setting that could not be read is absent. */
export interface FoundTopic {
  readonly topic: string;
  readonly partitions: number;
  /** The smallest number of replicas that any partition has. */
  readonly replicas: number;
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * `stops`: with this difference opt-outs could be lost, or be overtaken, or a stop be forgotten, so nothing is
 * published. `warns`: less safe than meant, or kept longer than meant.
 */
export interface TopicDifference {
  readonly topic: string;
  /** Kafka's own name of the setting; `partitions` and `replication.factor` for those two. */
  readonly setting: string;
  /** `unknown` where the broker did not tell. */
  readonly found: string;
  readonly wanted: string;
  readonly severity: 'stops' | 'warns';
}

type Draft = Omit<TopicDifference, 'topic'>;

/** Below these a single broken disk, or a leader that falls behind, may lose what was acknowledged. */
const SAFE_REPLICAS = 3;
const SAFE_IN_SYNC = 2;
const UNLIMITED = '-1';

/** Every difference that matters, none where a topic is as planned. */
export function compareTopic(plan: PlannedTopic, found: FoundTopic): readonly TopicDifference[] {
  const settings = Object.entries(plan.settings).flatMap(([name, wanted]) =>
    compareSetting(name, wanted, found.settings[name]),
  );
  const drafts = [...comparePartitions(plan, found), ...settings, ...compareSafety(plan, found)];
  return drafts.map((draft) => ({ topic: plan.topic, ...draft }));
}

/** One line for the log. */
export function describeDifference({ topic, setting, found, wanted }: TopicDifference): string {
  return `${topic}: ${setting} is ${found}, wanted ${wanted}`;
}

/** With another number of partitions a key is in another one than before, and its records have no order any more. */
function comparePartitions(plan: PlannedTopic, found: FoundTopic): readonly Draft[] {
  if (found.partitions === plan.partitions) return [];
  const [is, wanted] = [String(found.partitions), String(plan.partitions)];
  return [{ setting: 'partitions', found: is, wanted, severity: 'stops' }];
}

function compareSetting(setting: string, wanted: string, found: string | undefined): readonly Draft[] {
  if (setting === 'min.insync.replicas' || found === wanted) return [];
  if (found === undefined) return [{ setting, found: 'unknown', wanted, severity: 'warns' }];
  return [{ setting, found, wanted, severity: isDangerous(setting, wanted, found) ? 'stops' : 'warns' }];
}

function isDangerous(setting: string, wanted: string, found: string): boolean {
  if (setting === 'retention.ms') return found !== UNLIMITED && !(Number(found) >= Number(wanted));
  if (setting !== 'cleanup.policy') return false;
  const policies = found.split(',').map((policy) => policy.trim());
  // Compaction drops all but the newest opt-out of a person; deletion forgets the stop of whoever was not heard of since.
  return wanted === 'delete' ? policies.includes('compact') : policies.includes('delete');
}

function compareSafety(plan: PlannedTopic, found: FoundTopic): readonly Draft[] {
  const replicas = Math.max(SAFE_REPLICAS, plan.replicas ?? 0);
  const inSync = Math.max(SAFE_IN_SYNC, Number(plan.settings['min.insync.replicas'] ?? 0));
  const foundInSync = found.settings['min.insync.replicas'];
  return [
    ...atLeast('replication.factor', replicas, String(found.replicas)),
    ...atLeast('min.insync.replicas', inSync, foundInSync ?? 'unknown'),
  ];
}

function atLeast(setting: string, wanted: number, found: string): readonly Draft[] {
  return Number(found) >= wanted ? [] : [{ setting, found, wanted: `at least ${wanted}`, severity: 'warns' }];
}
