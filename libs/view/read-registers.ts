import type { EventStore, Position, StoredEvent } from '#event-store';
import type { Catalogue } from './catalogue.js';
import { BATCH_SIZE } from './live-copy.js';
import { businessOf, projectBusiness } from './project.js';

/**
 * Brings the catalogue to the head before anything is asked of it: the copy may be new, or behind after a crash, and an
 * opt-out that comes in meanwhile must find its sender and its business.
 */
export async function readRegisters(
  store: EventStore,
  from: Position | undefined,
  catalogue: Catalogue,
): Promise<void> {
  for (let at = from; ;) {
    const start = at === undefined ? {} : { from: at };
    const page = await store.readAll({ ...start, prefixes: ['business-'], limit: BATCH_SIZE });
    for (const event of page.events) addTo(catalogue, event);
    if (page.atEnd) return;
    at = page.position;
  }
}

/** The follower reports what cannot be read when it comes to it. */
function addTo(catalogue: Catalogue, event: StoredEvent): void {
  const businessId = businessOf(event.stream) as string;
  catalogue.offer(projectBusiness(catalogue.business(businessId), businessId, event, () => undefined));
}
