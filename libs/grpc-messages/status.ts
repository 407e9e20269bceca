import { encoded, ProtoReader } from '#protobuf';
import { always, message, messages, MessageType, text, textMap, uint } from './message-type.js';

/** What the details of a status say, of those kinds of `google.rpc` that this service sends. */
export interface StatusDetails {
  /** `google.rpc.ErrorInfo`: the stable code, such as `PURPOSE_NOT_FOUND`. */
  readonly reason?: string;
  /** `google.rpc.BadRequest`. */
  readonly violations?: readonly Violation[];
  /** `google.rpc.RetryInfo`. */
  readonly retryAfterMs?: number;
  /** `google.rpc.RequestInfo`: by which the log of the service names the call. */
  readonly requestId?: string;
}

export interface Violation {
  readonly field: string;
  readonly description: string;
  readonly reason: string;
}

export interface Status {
  readonly code: number;
  readonly message: string;
  readonly details: StatusDetails;
}

/** Of every `ErrorInfo`: whose codes the reasons are. */
const ERROR_DOMAIN = 'consent-ledger';
/** The metadata in which a call that failed carries its status with the details. */
export const STATUS_KEY = 'grpc-status-details-bin';

interface ErrorInfo {
  readonly reason: string;
  readonly domain: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

const ERROR_INFO = new MessageType<ErrorInfo>({
  reason: always(text(1), ''),
  domain: always(text(2), ''),
  metadata: textMap(3),
});

const VIOLATION = new MessageType<Violation>({
  field: always(text(1), ''),
  description: always(text(2), ''),
  reason: always(text(3), ''),
});
const BAD_REQUEST = new MessageType<{ readonly fieldViolations: readonly Violation[] }>({
  fieldViolations: always(messages(1, VIOLATION), []),
});

interface Duration {
  readonly seconds: number;
  readonly nanos: number;
}

const DURATION = new MessageType<Duration>({ seconds: always(uint(1), 0), nanos: always(uint(2), 0) });
const RETRY_INFO = new MessageType<{ readonly retryDelay?: Duration }>({ retryDelay: message(1, DURATION) });
const REQUEST_INFO = new MessageType<{ readonly requestId: string }>({ requestId: always(text(1), '') });

const TYPES = 'type.googleapis.com/google.rpc.';
const NANOS_PER_MS = 1_000_000;

/** `google.rpc.Status`. */
export function encodeStatus({ code, message: said, details }: Status): Buffer {
  const { reason, violations, retryAfterMs, requestId } = details;
  return encoded((status) => {
    status.uint(1, code).string(2, said);
    const detail = <T extends object>(name: string, type: MessageType<T>, content: T) =>
      status.message(3, (any) => any.string(1, TYPES + name).message(2, (value) => type.write(value, content)));
    if (reason !== undefined) detail('ErrorInfo', ERROR_INFO, { reason, domain: ERROR_DOMAIN });
    if (violations) detail('BadRequest', BAD_REQUEST, { fieldViolations: violations });
    if (retryAfterMs !== undefined) detail('RetryInfo', RETRY_INFO, { retryDelay: durationOf(retryAfterMs) });
    if (requestId !== undefined) detail('RequestInfo', REQUEST_INFO, { requestId });
  });
}

function durationOf(ms: number): Duration {
  return { seconds: Math.floor(ms / 1_000), nanos: Math.round(ms % 1_000) * NANOS_PER_MS };
}

/** Details of other kinds are passed by. */
export function decodeStatus(bytes: Uint8Array): Status {
  const reader = new ProtoReader(Buffer.from(bytes));
  let [code, said, details] = [0, '', {} as StatusDetails];
  while (reader.next()) {
    if (reader.field === 1) code = reader.uint();
    else if (reader.field === 2) said = reader.string();
    else if (reader.field === 3) details = { ...details, ...readDetail(reader.message()) };
    else reader.skip();
  }
  return { code, message: said, details };
}

function readDetail(any: ProtoReader): StatusDetails {
  let [url, value] = ['', Buffer.alloc(0)];
  while (any.next()) {
    if (any.field === 1) url = any.string();
    else if (any.field === 2) value = any.bytesValue() as Buffer<ArrayBuffer>;
    else any.skip();
  }
  return READERS[url.slice(url.lastIndexOf('/') + 1)]?.(value) ?? {};
}

const READERS: Readonly<Record<string, (value: Buffer) => StatusDetails>> = {
  'google.rpc.ErrorInfo': (value) => ({ reason: ERROR_INFO.decode(value).reason }),
  'google.rpc.BadRequest': (value) => ({ violations: BAD_REQUEST.decode(value).fieldViolations }),
  'google.rpc.RetryInfo': (value) => retryOf(RETRY_INFO.decode(value).retryDelay),
  'google.rpc.RequestInfo': (value) => ({ requestId: REQUEST_INFO.decode(value).requestId }),
};

function retryOf(delay: Duration | undefined): StatusDetails {
  return delay ? { retryAfterMs: delay.seconds * 1_000 + delay.nanos / NANOS_PER_MS } : {};
}
