import { EventTooLarge, type ExpectedRevision, type NewEvent } from '../port.js';

/** An append on its way to the writer thread: one block of bytes, because each separate block costs a copy of its own. */
export interface AppendJob {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly EventHead[];
  /** Data and metadata of each event, one after the other. */
  readonly bytes: Uint8Array;
}

export interface EventHead {
  readonly id: string;
  readonly type: string;
  readonly dataBytes: number;
  readonly metadataBytes: number;
}

export type AppendResult =
  | { readonly revision: number; readonly n: number; readonly replayed: boolean }
  /** Another revision than expected; absent: the stream does not exist. */
  | { readonly conflictAt: number | undefined };

const STREAM_NAME_CHARS = 200;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const REVISION = /^(none|any|0|[1-9]\d{0,14})$/;

/** Throws `EventTooLarge`, or a `RangeError` where the caller's program is wrong. */
export function packAppend(
  stream: string,
  events: readonly NewEvent[],
  expected: ExpectedRevision,
  maxAppendBytes: number,
): AppendJob {
  checkNames(stream, events, expected);
  const dataBytes = total(events, 'data');
  const metadataBytes = total(events, 'metadata');
  if (dataBytes > maxAppendBytes || metadataBytes > maxAppendBytes) throw new EventTooLarge(maxAppendBytes);
  const heads = events.map(({ id, type, data, metadata }) => ({
    id,
    type,
    dataBytes: data.length,
    metadataBytes: metadata.length,
  }));
  return { stream, expected, events: heads, bytes: joined(events, dataBytes + metadataBytes) };
}

/** Names that begin with `$` are the stores' own in EventStoreDB, so no store of ours takes them. */
function checkNames(stream: string, events: readonly NewEvent[], expected: ExpectedRevision): void {
  if (stream === '' || stream.startsWith('$') || stream.length > STREAM_NAME_CHARS) {
    throw new RangeError(`a stream's name has 1 to ${STREAM_NAME_CHARS} characters and does not begin with $`);
  }
  if (!REVISION.test(expected)) throw new RangeError('the expected revision is none, any or a whole number');
  if (events.length === 0) throw new RangeError('an append holds at least one event');
  if (!events.every(({ id }) => UUID.test(id))) throw new RangeError('an event id is a UUID');
  const ids = new Set(events.map(({ id }) => id.toLowerCase()));
  if (ids.size < events.length) throw new RangeError('the events of one append have different ids');
}

function total(events: readonly NewEvent[], part: 'data' | 'metadata'): number {
  return events.reduce((sum, event) => sum + event[part].length, 0);
}

function joined(events: readonly NewEvent[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const { data, metadata } of events) {
    bytes.set(data, at);
    bytes.set(metadata, at + data.length);
    at += data.length + metadata.length;
  }
  return bytes;
}
