import { Metadata, type StatusObject } from '@grpc/grpc-js';
import { STATUS_KEY, encodeStatus } from '#grpc-messages';
import { ERRORS, Refusal, invalid, type FieldError } from '#platform';
import { MalformedMessage } from '#protobuf';
import { asRefusal } from '../failures.js';

/**
 * The status of whatever was thrown: the table that HTTP answers by, with the code as reason and all else in the details.
 * Never repeats a value of the request, and of an unexpected error tells only that there was one.
 */
export function statusOf(error: unknown, requestId: string): StatusObject {
  const refusal = refusalOf(error) ?? INTERNAL;
  const { grpc: code } = ERRORS[refusal.code];
  const { errors, retryAfterMs } = refusal.more;
  const metadata = new Metadata();
  const details = {
    reason: refusal.code,
    ...(errors ? { violations: errors.map(violationOf) } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    requestId,
  };
  metadata.set(STATUS_KEY, encodeStatus({ code, message: refusal.detail, details }));
  return { code, details: refusal.detail, metadata };
}

/** Undefined where it is none of the caller's doing, but a mistake of ours. */
export function refusalOf(error: unknown): Refusal | undefined {
  const known = error instanceof MalformedMessage ? malformed() : asRefusal(error);
  return known instanceof Refusal && known.code !== 'INTERNAL' ? known : undefined;
}

const INTERNAL = new Refusal('INTERNAL', 'The call could not be served; the log has the cause.');

function malformed(): Refusal {
  const message = 'Send the message as the .proto file has it, with texts in UTF-8.';
  return invalid([{ field: 'message', code: 'MALFORMED', message }]);
}

function violationOf({ field, code, message }: FieldError) {
  return { field: protoPath(field), description: message, reason: code };
}

/** `recipient.whatsappUserId` as the .proto file names it. */
export function protoPath(field: string): string {
  return NAMED_OTHERWISE.get(field) ?? field.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const NAMED_OTHERWISE = new Map([
  ['Idempotency-Key', 'idempotency-key'],
  ['from', 'from_position'],
]);
