import { Metadata, status } from '@grpc/grpc-js';
import { EventTooLarge, RevisionConflict, StoreError } from '#event-store';
import type { WrongVersion } from './messages/append.js';
import type { Expectation } from './messages/shared.js';

/** A call that ends with a status other than OK. Clients tell the kinds apart by the trailer `exception`. */
export class Refusal extends Error {
  constructor(
    readonly code: status,
    readonly details: string,
    readonly metadata: Metadata = new Metadata(),
  ) {
    super(details);
  }
}

/** Trailers hold printable ASCII only, and a stream's name may be anything. */
function trailers(exception: string, others: Readonly<Record<string, string>> = {}): Metadata {
  const metadata = new Metadata();
  metadata.set('exception', exception);
  for (const [key, value] of Object.entries(others)) metadata.set(key, value.replace(/[^ -~]/gu, encodeURIComponent));
  return metadata;
}

export function streamDeleted(stream: string): Refusal {
  const details = `Event stream '${stream}' is deleted.`;
  return new Refusal(status.FAILED_PRECONDITION, details, trailers('stream-deleted', { 'stream-name': stream }));
}

/** The numbers by which EventStoreDB writes the words. */
const NUMBERS: Readonly<Record<Exclude<Expectation, number>, number>> = { none: -1, any: -2, exists: -4 };

/** Of Delete and Tombstone, where a lost race is a status; clients read its text too, so the text is EventStoreDB's. */
export function wrongVersion(stream: string, { expected, actual }: WrongVersion): Refusal {
  const wanted = typeof expected === 'number' ? expected : NUMBERS[expected];
  const details = `Delete failed due to WrongExpectedVersion. Stream: ${stream}, Expected version: ${wanted}, Actual version: ${actual ?? -1}`;
  const others = {
    'stream-name': stream,
    'expected-version': String(wanted),
    ...(actual === undefined ? {} : { 'actual-version': String(actual) }),
  };
  return new Refusal(status.FAILED_PRECONDITION, details, trailers('wrong-expected-version', others));
}

export function accessDenied(details: string): Refusal {
  return new Refusal(status.PERMISSION_DENIED, details, trailers('access-denied'));
}

/** Said before anything of an append is taken in, so that it cannot fill the memory. */
export function readOnly(): Refusal {
  return accessDenied('this server is for reading only');
}

export function unauthenticated(): Refusal {
  return new Refusal(status.UNAUTHENTICATED, 'the name and the password are not known here');
}

export function invalid(details: string): Refusal {
  return new Refusal(status.INVALID_ARGUMENT, details);
}

export function overloaded(details: string): Refusal {
  return new Refusal(status.RESOURCE_EXHAUSTED, details);
}

export function tooSlow(): Refusal {
  return new Refusal(status.DEADLINE_EXCEEDED, 'the request did not arrive in time');
}

export function gone(): Refusal {
  return new Refusal(status.CANCELLED, 'the client has gone');
}

export function unavailable(details: string): Refusal {
  return new Refusal(status.UNAVAILABLE, details);
}

export function tooLarge(limitBytes: number): Refusal {
  const others = { 'maximum-append-size': String(limitBytes) };
  const metadata = trailers('maximum-append-size-exceeded', others);
  return new Refusal(status.INVALID_ARGUMENT, `an append may hold at most ${limitBytes} bytes`, metadata);
}

/** The status of whatever a call has thrown; undefined where it is a mistake of ours. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof EventTooLarge) return tooLarge(error.limitBytes);
  if (error instanceof RangeError) return invalid(error.message);
  if (error instanceof StoreError && !(error instanceof RevisionConflict)) return unavailable(error.message);
  return undefined;
}
