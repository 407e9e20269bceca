import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
  status,
} from '@grpc/grpc-js';
import type { Admission } from './admission.js';
import { Outlet } from './calls/outlet.js';
import type { ReadRequest } from './messages/read-request.js';
import { gone, Refusal, refusalOf, unavailable } from './refusal.js';

/** A call of any kind, as far as it can end before its work is done. */
interface EndableCall {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  on(event: 'cancelled', listener: () => void): unknown;
}

interface StreamingCall extends EndableCall {
  emit(event: 'error', error: Error): unknown;
  end(): unknown;
}

type Work<T> = (signal: AbortSignal) => Promise<T>;

/** Puts what all calls have in common around them: admission, an end before the time, and a status for what goes wrong. */
export class Handlers {
  /** Of the reads under way. */
  private readonly endings = new Set<(reason: unknown) => void>();
  private readonly closing = new AbortController();

  constructor(
    private readonly admission: Admission,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** What clients ask before they have said who they are. `host` is the address by which they have come. */
  anybody(work: (host: string) => Buffer): handleUnaryCall<unknown, Buffer> {
    return (call, callback) => callback(null, work(call.getHost()));
  }

  unary<Request>(work: (request: Request) => Promise<Buffer>): handleUnaryCall<Request, Buffer> {
    return (call, callback) => this.reply(callback, call, () => work(call.request));
  }

  clientStream<Request>(
    work: (call: ServerReadableStream<Request, Buffer>) => Promise<Buffer>,
  ): handleClientStreamingCall<Request, Buffer> {
    return (call, callback) => this.reply(callback, call, () => work(call));
  }

  /** `closing` aborts when the server stops and the work is to come to its end by itself. */
  bidi<Request>(
    work: (call: ServerDuplexStream<Request, Buffer>, signal: AbortSignal, closing: AbortSignal) => Promise<void>,
  ): handleBidiStreamingCall<Request, Buffer> {
    return (call) =>
      this.stream(
        call,
        this.run(call, (signal) => work(call, signal, this.closing.signal)),
      );
  }

  serverStream(
    work: (request: ReadRequest, outlet: Outlet) => Promise<void>,
  ): handleServerStreamingCall<ReadRequest, Buffer> {
    return (call) => {
      const read = (signal: AbortSignal) => work(call.request, new Outlet(call, signal));
      const subscribe = (signal: AbortSignal) => this.admission.asSubscription(() => read(signal));
      this.stream(call, this.run(call, call.request.count === 'subscription' ? subscribe : read, this.endings));
    };
  }

  /** The server stops: appends are still answered, and reads end with the status that means to call again later. */
  stop(): void {
    const reason = unavailable('the server is stopping');
    this.closing.abort(reason);
    for (const end of this.endings) end(reason);
  }

  private reply(callback: sendUnaryData<Buffer>, call: EndableCall, work: Work<Buffer>): void {
    this.run(call, work).then(
      (response) => callback(null, response),
      (error: unknown) => callback(this.statusOf(error)),
    );
  }

  /** A stream is ended by an event: destroying it would drop its status. */
  private stream(call: StreamingCall, ended: Promise<void>): void {
    ended.then(
      () => void call.end(),
      (error: unknown) => {
        const refusal = this.statusOf(error);
        if (!call.cancelled) call.emit('error', refusal);
      },
    );
  }

  /** Settles with the work, or before it when the client goes, its password ceases to hold, or `endings` are called. */
  private async run<T>(call: EndableCall, work: Work<T>, endings = new Set<(reason: unknown) => void>()): Promise<T> {
    const ended = new AbortController();
    const end = (reason: unknown) => ended.abort(reason);
    const early = new Promise<never>((_, reject) => {
      ended.signal.addEventListener('abort', () => reject(ended.signal.reason as Error), { once: true });
    });
    // Every call says so when its connection lets go of it, also those that have ended as they should.
    call.on('cancelled', () => ended.signal.aborted || end(gone()));
    if (call.cancelled) end(gone());
    endings.add(end);
    try {
      return await Promise.race([this.admission.admitted(call.metadata, end, () => work(ended.signal)), early]);
    } finally {
      endings.delete(end);
      ended.abort(OVER);
    }
  }

  private statusOf(error: unknown): Refusal {
    const known = refusalOf(error);
    if (known) return known;
    this.onError(error);
    return new Refusal(status.INTERNAL, 'a mistake of the server');
  }
}

/** Made once: without a reason an error would be made for each call, which costs a small read as much as its rows. */
const OVER = new Error('the call is over');
