import type { StoredEvent } from '#event-store';
import { Refusal } from '#platform';
import type { Parts } from '../parts.js';

/** What can never be completed does not keep what stands behind it from being. */
export async function orLeave({ log }: Parts, { id }: StoredEvent, complete: () => Promise<void>): Promise<void> {
  try {
    await complete();
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'RECIPIENT_NOT_FOUND') throw error;
    log.error({ eventId: id }, 'a link names a recipient of another business: it is left as it is');
  }
}
