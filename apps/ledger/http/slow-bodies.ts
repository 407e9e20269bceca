import type { IncomingMessage, Server } from 'node:http';
import { standBefore } from './stand-before.js';

/**
 * Cuts off requests whose body does not arrive in time. In place of the server's own limit, which knows no body that may
 * take hours: one that is filtered as it comes.
 */
export class SlowBodies {
  private readonly arriving = new Map<IncomingMessage, number>();
  private looking: NodeJS.Timeout | undefined;

  constructor(private readonly timeoutMs: number) {}

  /** Stands before the listener that the framework has set on the server. */
  stand(server: Server): void {
    standBefore(server, (request, response, ordinary) => {
      if (hasBody(request)) this.expect(request);
      void ordinary(request, response);
    });
    this.looking = setInterval(() => this.look(server), lookEveryMs(this.timeoutMs)).unref();
  }

  /** This one may take as long as it likes, as far as its body goes. */
  spare(request: IncomingMessage): void {
    this.arriving.delete(request);
  }

  close(): void {
    clearInterval(this.looking);
  }

  private expect(request: IncomingMessage): void {
    this.arriving.set(request, performance.now());
    request.once('close', () => this.arriving.delete(request));
  }

  private look(server: Server): void {
    for (const [request, sinceMs] of this.arriving) {
      if (request.complete) this.arriving.delete(request);
      else if (performance.now() - sinceMs > this.timeoutMs) {
        this.arriving.delete(request);
        cutOff(server, request);
      }
    }
  }
}

/** Ends a request whose body does not arrive, answered as the server's own limit would have been. */
export function cutOff(server: Server, request: IncomingMessage): void {
  server.emit('clientError', new Error('the body did not arrive in time'), request.socket);
}

/** How often to look for what has not arrived in time, in milliseconds. */
export function lookEveryMs(timeoutMs: number): number {
  return Math.min(1_000, timeoutMs / 4);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
