import type { ConsentEvent } from '#consent';
import { Refusal } from '#platform';
import { requireOwn } from '../ownership.js';
import type { Parts } from '../parts.js';
import type { Place } from './answer.js';
import { inTime } from './handle.js';
import { linkedWith } from './same-person.js';

/** What is about to be acknowledged of somebody who is linked. */
interface Recorded {
  readonly businessId: string;
  readonly recipientId: string;
  readonly event: ConsentEvent;
  readonly place: Place;
}

/**
 * Where others write too, another process may have recorded a link of which this one has not heard yet, and the answers
 * about whoever is linked must hold a no from now on. So they are looked up in the ledger, and the no is remembered for
 * each until the view has passed it, and with it the links. That this cannot be done holds up no opt-out.
 */
export async function rememberForLinked(parts: Parts, recorded: Recorded): Promise<void> {
  if (recorded.event.type !== 'ConsentRevoked' && recorded.event.type !== 'RecipientErased') return;
  try {
    await inTime(rememberForEach(parts, recorded));
  } catch (error) {
    parts.log.error({ err: error }, 'an opt-out is not yet known of those linked to the person, who cannot be read');
  }
}

async function rememberForEach(parts: Parts, { businessId, recipientId, event, place }: Recorded): Promise<void> {
  const [, ...others] = await linkedWith(parts, [recipientId]);
  // The links may have been recorded behind the no: until the view has passed them as well, it is remembered.
  const known = await parts.store.head();
  const remember = async (other: string) => {
    // Of a stranger, or of nobody, it would be said to another business.
    if (!(await isKnownOwn(parts, businessId, other))) return;
    parts.view.remember(other, businessId, withoutConfirmation(event), place, known);
  };
  await Promise.all(others.map(remember));
}

async function isKnownOwn(parts: Parts, businessId: string, recipientId: string): Promise<boolean> {
  try {
    return (await requireOwn(parts, businessId, recipientId)) === 'known';
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** It crosses some links alone, and may be missing until they are known. */
function withoutConfirmation(event: ConsentEvent): ConsentEvent {
  if (event.type !== 'ConsentRevoked') return event;
  const { confirmUntil: _, ...data } = event.data;
  return { type: event.type, data };
}
