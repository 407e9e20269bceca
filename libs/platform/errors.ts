/**
 * The one table of error codes. A code never changes its meaning; HTTP answers carry it in Problem Details (RFC 9457),
 * gRPC answers in `google.rpc.ErrorInfo.reason`. Over gRPC a batch that is too large is an invalid argument: clients send
 * again what `RESOURCE_EXHAUSTED` (8) turned away, and that one would never pass.
 */
export const ERRORS = {
  VALIDATION_FAILED: { http: 400, grpc: 3, title: 'The request is not valid' },
  ADDRESS_INVALID: { http: 400, grpc: 3, title: 'The address cannot be read' },
  CHANNEL_UNKNOWN: { http: 400, grpc: 3, title: 'The channel is not known' },
  UNAUTHENTICATED: { http: 401, grpc: 16, title: 'The caller is not known' },
  FORBIDDEN: { http: 403, grpc: 7, title: 'The key may not do this' },
  BUSINESS_NOT_FOUND: { http: 404, grpc: 5, title: 'There is no such business' },
  PURPOSE_NOT_FOUND: { http: 404, grpc: 5, title: 'The purpose is not registered' },
  DISCLOSURE_NOT_FOUND: { http: 404, grpc: 5, title: 'The disclosure is not published' },
  SENDER_NOT_FOUND: { http: 404, grpc: 5, title: 'The sender is not registered' },
  RECIPIENT_NOT_FOUND: { http: 404, grpc: 5, title: 'Nothing is recorded of this recipient' },
  NOT_FOUND: { http: 404, grpc: 5, title: 'There is nothing here' },
  PURPOSE_CATEGORY_FIXED: { http: 409, grpc: 9, title: 'The category of a purpose cannot change' },
  PURPOSE_RETIRED: { http: 409, grpc: 9, title: 'The purpose is retired' },
  DISCLOSURE_RETIRED: { http: 409, grpc: 9, title: 'The disclosure is retired' },
  SENDER_TAKEN: { http: 409, grpc: 6, title: 'The sender is bound to another business' },
  CONFLICT: { http: 409, grpc: 10, title: 'Others changed the same thing at the same time' },
  BODY_TOO_LARGE: { http: 413, grpc: 8, title: 'The body is too large' },
  BATCH_TOO_LARGE: { http: 413, grpc: 3, title: 'The batch is too large' },
  UNSUPPORTED_MEDIA_TYPE: { http: 415, grpc: 3, title: 'The media type is not supported' },
  OCCURRED_IN_FUTURE: { http: 422, grpc: 9, title: 'The time lies in the future' },
  OCCURRED_AT_REQUIRED: { http: 422, grpc: 9, title: 'The time is required' },
  DISCLOSURE_REQUIRED: { http: 422, grpc: 9, title: 'A disclosure is required' },
  DISCLOSURE_DOES_NOT_COVER: { http: 422, grpc: 9, title: 'The disclosure does not cover the grant' },
  DISCLOSURE_INCOMPLETE: { http: 422, grpc: 9, title: 'The disclosure lacks what it must say' },
  IDEMPOTENCY_KEY_REUSED: { http: 422, grpc: 9, title: 'The idempotency key belongs to another request' },
  RATE_LIMITED: { http: 429, grpc: 8, title: 'Too many requests' },
  INTERNAL: { http: 500, grpc: 13, title: 'Something broke inside the service' },
  LEDGER_UNAVAILABLE: { http: 503, grpc: 14, title: 'The ledger cannot be reached or written' },
  OVERLOADED: { http: 503, grpc: 8, title: 'The service is overloaded' },
  NOT_CONFIGURED: { http: 503, grpc: 9, title: 'This part is not configured' },
} as const satisfies Record<string, { http: number; grpc: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** What is wrong with one field, in words that name the remedy and never repeat the value. */
export interface FieldError {
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

/** A refusal that the caller can understand and mend. Everything else that is thrown becomes `INTERNAL`. */
export class Refusal extends Error {
  constructor(
    readonly code: ErrorCode,
    /** One sentence for people, without personal data. */
    readonly detail: string,
    readonly more: { readonly errors?: readonly FieldError[]; readonly retryAfterMs?: number } = {},
  ) {
    super(`${code}: ${detail}`);
  }
}

/** RFC 9457 Problem Details with our stable `code`. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly errors?: readonly FieldError[];
  readonly instance?: string;
}

export function problemOf(refusal: Refusal, instance?: string): Problem {
  const { http, title } = ERRORS[refusal.code];
  return {
    type: `urn:consent-ledger:problem:${refusal.code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status: http,
    detail: refusal.detail,
    code: refusal.code,
    ...(refusal.more.errors ? { errors: refusal.more.errors } : {}),
    ...(instance === undefined ? {} : { instance }),
  };
}
