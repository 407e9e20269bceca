import { bytesOf, checkAppend } from '../append-rules.js';
import type { JobCodec } from '#sqlite';
import type { ExpectedRevision, NewEvent } from '../port.js';

/** An append on its way to the writer thread: one block of bytes, because each separate block costs a copy of its own. */
export interface AppendJob {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly EventHead[];
  /** Data and metadata of each event, one after the other. */
  readonly bytes: Uint8Array;
  /** As `repeats` of the port. */
  readonly keepsRepeats?: true;
}

export interface EventHead {
  readonly id: string;
  readonly type: string;
  readonly dataBytes: number;
  readonly metadataBytes: number;
}

/** The way of a lone append to the writer thread. */
export const APPEND_CODEC: JobCodec<AppendJob> = {
  pack: ({ bytes, ...head }) => ({ head, bytes }),
  unpack: ({ head, bytes }) => ({ ...(head as Omit<AppendJob, 'bytes'>), bytes }),
};

export type AppendResult =
  | { readonly revision: number; readonly n: number; readonly replayed: boolean }
  /** Another revision than expected; null: the stream does not exist. */
  | { readonly conflictAt: number | null };

/** Throws `EventTooLarge`, or a `RangeError` where the caller's program is wrong. */
export function packAppend(
  stream: string,
  events: readonly NewEvent[],
  expected: ExpectedRevision,
  maxAppendBytes: number,
): AppendJob {
  checkAppend({ stream, events, expected }, maxAppendBytes);
  const heads = events.map(({ id, type, data, metadata }) => ({
    id,
    type,
    dataBytes: data.length,
    metadataBytes: metadata.length,
  }));
  return {
    stream,
    expected,
    events: heads,
    bytes: joined(events, bytesOf(events, 'data') + bytesOf(events, 'metadata')),
  };
}

/** What `packAppend` packed; data and metadata lie in the bytes of the job. */
export function unpackEvents({ events, bytes }: Pick<AppendJob, 'events' | 'bytes'>): NewEvent[] {
  let at = 0;
  const next = (length: number) => Buffer.from(bytes.buffer, bytes.byteOffset + (at += length) - length, length);
  return events.map(({ id, type, dataBytes, metadataBytes }) => {
    const data = next(dataBytes);
    return { id, type, data, metadata: next(metadataBytes) };
  });
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
