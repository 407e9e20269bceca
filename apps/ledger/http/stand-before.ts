import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';

/**
 * Puts a listener before the one that stands on the server by then, which is handed over: each request is looked at here
 * first, and goes on to it or does not. Who stands last looks first.
 */
export function standBefore(
  server: Server,
  look: (request: IncomingMessage, response: ServerResponse, ordinary: RequestListener) => void,
): void {
  const [ordinary] = server.listeners('request') as [RequestListener];
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => look(request, response, ordinary));
}
