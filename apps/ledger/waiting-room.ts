import { randomUUID } from 'node:crypto';
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Refusal, instanceOf, toProblem, type Config } from '#platform';
import { connectionsOf, type Connections } from './connections.js';

/** How soon a caller may ask again, in milliseconds. */
const RETRY_AFTER_MS = 2_000;

/** A server that the service stands on. */
export type Awaited = 'ledger' | 'database';

export interface WaitingRoom {
  readonly port: number;
  /** What the service waits for, and why, in plain words. */
  say(waitsFor: Awaited, problem: string): void;
  /** Ends every connection, so that the service can listen on the port. Idempotent. */
  close(): Promise<void>;
}

/**
 * Listens while ledger or database cannot be reached yet: says that the process lives and why it is not ready, and turns
 * everything else away with `LEDGER_UNAVAILABLE`. Rejects where the port is taken.
 */
export async function openWaitingRoom({ http, tls, limits }: Config): Promise<WaitingRoom> {
  let said: Said = { waitsFor: 'ledger', problem: 'the ledger has not answered yet' };
  const listener: RequestListener = (request, response) => {
    const { status, headers, body } = answerTo(request.url ?? '', said);
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
    response.end(JSON.stringify(body));
  };
  const server: Server = tls
    ? createTlsServer({ cert: tls.cert, key: tls.key }, listener)
    : createPlainServer(listener);
  const connections = connectionsOf(server, limits.connectionsMax);
  server.listen(http.port, http.host);
  await once(server, 'listening');
  let closed: Promise<void> | undefined;
  return {
    port: (server.address() as AddressInfo).port,
    say: (waitsFor, problem) => (said = { waitsFor, problem }),
    close: () => (closed ??= closeAll(server, connections)),
  };
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface Said {
  readonly waitsFor: Awaited;
  readonly problem: string;
}

function answerTo(url: string, { waitsFor, problem }: Said): Answer {
  const [path] = url.split('?');
  if (path === '/health/live') return { status: 200, body: { status: 'ok' } };
  if (path === '/health/ready') {
    const dependency = waitsFor === 'ledger' ? { writable: false, problem } : { problem };
    return { status: 503, body: { status: 'not_ready', dependencies: { [waitsFor]: dependency }, followers: [] } };
  }
  const detail = `The ${waitsFor} cannot be reached yet; nothing was recorded.`;
  const refusal = new Refusal('LEDGER_UNAVAILABLE', detail, { retryAfterMs: RETRY_AFTER_MS });
  const answer = toProblem(refusal, instanceOf(randomUUID()));
  return { status: answer.status, headers: answer.headers, body: answer.problem };
}

async function closeAll(server: Server, connections: Connections): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  connections.destroy();
  await closed;
}
