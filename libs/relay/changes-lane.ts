import { epochMsOf } from '#consent';
import type { Delivery } from '#event-store';
import { changesIn } from './changes.js';
import type { Prepared } from './event-lane.js';
import type { Tellings } from './tellings.js';

/** Every change of a stretch of the ledger. */
export async function prepareChanges({ events }: Delivery, tellings: Tellings): Promise<Prepared> {
  const changes = await changesIn(events);
  const [first] = changes;
  if (first === undefined) return { tellings: [] };
  const sinceMs = epochMsOf(first.origin.recordedAt);
  return { sinceMs, tellings: changes.map((change) => tellings.change('changes', change)) };
}
