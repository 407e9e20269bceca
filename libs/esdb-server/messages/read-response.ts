import { isUtf8 } from 'node:buffer';
import { depthOf, type StoredEvent } from '#event-store';
import { encoded, type ProtoWriter } from '#protobuf';
import { writePosition, writeStreamName, writeUuid, writeUuidBits } from './shared.js';

/** The start, where no event lives: clients insist on a position, and what is kept beside the ledger has none. */
const NO_PLACE = 0;
const TICKS_PER_MS = 10_000;

/** An event as it is served; a stream's metadata has no position. */
export type ServedEvent = Omit<StoredEvent, 'position'> & { readonly position: StoredEvent['position'] | undefined };

export function encodeEvent(event: ServedEvent, { uuidBits }: { readonly uuidBits: boolean }): Buffer {
  const n = event.position === undefined ? NO_PLACE : depthOf(event.position);
  return encoded((response) =>
    response.message(1, (read) => {
      read.message(1, (recorded) => writeRecorded(recorded, event, n, uuidBits));
      read.uint(3, n);
    }),
  );
}

function writeRecorded(recorded: ProtoWriter, event: ServedEvent, n: number, uuidBits: boolean): void {
  if (uuidBits) writeUuidBits(recorded, 1, event.id);
  else writeUuid(recorded, 1, event.id);
  writeStreamName(recorded, 2, event.stream);
  recorded.uint(3, Number(event.revision)).uint(4, n).uint(5, n);
  writeEntry(recorded, 'type', event.type);
  writeEntry(recorded, 'content-type', isJson(event.data) ? 'application/json' : 'application/octet-stream');
  writeEntry(recorded, 'created', String(createdTicks(event.metadata)));
  recorded.data(7, event.metadata).data(8, event.data);
}

function writeEntry(recorded: ProtoWriter, key: string, value: string): void {
  recorded.message(6, (entry) => entry.string(1, key).string(2, value));
}

/** Clients parse what is called JSON, so it must be. */
function isJson(bytes: Uint8Array): boolean {
  return isUtf8(bytes) && parsed(bytes) !== undefined;
}

/** The moment at which the ledger heard of the event, by its own metadata, in ticks of 100 ns since 1970. */
function createdTicks(metadata: Uint8Array): number {
  const read = parsed(metadata);
  const known = typeof read === 'object' && read !== null && 'recordedAt' in read ? read.recordedAt : undefined;
  const ms = typeof known === 'string' ? Date.parse(known) : NaN;
  return Number.isNaN(ms) ? 0 : ms * TICKS_PER_MS;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch {
    return undefined;
  }
}

export function encodeConfirmation(subscriptionId: string): Buffer {
  return encoded((response) => response.message(2, (confirmation) => confirmation.string(1, subscriptionId)));
}

/** Everything up to here has been looked at. */
export function encodeCheckpoint(n: number): Buffer {
  return encoded((response) => writePosition(response, 3, n));
}

export function encodeStreamNotFound(stream: string): Buffer {
  return encoded((response) => response.message(4, (notFound) => writeStreamName(notFound, 1, stream)));
}

/** How far a subscription has come, when it has caught up or fallen behind. */
export interface Reached {
  readonly revision?: number;
  readonly n?: number;
}

export function encodeCaughtUp(reached: Reached): Buffer {
  return encoded((response) => response.message(8, (mark) => writeReached(mark, reached)));
}

export function encodeFellBehind(reached: Reached): Buffer {
  return encoded((response) => response.message(9, (mark) => writeReached(mark, reached)));
}

function writeReached(mark: ProtoWriter, { revision, n }: Reached): void {
  const now = Date.now();
  mark.message(1, (time) => time.uint(1, Math.floor(now / 1_000)).uint(2, (now % 1_000) * 1_000_000));
  if (revision !== undefined) mark.uint(2, revision);
  if (n !== undefined) writePosition(mark, 3, n);
}
