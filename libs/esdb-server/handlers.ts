import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type ServerDuplexStream,
  type ServerReadableStream,
  status,
} from '@grpc/grpc-js';
import type { Admission } from './admission.js';
import { Outlet } from './calls/outlet.js';
import type { ReadRequest } from './messages/read-request.js';
import { Refusal, refusalOf, unavailable } from './refusal.js';

/** A call of any kind, as far as it can be ended early. */
interface EndableCall {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  on(event: 'cancelled', listener: () => void): unknown;
  emit(event: 'error', error: Error): unknown;
}

/** Puts what all calls have in common around them: admission, and a status for whatever goes wrong. */
export class Handlers {
  /** Of the calls that would go on for ever. */
  private readonly endings = new Set<(refusal: Refusal) => void>();

  constructor(
    private readonly admission: Admission,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** What clients ask before they have said who they are. `host` is the address by which they have come. */
  anybody(work: (host: string) => Buffer): handleUnaryCall<unknown, Buffer> {
    return (call, callback) => callback(null, work(call.getHost()));
  }

  unary<Request>(work: (request: Request) => Promise<Buffer>): handleUnaryCall<Request, Buffer> {
    return (call, callback) => {
      this.admitted(call.metadata, () => work(call.request)).then(
        (response) => callback(null, response),
        (error: unknown) => callback(this.statusOf(error)),
      );
    };
  }

  clientStream<Request>(
    work: (call: ServerReadableStream<Request, Buffer>) => Promise<Buffer>,
  ): handleClientStreamingCall<Request, Buffer> {
    return (call, callback) => {
      this.admitted(call.metadata, () => work(call)).then(
        (response) => callback(null, response),
        (error: unknown) => callback(this.statusOf(error)),
      );
    };
  }

  bidi<Request>(
    work: (call: ServerDuplexStream<Request, Buffer>) => Promise<void>,
  ): handleBidiStreamingCall<Request, Buffer> {
    return (call) => {
      this.admitted(call.metadata, () => this.endable(call, () => work(call))).then(
        () => call.end(),
        (error: unknown) => void call.emit('error', this.statusOf(error)),
      );
    };
  }

  serverStream(
    work: (request: ReadRequest, outlet: Outlet) => Promise<void>,
  ): handleServerStreamingCall<ReadRequest, Buffer> {
    return (call) => {
      const isLong = call.request.count === 'subscription';
      const reading = (signal: AbortSignal) => work(call.request, new Outlet(call, signal));
      const subscribed = (signal: AbortSignal) => this.subscribed(() => reading(signal));
      this.admitted(call.metadata, () => this.endable(call, isLong ? subscribed : reading)).then(
        () => call.end(),
        (error: unknown) => {
          if (!call.cancelled) call.emit('error', this.statusOf(error));
        },
      );
    };
  }

  /** The server stops: long calls end with a status that clients take for a reason to call elsewhere or later. */
  endAll(): void {
    for (const end of this.endings) end(unavailable('the server is stopping'));
  }

  private async admitted<T>(metadata: Metadata, work: () => Promise<T>): Promise<T> {
    await this.admission.admit(metadata);
    try {
      return await work();
    } finally {
      this.admission.release();
    }
  }

  private async subscribed(work: () => Promise<void>): Promise<void> {
    this.admission.admitSubscription();
    try {
      await work();
    } finally {
      this.admission.releaseSubscription();
    }
  }

  /** Ends with the reader, with the reader's password, or with the server, whichever comes first. */
  private async endable(call: EndableCall, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const ended = new AbortController();
    const end = (refusal: Refusal) => ended.abort(refusal);
    call.on('cancelled', () => end(new Refusal(status.CANCELLED, 'the client has gone')));
    if (call.cancelled) end(new Refusal(status.CANCELLED, 'the client has gone'));
    const unwatch = this.admission.watch(call.metadata, end);
    this.endings.add(end);
    const aborted = new Promise<never>((_, reject) => {
      ended.signal.addEventListener('abort', () => reject(ended.signal.reason as Refusal), { once: true });
    });
    try {
      await Promise.race([work(ended.signal), aborted]);
      ended.signal.throwIfAborted();
    } finally {
      unwatch();
      this.endings.delete(end);
      ended.abort();
    }
  }

  private statusOf(error: unknown): Refusal {
    const known = refusalOf(error);
    if (known) return known;
    this.onError(error);
    return new Refusal(status.INTERNAL, 'a mistake of the server');
  }
}
