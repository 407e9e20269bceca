import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import type { Metrics } from './metrics.js';

export interface MetricsServer {
  readonly port: number;
  /** Resolves once no connection is left. */
  close(): Promise<void>;
}

/** `GET /metrics` for Prometheus, and `GET /debug/heap`, for whoever can reach `host`. Rejects if the port is taken. */
export async function startMetricsServer(
  { host, port }: { readonly host: string; readonly port: number },
  metrics: Metrics,
): Promise<MetricsServer> {
  const server = createServer((request, response) => void answer(metrics, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(metrics: Metrics, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url?.split('?', 1)[0];
  if (request.method !== 'GET') return send(response, 405, 'text/plain', 'Only GET is served here.\n');
  if (path === '/metrics') return sendMetrics(metrics, response);
  if (path === '/debug/heap') return send(response, 200, 'application/json', JSON.stringify(heapSummary()));
  return send(response, 404, 'text/plain', 'There is nothing here.\n');
}

async function sendMetrics(metrics: Metrics, response: ServerResponse): Promise<void> {
  try {
    send(response, 200, metrics.contentType, await metrics.render());
  } catch {
    send(response, 500, 'text/plain', 'The metrics cannot be read.\n');
  }
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
}

/** Bytes by kind of memory: sizes alone, no contents. */
function heapSummary() {
  const spaces = getHeapSpaceStatistics().map(({ space_name, space_used_size }) => [space_name, space_used_size]);
  return {
    process: process.memoryUsage(),
    heap: getHeapStatistics(),
    spacesUsed: Object.fromEntries(spaces) as unknown,
  };
}
