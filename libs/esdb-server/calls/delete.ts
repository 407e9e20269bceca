import { randomUUID } from 'node:crypto';
import { encoded } from '#protobuf';
import type { Context } from '../context.js';
import type { Target } from '../messages/shared.js';
import { accessDenied, readOnly, streamDeleted, wrongVersion } from '../refusal.js';
import { isMet, metadataIn, metastreamOf } from '../system-streams.js';

/**
 * The stream reads as missing from now on; what is appended later goes on after the revisions it had. EventStoreDB calls
 * it a lost race, too, when somebody deletes what was never there, whatever version it is to have.
 */
export async function softDelete(context: Context, target: Target): Promise<Buffer> {
  const last = await lastOfDeletable(context, target);
  if (last === undefined && target.expected === 'any')
    throw wrongVersion(target.stream, { expected: 'any', actual: last });
  if (last !== undefined && last >= context.system.truncatedBefore(target.stream)) {
    truncate(context, target.stream, last + 1);
  }
  return withoutPosition();
}

/**
 * The stream is gone, and nobody appends to its name again, also where it never was. Its events stay in the ledger,
 * which is never changed.
 */
export async function tombstone(context: Context, target: Target): Promise<Buffer> {
  await lastOfDeletable(context, target);
  context.system.tombstone(target.stream);
  return withoutPosition();
}

async function lastOfDeletable({ store, system, writable }: Context, target: Target): Promise<number | undefined> {
  const { stream, expected } = target;
  if (!writable) throw readOnly();
  if (stream.startsWith('$')) throw accessDenied('names that begin with $ are not for deleting here');
  if (system.isTombstoned(stream)) throw streamDeleted(stream);
  const [newest] = await store.readStream(stream, { direction: 'backwards', limit: 1 });
  const last = newest && Number(newest.revision);
  if (!isMet(expected, last)) throw wrongVersion(stream, { expected, actual: last });
  return last;
}

/** The other metadata of the stream stays as it is. */
function truncate({ system }: Context, stream: string, before: number): void {
  const metastream = metastreamOf(stream);
  const newest = system.read(metastream).at(-1);
  const kept = newest ? metadataIn(newest.data) : {};
  const data = Buffer.from(JSON.stringify({ ...kept, $tb: before }));
  const event = { id: randomUUID(), type: '$metadata', data, metadata: Buffer.alloc(0) };
  system.append(metastream, [event], 'any');
}

function withoutPosition(): Buffer {
  return encoded((response) => response.empty(2));
}
