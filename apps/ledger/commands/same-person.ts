import { EMPTY_STATE, activeLinks, type Instant } from '#consent';
import { foldStored } from '#view';
import type { Parts } from '../parts.js';
import { readHistory } from './handle.js';

/** So many addresses of one person are looked for; the rules let far fewer be linked. */
const MAX_ADDRESSES = 64;

/**
 * The other recipients that are the same person by the links that held at an instant, nearest first: a later link may
 * be another life's. A changed number is not among them, since its next owner is somebody else.
 */
export async function samePersonAs({ store }: Parts, recipientId: string, at: Instant): Promise<readonly string[]> {
  const found = new Set([recipientId]);
  // A set's iterator also visits what is added while it runs.
  for (const id of found) {
    const { events } = await readHistory(store, `consent-${id}`);
    const state = foldStored(
      EMPTY_STATE,
      events.map(({ event }) => event),
    );
    for (const { recipientId: other, kind, linkedAt } of activeLinks(state)) {
      if (kind === 'same_person' && linkedAt <= at && found.size < MAX_ADDRESSES) found.add(other);
    }
  }
  found.delete(recipientId);
  return [...found];
}
