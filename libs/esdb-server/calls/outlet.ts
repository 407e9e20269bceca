import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { ReadRequest } from '../messages/read-request.js';

export type ReadCall = ServerWritableStream<ReadRequest, Buffer>;

/** The way to one reader, at the reader's own pace: nothing is encoded before the last has gone out. */
export class Outlet {
  constructor(
    private readonly call: ReadCall,
    /** Aborts when the reader has gone. */
    readonly signal: AbortSignal,
  ) {}

  /** Rejects with the signal's reason once the reader has gone. */
  async send(message: Buffer): Promise<void> {
    this.signal.throwIfAborted();
    if (!this.call.write(message)) await once(this.call, 'drain', { signal: this.signal });
  }

  /** Rejects likewise, also where there is nothing to send: what a filter passes by is read for nobody. */
  async sendEach<T>(items: readonly T[], encode: (item: T) => Buffer): Promise<void> {
    this.signal.throwIfAborted();
    for (const item of items) {
      this.signal.throwIfAborted();
      if (!this.call.write(encode(item))) await once(this.call, 'drain', { signal: this.signal });
    }
    // Reads of the store are synchronous: without a turn a long reading would starve the other calls.
    await turn();
    this.signal.throwIfAborted();
  }
}
