import { describe, expect, it } from '@jest/globals';
import { encoded } from '#protobuf';
import protobuf from 'protobufjs';
import { GRANT_REQUEST } from './consent.js';
import { decodeStatus, encodeStatus } from './status.js';

/** As googleapis publishes them, in as far as they are sent. */
const { root } = protobuf.parse(
  `syntax = "proto3";
   package google.rpc;
   message Any { string type_url = 1; bytes value = 2; }
   message Duration { int64 seconds = 1; int32 nanos = 2; }
   message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
   message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
   message RetryInfo { Duration retry_delay = 1; }
   message RequestInfo { string request_id = 1; string serving_data = 2; }
   message BadRequest {
     message FieldViolation { string field = 1; string description = 2; string reason = 3; }
     repeated FieldViolation field_violations = 1;
   }`,
);

function decoded(bytes: Uint8Array) {
  const type = root.lookupType('google.rpc.Status');
  const { code, message, details } = type.toObject(type.decode(bytes), { longs: Number }) as {
    code: number;
    message: string;
    details: readonly { typeUrl: string; value: Uint8Array }[];
  };
  const read = details.map(({ typeUrl, value }) => {
    const detail = root.lookupType(typeUrl.replace('type.googleapis.com/', ''));
    return [typeUrl, detail.toObject(detail.decode(value), { longs: Number })];
  });
  return { code, message, details: Object.fromEntries(read) as unknown };
}

describe('google.rpc.Status', () => {
  const status = {
    code: 8,
    message: 'Too many at once.',
    details: {
      reason: 'OVERLOADED',
      violations: [{ field: 'checks[3].recipient', description: 'Give one address.', reason: 'NONE' }],
      retryAfterMs: 1_250,
      requestId: 'a-request',
    },
  };

  it('is written so that others read every detail', () => {
    expect(decoded(encodeStatus(status))).toEqual({
      code: 8,
      message: 'Too many at once.',
      details: {
        'type.googleapis.com/google.rpc.ErrorInfo': { reason: 'OVERLOADED', domain: 'consent-ledger' },
        'type.googleapis.com/google.rpc.BadRequest': { fieldViolations: status.details.violations },
        'type.googleapis.com/google.rpc.RetryInfo': { retryDelay: { seconds: 1, nanos: 250_000_000 } },
        'type.googleapis.com/google.rpc.RequestInfo': { requestId: 'a-request' },
      },
    });
  });

  it('is read back, and details of other kinds are passed by', () => {
    const other = encoded((writer) =>
      writer.message(3, (any) => any.string(1, 'type.googleapis.com/google.rpc.Help').data(2, Buffer.from([9, 9]))),
    );
    expect(decodeStatus(Buffer.concat([other, encodeStatus(status)]))).toEqual(status);
  });
});

describe('an instant', () => {
  const actedAt = (seconds: bigint, nanos: number) =>
    GRANT_REQUEST.decode(encoded((writer) => writer.message(9, (time) => time.bits64(1, seconds).uint(2, nanos))))
      .occurredAt;

  it.each([
    [0n, 0, '1970-01-01T00:00:00.000Z'],
    [951_782_400n, 1_000_000, '2000-02-29T00:00:00.001Z'],
    [1n, 500, '1970-01-01T00:00:01.000000500Z'],
    [253_402_300_799n, 999_999_999, '9999-12-31T23:59:59.999999999Z'],
  ])('of %i seconds and %i nanoseconds is %s', (seconds, nanos, text) => {
    expect(actedAt(seconds, nanos)).toBe(text);
  });

  it.each([
    [253_402_300_800n, 0],
    [-1n, 0],
    [0n, 1_000_000_000],
  ])('of %i seconds and %i nanoseconds is none', (seconds, nanos) => {
    expect(actedAt(seconds, nanos)).toBe('unreadable');
  });
});
