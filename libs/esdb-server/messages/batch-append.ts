import type { NewEvent } from '#event-store';
import { encoded, ProtoReader, type ProtoWriter } from '#protobuf';
import { readProposedEvent, writeWritten, type WrongVersion, type Written } from './append.js';
import { readTargetField, writeStreamName, type Expectation, type Target } from './shared.js';

/** When the caller stops waiting: at a time of its own clock, or a while after we have heard, in milliseconds. */
export type Deadline = { readonly at: number } | { readonly within: number };

export interface BatchTarget extends Target {
  readonly deadline?: Deadline;
}

/** One chunk of an append among many on the same call. */
export interface BatchAppendRequest {
  /** The UUID message as it came, to be sent back as it is. */
  readonly correlation: Buffer;
  /** In the first chunk only. */
  readonly target?: BatchTarget;
  readonly events: readonly NewEvent[];
  readonly isFinal: boolean;
}

export function decodeBatchAppendRequest(bytes: Buffer): BatchAppendRequest {
  const request = new ProtoReader(bytes);
  const events: NewEvent[] = [];
  let correlation: Buffer = Buffer.alloc(0);
  let isFinal = false;
  let target: BatchTarget | undefined;
  while (request.next()) {
    if (request.field === 1) correlation = request.bytesValue();
    else if (request.field === 2) target = readBatchTarget(request.message());
    else if (request.field === 3) events.push(readProposedEvent(request.message()));
    else if (request.field === 4) isFinal = request.bool();
    else request.skip();
  }
  return { correlation, events, isFinal, ...(target ? { target } : {}) };
}

function readBatchTarget(options: ProtoReader): BatchTarget {
  const target = { stream: '', expected: 'any' as Expectation };
  let deadline: Deadline | undefined;
  while (options.next()) {
    if (options.field === 6) deadline = { at: readMilliseconds(options.message()) };
    else if (options.field === 7) deadline = { within: readMilliseconds(options.message()) };
    else if (!readTargetField(options, target)) options.skip();
  }
  return deadline ? { ...target, deadline } : target;
}

/** Timestamp and Duration are both seconds and nanoseconds. */
function readMilliseconds(message: ProtoReader): number {
  let [seconds, nanos] = [0, 0];
  while (message.next()) {
    if (message.field === 1) seconds = Number(BigInt.asIntN(64, message.bits64()));
    else if (message.field === 2) nanos = Number(BigInt.asIntN(64, message.bits64()));
    else message.skip();
  }
  return seconds * 1_000 + nanos / 1_000_000;
}

export type BatchOutcome =
  | ({ readonly is: 'written' } & Written)
  | ({ readonly is: 'wrong-version' } & WrongVersion)
  | { readonly is: 'stream-deleted' | 'access-denied' | 'timeout' | 'unknown' }
  | { readonly is: 'too-large'; readonly limitBytes: number }
  | { readonly is: 'bad-request'; readonly message: string };

export function encodeBatchReply(correlation: Buffer, stream: string, outcome: BatchOutcome): Buffer {
  return encoded((reply) => {
    reply.data(1, correlation);
    if (outcome.is === 'written') reply.message(3, (success) => writeWritten(success, outcome));
    else reply.message(2, (status) => writeStatus(status, stream, outcome));
    writeStreamName(reply, 4, stream);
  });
}

type BatchFailure = Exclude<BatchOutcome, { is: 'written' }>;

/** The codes of `google.rpc.Code`, and the names of the details by which clients tell the failures apart. */
const FAILURES: Readonly<Record<BatchFailure['is'], { code: number; name: string; message: string }>> = {
  'wrong-version': { code: 6, name: 'WrongExpectedVersion', message: 'the stream is at another revision' },
  'stream-deleted': { code: 5, name: 'StreamDeleted', message: 'the stream is deleted' },
  'access-denied': { code: 7, name: 'AccessDenied', message: 'access denied' },
  timeout: { code: 4, name: 'Timeout', message: 'not written in time; the outcome may be unknown' },
  unknown: { code: 2, name: 'Unknown', message: 'unknown' },
  'too-large': { code: 3, name: 'MaximumAppendSizeExceeded', message: 'the append is too large' },
  'bad-request': { code: 3, name: 'BadRequest', message: 'bad request' },
};

/** The details are one `Any`, where `google.rpc.Status` itself has a list of them. */
function writeStatus(status: ProtoWriter, stream: string, failure: BatchFailure): void {
  const { code, name, message } = FAILURES[failure.is];
  status.uint(1, code).string(2, failure.is === 'bad-request' ? failure.message : message);
  status.message(3, (any) => {
    any.string(1, `type.googleapis.com/event_store.client.${name}`);
    any.message(2, (details) => writeDetails(details, stream, failure));
  });
}

function writeDetails(details: ProtoWriter, stream: string, failure: BatchFailure): void {
  if (failure.is === 'stream-deleted') writeStreamName(details, 1, stream);
  if (failure.is === 'too-large') details.uint(1, failure.limitBytes);
  if (failure.is === 'bad-request') details.string(1, failure.message);
  if (failure.is === 'wrong-version') writeVersions(details, failure);
}

function writeVersions(details: ProtoWriter, { expected, actual }: WrongVersion): void {
  if (actual === undefined) details.empty(2);
  else details.uint(1, actual);
  if (typeof expected === 'number') details.uint(3, expected);
  else details.empty({ any: 4, exists: 5, none: 6 }[expected]);
}
