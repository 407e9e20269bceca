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
