import { setTimeout as pause } from 'node:timers/promises';
import { METHODS, WATCH_REQUEST, WATCH_RESPONSE, type WatchRequest, type WatchResponse } from '#grpc-messages';
import { answerIn, bytesOf } from './bytes.js';
import type { Connection } from './connection.js';
import { brokenOff, known } from './errors.js';
import { pauseAfter, type RetryOptions } from './retries.js';

/**
 * One stream after the other, each from the last position told. Ends with the signal. Whoever was told something knows
 * by the watermarks how old that is, so an outage of the service ends nothing; a wrong address is noticed at the start.
 */
export async function* watch(
  connection: Connection,
  retries: RetryOptions,
  request: WatchRequest,
  signal?: AbortSignal,
): AsyncGenerator<WatchResponse, void> {
  let { fromPosition } = request;
  let [failures, attempts] = [0, retries.attempts];
  while (signal?.aborted !== true) {
    const from = fromPosition === undefined ? {} : { fromPosition };
    const stream = connection.serverStream(
      METHODS.watch.path,
      bytesOf(WATCH_REQUEST, { businessId: request.businessId, ...from }),
    );
    const cancel = () => stream.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      for await (const message of stream as AsyncIterable<Buffer>) {
        const told = answerIn(WATCH_RESPONSE, message);
        fromPosition = told.position;
        [failures, attempts] = [0, Infinity];
        yield told;
      }
      throw brokenOff();
    } catch (error) {
      if (signal?.aborted) return;
      failures += 1;
      // Where the signal ends the pause, it ends the watch.
      const pauseMs = pauseAfter(known(error), failures, { ...retries, attempts });
      await pause(pauseMs, undefined, signal && { signal }).catch(() => undefined);
    } finally {
      signal?.removeEventListener('abort', cancel);
      stream.on('error', () => undefined).cancel();
    }
  }
}
