import { EventTooLarge, RevisionConflict, StoreOverloaded, StoreUnavailable } from '#event-store';
import { Refusal } from '#platform';
import { VaultUnavailable } from '#vault';

const RETRY_AFTER_MS = 1_000;

/** The failures of stores and vault under their public code; everything else as it is. */
export function asRefusal(error: unknown): unknown {
  if (error instanceof StoreUnavailable || error instanceof VaultUnavailable) {
    const detail = 'Nothing was acknowledged; send the same request again, with the same Idempotency-Key.';
    return new Refusal('LEDGER_UNAVAILABLE', detail, { retryAfterMs: RETRY_AFTER_MS });
  }
  if (error instanceof StoreOverloaded) {
    return new Refusal('OVERLOADED', 'Too many appends are waiting.', { retryAfterMs: error.retryAfterMs });
  }
  if (error instanceof RevisionConflict) {
    return new Refusal('CONFLICT', 'Others keep changing the same thing; send the request again.');
  }
  if (error instanceof EventTooLarge) return new Refusal('BODY_TOO_LARGE', 'The event made of it is too large.');
  return error;
}
