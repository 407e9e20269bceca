import { EVENT_SCHEMA, type Instant } from '#consent';
import { readTraceparent } from '#contracts';
import type { EventMetadata } from '#event-store';

/** Begins the actor of what a provider's delivery says. */
export const PROVIDER_ACTOR = 'webhook:';

/** Who asks, and under which request: what every event's metadata names. */
export interface Caller {
  /** Key id, or `webhook:<provider>`. */
  readonly actor: string;
  readonly requestId: string;
  /** The trace that the request is part of, where it says so: it goes along with the event. */
  readonly traceparent?: string;
  /** The event that made this command necessary, where it was no request of its own. */
  readonly causedBy?: string;
}

/** Of what a request, or an event, says of its trace; whatever is none is passed over. */
export function traceIn(text: unknown): Pick<Caller, 'traceparent'> {
  const traceparent = readTraceparent(text);
  return traceparent === undefined ? {} : { traceparent };
}

interface Times {
  readonly occurredAt: Instant;
  readonly recordedAt: Instant;
}

/** What stands beside the data of every event that a command leaves behind. */
export function metadataOf(
  { actor, requestId, traceparent, causedBy }: Caller,
  commandId: string,
  { occurredAt, recordedAt }: Times,
  fingerprint?: string,
): EventMetadata {
  return {
    $correlationId: requestId,
    $causationId: causedBy ?? commandId,
    commandId,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(traceparent === undefined ? {} : { traceparent }),
    actor,
    occurredAt,
    recordedAt,
    schema: EVENT_SCHEMA,
  };
}
