import { HttpException } from '@nestjs/common';
import { type ErrorCode, ERRORS, type FieldError, type Problem, problemOf, Refusal } from './errors.js';
import { schemaErrors } from './schema-errors.js';

const PROBLEM_TYPE = 'application/problem+json';

export interface ProblemAnswer {
  readonly problem: Problem;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Set where something of ours broke: log the error itself, since the answer says nothing about it. */
  readonly internal?: true;
}

/** The `instance` of a problem: names the request, and nothing in it. */
export function instanceOf(requestId: string): string {
  return `urn:request:${requestId.replaceAll(/[^A-Za-z0-9._~-]/g, '').slice(0, 100)}`;
}

/**
 * Turns whatever was thrown into the answer. Never throws, never repeats a value of the request, and tells of an
 * unexpected error only that there was one.
 */
export function toProblem(error: unknown, instance: string): ProblemAnswer {
  const refusal = refusalOf(error);
  const answered = refusal ?? new Refusal('INTERNAL', 'The request could not be served; the log has the cause.');
  const problem = problemOf(answered, instance);
  return {
    problem,
    status: problem.status,
    headers: { 'content-type': PROBLEM_TYPE, 'cache-control': 'no-store', ...headersOf(answered) },
    ...(answered.code === 'INTERNAL' ? { internal: true as const } : {}),
  };
}

function headersOf({ code, more }: Refusal): Record<string, string> {
  const challenge: Record<string, string> = code === 'UNAUTHENTICATED' ? { 'www-authenticate': 'Bearer' } : {};
  const { retryAfterMs } = more;
  if (retryAfterMs === undefined || !Number.isFinite(retryAfterMs)) return challenge;
  return { ...challenge, 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) };
}

/** The refusal that an error amounts to; undefined where it is none of the caller's doing. */
function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return Object.hasOwn(ERRORS, error.code) ? error : undefined;
  if (error instanceof HttpException) return fastifyRefusal(error.cause) ?? statusRefusal(error.getStatus());
  return fastifyRefusal(error);
}

const FASTIFY_CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['BODY_TOO_LARGE', 'Send a smaller body.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE', 'Send JSON with content-type application/json.'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['VALIDATION_FAILED', 'The body is empty: send one JSON value.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['VALIDATION_FAILED', 'The body is not JSON.'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['VALIDATION_FAILED', 'The body is not as long as its Content-Length says.'],
  FST_ERR_BAD_URL: ['VALIDATION_FAILED', 'The URL cannot be read: check its percent-encoding.'],
  FST_ERR_INVALID_URL: ['VALIDATION_FAILED', 'The URL cannot be read.'],
  FST_ERR_MAX_PARAM_LENGTH: ['VALIDATION_FAILED', 'A part of the path is too long.'],
  FST_ERR_NOT_FOUND: ['NOT_FOUND', 'No route has this method and path.'],
  FST_ERR_HANDLER_TIMEOUT: ['OVERLOADED', 'The request took too long.'],
};

function fastifyRefusal(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  if (error.code === 'FST_ERR_VALIDATION' || ('validation' in error && Array.isArray(error.validation))) {
    return invalid(schemaErrors(error));
  }
  const known = Object.hasOwn(FASTIFY_CODES, error.code) ? FASTIFY_CODES[error.code] : undefined;
  if (known) return new Refusal(...known);
  const status = 'statusCode' in error ? error.statusCode : undefined;
  const callersMistake = typeof status === 'number' && status >= 400 && status < 500;
  return error.code.startsWith('FST_') && callersMistake ? statusRefusal(status) : undefined;
}

/** The refusal of a request in which these fields are wrong. */
export function invalid(errors: readonly FieldError[]): Refusal {
  return new Refusal('VALIDATION_FAILED', 'One or more fields are not valid.', { errors });
}

const STATUS_CODES: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  401: ['UNAUTHENTICATED', 'Send a key: Authorization: Bearer <key>.'],
  403: ['FORBIDDEN', 'The key has not the scope that this needs.'],
  404: ['NOT_FOUND', 'No route has this method and path.'],
  405: ['NOT_FOUND', 'No route has this method and path.'],
  409: ['CONFLICT', 'Read again and retry.'],
  413: ['BODY_TOO_LARGE', 'Send a smaller body.'],
  415: ['UNSUPPORTED_MEDIA_TYPE', 'Send JSON with content-type application/json.'],
  429: ['RATE_LIMITED', 'Send fewer requests.'],
  503: ['OVERLOADED', 'Try again in a while.'],
};

/** By status alone: the messages of frameworks may repeat the URL, so none of them is passed on. */
function statusRefusal(status: number): Refusal | undefined {
  const known = STATUS_CODES[status];
  if (known) return new Refusal(...known);
  return status >= 400 && status < 500 ? new Refusal('VALIDATION_FAILED', 'The request cannot be read.') : undefined;
}
