import { setTimeout as pause } from 'node:timers/promises';
import { TOPICS } from '#contracts';
import { hasReached, ledgerIdOf, orAborted, type EventStore } from '#event-store';
import type { Cluster, PartitionEnds, RecordsLost } from './publisher.js';
import type { RelayDatabase } from './relay-database.js';

export const LANES = ['optouts', 'changes', 'state'] as const;
export type LaneName = (typeof LANES)[number];

/** What the topics hold, by topic. */
export type Ends = ReadonlyMap<string, readonly PartitionEnds[]>;

/** Why a lane begins again at the start of the ledger. */
export type Rewound = { readonly lane: LaneName; readonly why: 'LOST_RECORDS' | 'OTHER_LEDGER' };

/** Between two looks at topics that end too early, and how long they may, in milliseconds. */
const LOOK_MS = 500;
const BEHIND_MS = 3_000;

/**
 * What the topics hold. A replica that has just become the leader answers with less than there is, until the others have
 * fetched from it: only what ends too early for seconds has lost something. Rejects where nobody can tell.
 */
export async function endsOf(
  cluster: Pick<Cluster, 'ends'>,
  database: Pick<RelayDatabase, 'offsets'>,
  signal: AbortSignal,
): Promise<Ends> {
  const deadline = performance.now() + BEHIND_MS;
  for (;;) {
    const ends = await orAborted(look(cluster), signal);
    if (performance.now() > deadline || !LANES.some((lane) => hasLost(database, lane, ends))) return ends;
    await pause(LOOK_MS, undefined, { signal });
  }
}

/** Rejects with `TopicLost` where one of them is not there. */
export async function look(cluster: Pick<Cluster, 'ends'>): Promise<Ends> {
  const topics = Object.values(TOPICS).map(({ topic }) => topic);
  return new Map(await Promise.all(topics.map(async (topic) => [topic, await cluster.ends(topic)] as const)));
}

export interface RewindOptions {
  readonly database: RelayDatabase;
  readonly epoch: number;
  readonly ends: Ends;
  /** Lanes that found records missing: by now their topics may end where they did. */
  readonly lost: ReadonlySet<LaneName>;
  readonly store: Pick<EventStore, 'head' | 'ledgerId'>;
}

/**
 * Compares what the lanes remember with what the topics hold and where the ledger ends. A lane begins again at the start
 * where a topic ends before what was written, since nobody knows what is missing in it, and where its place is in another
 * ledger or behind this one's end. Publishing again is harmless to every consumer.
 */
export async function rewindLanes(options: RewindOptions, signal: AbortSignal): Promise<readonly Rewound[]> {
  const { database, epoch, ends, lost, store } = options;
  const head = await orAborted(store.head(), signal);
  const rewound = LANES.flatMap((lane): Rewound[] => {
    if (lost.has(lane) || hasLost(database, lane, ends)) return [{ lane, why: 'LOST_RECORDS' }];
    const place = database.checkpoint(lane);
    const isHere = place === undefined || (ledgerIdOf(place) === store.ledgerId && hasReached(head, place));
    return isHere ? [] : [{ lane, why: 'OTHER_LEDGER' }];
  });
  for (const { lane } of rewound) forgetLane(database, epoch, lane);
  return rewound;
}

/** Keeps how far the topic of states was looked through for records of others. */
export const HEARD = 'heard';

/** The lane begins again at the start of the ledger, and that of states looks its topic through anew. */
export function forgetLane(database: Pick<RelayDatabase, 'forget'>, epoch: number, lane: string): void {
  database.forget(epoch, lane);
  if (lane === 'state') database.forget(epoch, HEARD);
}

/** Whose records are lost where `name` found it: one of the lanes, or another who writes to the topic of one. */
export function loserOf(name: string, { topic }: RecordsLost): LaneName | undefined {
  return LANES.find((lane) => lane === name) ?? LANES.find((lane) => TOPICS[lane].topic === topic);
}

/** Whether a topic ends before what the lane wrote to it. */
export function hasLost(database: Pick<RelayDatabase, 'offsets'>, lane: LaneName, ends: Ends): boolean {
  return database.offsets(lane).some(({ topic, partition, nextOffset }) => {
    const high = ends.get(topic)?.find((end) => end.partition === partition)?.high ?? '0';
    return BigInt(high) < BigInt(nextOffset);
  });
}
