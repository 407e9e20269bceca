import { EMPTY_STATE, MAX_LOOKED_AT, activeLinks, type ActiveLink, type Instant } from '#consent';
import { foldStored } from '#view';
import type { Parts } from '../parts.js';
import { readHistory } from './handle.js';

/**
 * The other recipients that are the same person by the links that held at an instant, nearest first: a later link may
 * be another life's. A changed number is not among them, since its next owner is somebody else.
 */
export async function samePersonAs(parts: Parts, recipientId: string, at: Instant): Promise<readonly string[]> {
  const isTheirs = ({ kind, linkedAt }: ActiveLink) => kind === 'same_person' && linkedAt <= at;
  const [, ...others] = await linkedWith(parts, [recipientId], isTheirs);
  return others;
}

/**
 * These recipients, then whoever hangs together with them over links that are wanted, nearest first, as the ledger has
 * it. No more than are looked at to answer for one of them, and one more where there are more.
 */
export async function linkedWith(
  { store }: Parts,
  recipientIds: readonly string[],
  isWanted: (link: ActiveLink) => boolean = () => true,
): Promise<readonly string[]> {
  const found = new Set(recipientIds);
  // A set's iterator also visits what is added while it runs.
  for (const id of found) {
    const { events } = await readHistory(store, `consent-${id}`);
    const state = foldStored(
      EMPTY_STATE,
      events.map(({ event }) => event),
    );
    for (const link of activeLinks(state)) if (isWanted(link)) found.add(link.recipientId);
    if (found.size > MAX_LOOKED_AT) break;
  }
  return [...found].slice(0, MAX_LOOKED_AT + 1);
}
