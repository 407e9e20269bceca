import { EventTooLarge, ForeignPosition, RevisionConflict, StoreOverloaded, StoreUnavailable } from '#event-store';
import { FeedFull, PositionAhead, WatchEnded } from '#feed';
import { Refusal, type ErrorCode } from '#platform';
import { VaultUnavailable } from '#vault';

const RETRY_AFTER_MS = 1_000;

/** The failures of stores, vault and feed under their public code; everything else as it is. */
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
  return feedRefusal(error);
}

/** Said to streams, and to requests that come while the service stops. */
export function stopping(): Refusal {
  const detail = 'The service is stopping; go on with another one.';
  return new Refusal('LEDGER_UNAVAILABLE', detail, { retryAfterMs: RETRY_AFTER_MS });
}

function feedRefusal(error: unknown): unknown {
  if (error instanceof FeedFull) {
    const { retryAfterMs } = error;
    return new Refusal('OVERLOADED', 'There are as many watchers as there may be; try again later.', { retryAfterMs });
  }
  if (error instanceof ForeignPosition) return startAnew('FOREIGN_POSITION', 'It is a position of another ledger.');
  if (error instanceof PositionAhead) return startAnew('POSITION_AHEAD', 'The ledger has not come as far as that.');
  if (!(error instanceof WatchEnded)) return error;
  return new Refusal(...ENDED[error.reason], { retryAfterMs: RETRY_AFTER_MS });
}

/** A ledger was restored, or the position made up: nobody knows what lies between, so what was learnt is to be dropped. */
function startAnew(code: string, what: string): Refusal {
  const message = `${what} Forget what was told before it and watch from the start.`;
  return new Refusal('CONFLICT', message, { errors: [{ field: 'from', code, message }] });
}

const ENDED: Readonly<Record<WatchEnded['reason'], readonly [ErrorCode, string]>> = {
  slow: ['OVERLOADED', 'Too little was taken of what was told; watch again from the last position.'],
  closing: ['OVERLOADED', 'The service stops; watch again from the last position.'],
  ledger_away: ['LEDGER_UNAVAILABLE', 'The ledger cannot be read; watch again from the last position.'],
};
