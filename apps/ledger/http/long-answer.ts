import type { ServerResponse } from 'node:http';

/** Resolves when the caller has taken what was written, has gone, or `cut` aborts; what it was, whoever waits looks up. */
export function drained(response: ServerResponse, cut?: AbortSignal): Promise<void> {
  if (response.destroyed || cut?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      cut?.removeEventListener('abort', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
    cut?.addEventListener('abort', done);
  });
}

/** How long an ended answer may take to be read to its end before the connection is cut, in milliseconds. */
const GRACE_MS = 5_000;

/** Ends the answer; a caller who does not take the rest of it in time is cut off. */
export function endInTime(response: ServerResponse): void {
  const overdue = setTimeout(() => response.destroy(), GRACE_MS).unref();
  response.once('close', () => clearTimeout(overdue));
  response.end();
}
