import { status, type Metadata, type ServiceError } from '@grpc/grpc-js';
import { STATUS_KEY, decodeStatus, type StatusDetails, type Violation } from '#grpc-messages';

/** What the ledger answered instead of what was asked. */
export class LedgerError extends Error {
  constructor(
    /** The stable code, such as `PURPOSE_NOT_FOUND`; gRPC's own name where the ledger itself did not answer. */
    readonly code: string,
    /** gRPC's number. */
    readonly grpcCode: status,
    /** What is wrong with which field. */
    readonly violations: readonly Violation[],
    /** When it may be asked again; undefined where that would be of no use, or is not known. */
    readonly retryAfterMs: number | undefined,
    /** By which the log of the service names the call. */
    readonly requestId: string | undefined,
    message: string,
  ) {
    super(message);
    this.name = 'LedgerError';
  }

  /**
   * Whether the same may be asked again. An overload is only one where the ledger says so: a body that is too large stays
   * so. A race that was lost is no fault of any field; a place to watch from that is not of this ledger is one.
   */
  get isPassing(): boolean {
    if (this.grpcCode === status.UNAVAILABLE) return true;
    if (this.grpcCode === status.ABORTED) return this.violations.length === 0;
    return this.grpcCode === status.RESOURCE_EXHAUSTED && this.retryAfterMs !== undefined;
  }
}

/** Of a stream that was ended by whoever stands between: the ledger itself has refused nothing. */
class BrokenOff extends LedgerError {
  override get isPassing(): boolean {
    return true;
  }
}

/** What a stream failed with, where the ledger or gRPC said it. */
export function known(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && 'metadata' in error)) return error;
  return isReset(error as ServiceError)
    ? errorOf(BrokenOff, error as ServiceError)
    : ledgerErrorOf(error as ServiceError);
}

/**
 * Whether a stream ended without a word of the ledger, which gives a reason for whatever it refuses: by RST_STREAM, as it
 * and proxies end one that is taken too slowly, or by a status of a proxy's own. A message that is too long stays so.
 */
function isReset({ code, details, metadata }: ServiceError): boolean {
  if (detailsIn(metadata).reason !== undefined) return false;
  const { CANCELLED, INTERNAL, UNKNOWN, RESOURCE_EXHAUSTED } = status;
  return code === RESOURCE_EXHAUSTED ? !TOO_LONG.test(details) : [CANCELLED, INTERNAL, UNKNOWN].includes(code);
}

/** As gRPC says it, on this side and on the other. */
const TOO_LONG = /larger than max/;

export function brokenOff(): LedgerError {
  return ownError(status.UNAVAILABLE, 'the stream broke off');
}

export function silent(about: string): LedgerError {
  return ownError(status.INTERNAL, `the answer does not say ${about}`);
}

export function overdue(): LedgerError {
  return ownError(status.DEADLINE_EXCEEDED, 'no answer in time');
}

/** Where this side itself has nothing to tell of what the ledger thinks. The text never repeats a value. */
export function ownError(code: status, what: string): LedgerError {
  const name = status[code];
  return new LedgerError(name, code, [], undefined, undefined, `${name}: ${what}`);
}

export function ledgerErrorOf(error: ServiceError): LedgerError {
  return errorOf(LedgerError, error);
}

function errorOf(Kind: typeof LedgerError, error: ServiceError): LedgerError {
  const { reason, violations = [], retryAfterMs, requestId } = detailsIn(error.metadata);
  return new Kind(
    reason ?? status[error.code] ?? String(error.code),
    error.code,
    violations,
    retryAfterMs,
    requestId,
    `${reason ?? status[error.code]}: ${error.details}`,
  );
}

/** Something between here and the ledger may have answered, in a form of its own. */
function detailsIn(metadata: Metadata | undefined): StatusDetails {
  const [bytes] = metadata?.get(STATUS_KEY) ?? [];
  if (!(bytes instanceof Buffer)) return {};
  try {
    return decodeStatus(bytes).details;
  } catch {
    return {};
  }
}
