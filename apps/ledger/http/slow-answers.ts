import type { Server, ServerResponse } from 'node:http';
import { lookEveryMs } from './slow-bodies.js';
import { standBefore } from './stand-before.js';

/**
 * Cuts off callers who do not take an answer in time, or one that waits behind it: until they have, it keeps its place
 * among the requests in work. How long the making of an answer takes does not count.
 */
export class SlowAnswers {
  /** Those that are not over, and since when they have been ready to be taken, as far as was looked. */
  private readonly answers = new Map<ServerResponse, number | undefined>();
  private looking: NodeJS.Timeout | undefined;

  constructor(private readonly timeoutMs: number) {}

  /** Stands before the listener that the framework has set on the server. */
  stand(server: Server): void {
    standBefore(server, (request, response, ordinary) => {
      this.answers.set(response, undefined);
      response.once('close', () => this.answers.delete(response));
      void ordinary(request, response);
    });
    this.looking = setInterval(() => this.look(), lookEveryMs(this.timeoutMs)).unref();
  }

  close(): void {
    clearInterval(this.looking);
  }

  private look(): void {
    const nowMs = performance.now();
    for (const [response, sinceMs = nowMs] of this.answers) {
      if (!response.writableEnded) continue;
      this.answers.set(response, sinceMs);
      if (nowMs - sinceMs > this.timeoutMs) response.req.socket.destroy();
    }
  }
}
