import { EventTooLarge, type ExpectedRevision, type NewEvent } from './port.js';

export interface WantedAppend {
  readonly stream: string;
  readonly events: readonly NewEvent[];
  readonly expected: ExpectedRevision;
}

const STREAM_NAME_CHARS = 200;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const REVISION = /^(none|any|0|[1-9]\d{0,14})$/;

/**
 * What no store takes: throws `EventTooLarge` where data or metadata hold more than `maxAppendBytes`, or a `RangeError`
 * where the caller's program is wrong. Names that begin with `$` are EventStoreDB's own.
 */
export function checkAppend({ stream, events, expected }: WantedAppend, maxAppendBytes: number): void {
  if (stream === '' || stream.startsWith('$') || stream.length > STREAM_NAME_CHARS) {
    throw new RangeError(`a stream's name has 1 to ${STREAM_NAME_CHARS} characters and does not begin with $`);
  }
  if (!REVISION.test(expected)) throw new RangeError('the expected revision is none, any or a whole number');
  if (events.length === 0) throw new RangeError('an append holds at least one event');
  if (!events.every(({ id }) => UUID.test(id))) throw new RangeError('an event id is a UUID');
  const ids = new Set(events.map(({ id }) => id.toLowerCase()));
  if (ids.size < events.length) throw new RangeError('the events of one append have different ids');
  const isTooLarge = (['data', 'metadata'] as const).some((part) => bytesOf(events, part) > maxAppendBytes);
  if (isTooLarge) throw new EventTooLarge(maxAppendBytes);
}

export function bytesOf(events: readonly NewEvent[], part: 'data' | 'metadata'): number {
  return events.reduce((sum, event) => sum + event[part].length, 0);
}
