import type { NewEvent } from '#event-store';
import { encoded, ProtoReader, type ProtoWriter } from '#protobuf';
import { readTarget, readUuid, writePosition, type Expectation, type Target } from './shared.js';

/** A message of an Append call: first the target, then one event after the other. */
export interface AppendRequest {
  readonly target?: Target;
  readonly event?: NewEvent;
}

export function decodeAppendRequest(bytes: Buffer): AppendRequest {
  const request = new ProtoReader(bytes);
  let content: AppendRequest = {};
  while (request.next()) {
    if (request.field === 1) content = { target: readTarget(request.message()) };
    else if (request.field === 2) content = { event: readProposedEvent(request.message()) };
    else request.skip();
  }
  return content;
}

const NO_BYTES: Buffer = Buffer.alloc(0);

/** The bytes of data and metadata are views of the request. */
export function readProposedEvent(message: ProtoReader): NewEvent {
  let [id, type, data, metadata] = ['', '', NO_BYTES, NO_BYTES];
  while (message.next()) {
    if (message.field === 1) id = readUuid(message.message());
    else if (message.field === 2) type = typeIn(message.message()) ?? type;
    else if (message.field === 3) metadata = message.bytesValue();
    else if (message.field === 4) data = message.bytesValue();
    else message.skip();
  }
  return { id, type, data, metadata };
}

/** An entry of the map in which an event's type travels; what content the bytes have is read from the bytes. */
function typeIn(entry: ProtoReader): string | undefined {
  let [key, value] = ['', ''];
  while (entry.next()) {
    if (entry.field === 1) key = entry.string();
    else if (entry.field === 2) value = entry.string();
    else entry.skip();
  }
  return key === 'type' ? value : undefined;
}

/** Where an append has come to; `n` is undefined for what has no place in the ledger. */
export interface Written {
  readonly revision: number;
  readonly n: number | undefined;
}

export function encodeAppended(written: Written): Buffer {
  return encoded((response) => response.message(1, (success) => writeWritten(success, written)));
}

export function writeWritten(success: ProtoWriter, { revision, n }: Written): void {
  success.uint(1, revision);
  if (n === undefined) success.empty(4);
  else writePosition(success, 3, n);
}

/** The stream is at another revision; `actual` is undefined where there is no stream. */
export interface WrongVersion {
  readonly expected: Expectation;
  readonly actual: number | undefined;
}

/** A lost race is an ordinary reply of Append. Without one of both arms the client would wait for ever. */
export function encodeWrongVersion({ expected, actual }: WrongVersion): Buffer {
  return encoded((response) =>
    response.message(2, (wrong) => {
      if (actual === undefined) wrong.empty(7);
      else wrong.uint(6, actual);
      if (typeof expected === 'number') wrong.uint(8, expected);
      else wrong.empty({ any: 9, exists: 10, none: 11 }[expected]);
    }),
  );
}
