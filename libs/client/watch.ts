import { setTimeout as pause } from 'node:timers/promises';
import { METHODS, WATCH_REQUEST, WATCH_RESPONSE, type WatchRequest, type WatchResponse } from '#grpc-messages';
import type { Connection } from './connection.js';
import { brokenOff, known } from './errors.js';
import { pauseAfter, type RetryOptions } from './retries.js';

/** One stream after the other, each from the last position told. Ends with the signal. */
export async function* watch(
  connection: Connection,
  retries: RetryOptions,
  request: WatchRequest,
  signal?: AbortSignal,
): AsyncGenerator<WatchResponse, void> {
  let { fromPosition } = request;
  let failures = 0;
  while (signal?.aborted !== true) {
    const from = fromPosition === undefined ? {} : { fromPosition };
    const stream = connection.serverStream(
      METHODS.watch.path,
      WATCH_REQUEST.encode({ businessId: request.businessId, ...from }),
    );
    const cancel = () => stream.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      for await (const message of stream as AsyncIterable<Buffer>) {
        const told = WATCH_RESPONSE.decode(message);
        fromPosition = told.position;
        failures = 0;
        yield told;
      }
      throw brokenOff();
    } catch (error) {
      if (signal?.aborted) return;
      failures += 1;
      // Where the signal ends the pause, it ends the watch.
      await pause(pauseAfter(known(error), failures, retries), undefined, signal && { signal }).catch(() => undefined);
    } finally {
      signal?.removeEventListener('abort', cancel);
      stream.on('error', () => undefined).cancel();
    }
  }
}
