import {
  status,
  type handleUnaryCall,
  type Metadata,
  type ServerDuplexStream,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { Refusal } from '#platform';
import { stopping } from '../failures.js';
import type { Parts } from '../parts.js';
import { Asked } from './asked.js';
import type { Entry, Gate } from './gate.js';
import type { ServedMethod } from './methods.js';
import { refusalOf, statusOf } from './status.js';

/** The answer's bytes, and what is said beside them. */
export interface Reply {
  readonly bytes: Buffer;
  readonly trailer?: Metadata;
}

/** May throw, at once or later: what it throws becomes the status of the call. */
export type UnaryWork = (asked: Asked, message: Buffer) => Buffer | Promise<Reply>;

/** How a stream comes to its end before its work is done. */
export interface Ending {
  /** Aborts when the caller has gone, the service stops or `end` is called. */
  readonly signal: AbortSignal;
  /** With what the caller is to be told. */
  end(reason: unknown): void;
}

export type Duplex = ServerDuplexStream<Buffer, Buffer>;
type AnyStream = Duplex | ServerWritableStream<Buffer, Buffer>;

/** Settles when there is nothing more to answer. */
export type StreamWork<Call> = (asked: Asked, call: Call, ending: Ending) => Promise<void>;

interface EndedCall {
  readonly cancelled: boolean;
  getDeadline(): Date | number;
}

/** Puts what all methods have in common around them: a status for what goes wrong, and a place in the metrics. */
export class Calls {
  /** Of the streams under way. */
  private readonly endings = new Set<(reason: unknown) => void>();

  constructor(
    private readonly parts: Parts,
    private readonly gate: Gate,
  ) {}

  unary(method: ServedMethod, work: UnaryWork): handleUnaryCall<Buffer, Buffer> {
    return (call, callback) => {
      const entry = this.gate.entryOf(call.metadata);
      const asked = new Asked(entry.principal, call.metadata);
      const answer = ({ bytes, trailer }: Reply) => {
        this.settle(method, entry, call, status.OK);
        callback(null, bytes, trailer);
      };
      const fail = (error: unknown) => {
        const answered = this.statusOf(method, asked, error);
        this.settle(method, entry, call, answered.code);
        callback(answered);
      };
      try {
        // gRPC itself takes messages as long as an opt-out may be, which is turned away for no long reason.
        if (method.revocation !== true) requireInLimit(this.parts, call.request);
        const replied = work(asked, call.request);
        if (replied instanceof Promise) void replied.then(answer, fail);
        else answer({ bytes: replied });
      } catch (error) {
        fail(error);
      }
    };
  }

  stream<Call extends AnyStream>(method: ServedMethod, work: StreamWork<Call>): (call: Call) => void {
    return (call) => {
      const entry = this.gate.entryOf(call.metadata);
      const asked = new Asked(entry.principal, call.metadata);
      this.untilEnded(call, (ending) => work(asked, call, ending)).then(
        () => {
          entry.ending();
          this.settle(method, entry, call, status.OK);
          call.end();
        },
        (error: unknown) => {
          const answered = this.statusOf(method, asked, error);
          entry.ending();
          this.settle(method, entry, call, answered.code);
          // A stream is ended by an event: destroying it would drop its status.
          if (!call.cancelled) call.emit('error', answered);
        },
      );
    };
  }

  /** The service stops: streams end with the status that means to call again elsewhere. */
  endStreams(): void {
    for (const end of this.endings) end(stopping());
  }

  /** Settles with the work, or before it where the caller goes or the service stops. */
  private async untilEnded(call: AnyStream, work: (ending: Ending) => Promise<void>): Promise<void> {
    const ended = new AbortController();
    const early = new Promise<never>((_, reject) => {
      ended.signal.addEventListener('abort', () => reject(ended.signal.reason as Error), { once: true });
    });
    const end = (reason: unknown) => ended.abort(reason);
    call.on('cancelled', () => end(gone()));
    if (call.cancelled) end(gone());
    this.endings.add(end);
    try {
      await Promise.race([work({ signal: ended.signal, end }), early]);
    } finally {
      this.endings.delete(end);
      ended.abort();
    }
  }

  /** Logs what is ours to mend. */
  private statusOf({ path }: ServedMethod, { requestId }: Asked, error: unknown) {
    if (refusalOf(error) === undefined) {
      this.parts.log.error({ err: error, requestId, method: path }, 'a call failed');
    }
    return statusOf(error, requestId);
  }

  /** Its work has ended: it is counted. */
  private settle({ path }: ServedMethod, entry: Entry, call: EndedCall, code: number): void {
    const seconds = (performance.now() - entry.sinceMs) / 1_000;
    this.parts.metrics.grpcCall(path, call.cancelled ? endingOf(call) : code, seconds);
  }
}

/** Throws where the message is longer than one that is no opt-out may be. */
export function requireInLimit({ config }: Parts, message: Buffer): void {
  const { bodyBytes } = config.limits;
  if (message.length > bodyBytes) {
    throw new Refusal('BODY_TOO_LARGE', `Send at most ${bodyBytes} bytes in one message.`);
  }
}

/** Of a call that was over before its work was done. */
function endingOf(call: EndedCall): number {
  return Number(call.getDeadline()) <= Date.now() ? status.DEADLINE_EXCEEDED : status.CANCELLED;
}

function gone(): Refusal {
  return new Refusal('CONFLICT', 'The caller has gone.');
}
