import { status } from '@grpc/grpc-js';
import type { MessageType } from '#grpc-messages';
import { ownError } from './errors.js';

const WRONG_KIND = 'a member of the request is of another type than it should be';

/** The bytes of a request. Throws a `LedgerError` where it cannot be sent: callers in JavaScript may hand over anything. */
export function bytesOf<Request extends object>(type: MessageType<Request>, request: Request): Buffer {
  try {
    return type.encode(request);
  } catch (error) {
    // What a time should look like is said in words of our own; other errors quote the value, which may be an address.
    throw ownError(status.INVALID_ARGUMENT, error instanceof RangeError ? error.message : WRONG_KIND);
  }
}

/** The answer in some bytes. Throws a `LedgerError` where they hold none: something in between may have answered. */
export function answerIn<Answer extends object>(type: MessageType<Answer>, bytes: Buffer): Answer {
  try {
    return type.decode(bytes);
  } catch {
    throw ownError(status.INTERNAL, 'the answer is not understood');
  }
}

/** The same request, to be answered from no earlier than there: of a field that comes twice the last counts. */
export function asOf<Request extends object>(
  type: MessageType<Request>,
  bytes: Buffer,
  atLeast: string | undefined,
): Buffer {
  return atLeast === undefined ? bytes : Buffer.concat([bytes, type.encode({ atLeast } as Request)]);
}
