import type { ConsentEvent, Ineffective, OutdoneLink } from '#consent';
import type { ReadEvent, StoredEvent } from '#event-store';

/** Something the service understood otherwise than the caller may have meant; it names the field and the remedy. */
export interface Warning {
  readonly field: string;
  readonly message: string;
}

export type IneffectiveBecause = Ineffective | OutdoneLink;

/** What a command answers once its event is durable. */
export interface CommandAnswer {
  readonly eventId: string;
  readonly type: string;
  readonly recipientId: string;
  readonly stream: string;
  readonly revision: string;
  readonly position: string;
  readonly occurredAt: string;
  readonly recordedAt: string;
  /** False where something already recorded outdoes the event; it is kept as history all the same. */
  readonly effective: boolean;
  readonly ineffectiveBecause?: IneffectiveBecause;
  readonly warnings?: readonly Warning[];
}

/** `replayed`: the command had been carried out before, and this is the answer it got then. */
export interface Outcome {
  readonly answer: CommandAnswer;
  readonly replayed: boolean;
}

export interface Effect {
  readonly ineffectiveBecause?: IneffectiveBecause;
  readonly warnings: readonly Warning[];
}

export interface Place {
  readonly eventId: string;
  readonly stream: string;
  readonly revision: string;
  readonly position: string;
  readonly recordedAt: string;
}

export function answerOf(recipientId: string, event: ConsentEvent, place: Place, effect: Effect): CommandAnswer {
  return {
    eventId: place.eventId,
    type: event.type,
    recipientId,
    stream: place.stream,
    revision: place.revision,
    position: place.position,
    occurredAt: event.data.occurredAt,
    recordedAt: place.recordedAt,
    effective: effect.ineffectiveBecause === undefined,
    ...(effect.ineffectiveBecause === undefined ? {} : { ineffectiveBecause: effect.ineffectiveBecause }),
    ...(effect.warnings.length === 0 ? {} : { warnings: effect.warnings }),
  };
}

export function placeOf({ event, metadata }: ReadEvent): Place {
  return { ...placeOfStored(event), recordedAt: metadata.recordedAt ?? '' };
}

function placeOfStored({ id, stream, revision, position }: StoredEvent) {
  return { eventId: id, stream, revision, position };
}
