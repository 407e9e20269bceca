import type { ConsentEvent, Ineffective, OutdoneLink } from '#consent';
import { hasReached, type ReadEvent, type StoredEvent } from '#event-store';

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

/**
 * The answer of the first of several that one request asks for, with what any of them warns of, as of a position at which
 * all of them are in the ledger: a check that carries it finds each.
 */
export function together([first, ...others]: readonly [Outcome, ...Outcome[]]): Outcome {
  if (others.length === 0) return first;
  const { answer, replayed } = first;
  const position = others.reduce((last, other) => later(last, other.answer.position), answer.position);
  const warnings = onceEach([first, ...others].flatMap((one) => one.answer.warnings ?? []));
  return { answer: { ...answer, position, ...(warnings.length === 0 ? {} : { warnings }) }, replayed };
}

export function onceEach(warnings: readonly Warning[]): readonly Warning[] {
  return [...new Map(warnings.map((warning) => [`${warning.field} ${warning.message}`, warning])).values()];
}

function later(one: string, other: string): string {
  return hasReached(one, other) ? one : other;
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
