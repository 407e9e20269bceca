import type { StoredEvent } from '#event-store';
import { until } from '../../faults/until.js';
import { readTopic } from '../reader.js';
import { changes, missingOf, optouts, otherStates, outOfOrder, repeatsIn, states } from './topics.js';

const PATIENCE_MS = 60_000;

/** What the topics hold of what the ledger says. */
export interface Outcome {
  readonly optOuts: number;
  /** Event ids of opt-outs, and of changes, that are on no topic. */
  readonly missing: readonly string[];
  readonly missingChanges: readonly string[];
  readonly disordered: readonly string[];
  readonly repeated: number;
  /** Recipients whose newest state is not that of the ledger. */
  readonly otherStates: readonly string[];
}

/** As it must be, whatever broke. */
export const WHOLE = { missing: [], missingChanges: [], disordered: [], otherStates: [] };

/** Looks until the topics hold everything, or patience is over: what is missing then is missing. */
export async function outcomeOf(
  brokers: string[],
  events: readonly StoredEvent[],
  patienceMs = PATIENCE_MS,
): Promise<Outcome> {
  const deadline = performance.now() + patienceMs;
  const look = async () => {
    // A broker that has just started does not lead all of its partitions yet.
    const outcome = await lookOnce(brokers, events).catch(() => undefined);
    return outcome && (isWhole(outcome) || performance.now() > deadline) ? outcome : undefined;
  };
  return until('the topics could be read', look, 2 * patienceMs);
}

export function inWords({ optOuts, missing, disordered, repeated, otherStates: others }: Outcome): string {
  return (
    `${optOuts} opt-outs, ${missing.length} missing, ${disordered.length} out of order, ${repeated} repeated; ` +
    `${others.length} states unlike the ledger's`
  );
}

async function lookOnce(brokers: string[], events: readonly StoredEvent[]): Promise<Outcome> {
  const stops = events.filter(({ type }) => type === 'ConsentRevoked');
  const told = await readTopic(brokers, optouts.topic);
  return {
    optOuts: stops.length,
    missing: missingOf(stops, told),
    missingChanges: missingOf(events, await readTopic(brokers, changes.topic)),
    disordered: outOfOrder(told),
    repeated: repeatsIn(told),
    otherStates: otherStates(events, await readTopic(brokers, states.topic)),
  };
}

function isWhole({ missing, missingChanges, otherStates: others }: Outcome): boolean {
  return missing.length + missingChanges.length + others.length === 0;
}
