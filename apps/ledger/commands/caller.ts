import { EVENT_SCHEMA, type Instant } from '#consent';
import type { EventMetadata } from '#event-store';

/** Who asks, and under which request: what every event's metadata names. */
export interface Caller {
  /** Key id, or `webhook:<provider>`. */
  readonly actor: string;
  readonly requestId: string;
  /** The event that made this command necessary, where it was no request of its own. */
  readonly causedBy?: string;
}

interface Times {
  readonly occurredAt: Instant;
  readonly recordedAt: Instant;
}

/** What stands beside the data of every event that a command leaves behind. */
export function metadataOf(
  { actor, requestId, causedBy }: Caller,
  commandId: string,
  { occurredAt, recordedAt }: Times,
  fingerprint?: string,
): EventMetadata {
  return {
    $correlationId: requestId,
    $causationId: causedBy ?? commandId,
    commandId,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    actor,
    occurredAt,
    recordedAt,
    schema: EVENT_SCHEMA,
  };
}
