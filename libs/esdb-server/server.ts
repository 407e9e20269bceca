import { randomUUID } from 'node:crypto';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { EventStore } from '#event-store';
import { Admission, type Authorize } from './admission.js';
import { DEFAULT_LIMITS, READ_ONLY_LIMITS, type Context, type Limits } from './context.js';
import { Handlers } from './handlers.js';
import { registerServices } from './services.js';
import { fixedSystemStreams, openSystemStreams } from './system-streams.js';

export interface ServeEventStoreOptions {
  /** Stays open; whoever has opened it closes it after the server. */
  readonly store: EventStore;
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Appends, deletions, tombstones and metadata too, which then need a `dataDir`; otherwise reads alone. */
  readonly writable: boolean;
  /** Where a writable server keeps what EventStoreDB keeps beside the events. */
  readonly dataDir?: string;
  /** PEM. Without it the connection is not encrypted, and clients then send no password. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  /** Asked at every call, and again while a long one goes on. Absent: everybody may call. */
  readonly authorize?: Authorize;
  readonly limits?: Partial<Limits>;
  /** Told of mistakes of our own; what clients do wrong they are told themselves. */
  readonly onError?: (error: unknown) => void;
}

export interface EventStoreServer {
  readonly port: number;
  /** Ends the subscriptions, lets the other calls finish for a while, and stops listening. Idempotent. */
  close(): Promise<void>;
}

/** So that readers whose network has gone do not hold their subscriptions for ever. */
const KEEP_ALIVE = { 'grpc.keepalive_time_ms': 20_000, 'grpc.keepalive_timeout_ms': 10_000 };

/** Serves a ledger in the protocol of EventStoreDB. Rejects where the address cannot be used. */
export async function serveEventStore(options: ServeEventStoreOptions): Promise<EventStoreServer> {
  const limits = { ...DEFAULT_LIMITS, ...(options.writable ? {} : READ_ONLY_LIMITS), ...options.limits };
  const onError = options.onError ?? (() => undefined);
  const system = systemOf(options);
  const context: Context = { store: options.store, system, writable: options.writable, limits };
  const handlers = new Handlers(new Admission(limits, options.authorize), onError);
  const server = new Server({ 'grpc.max_receive_message_length': limits.messageBytes, ...KEEP_ALIVE });
  registerServices(server, { context, handlers, onError, instanceId: randomUUID() });
  try {
    const port = await bind(server, options);
    let closed: Promise<void> | undefined;
    return { port, close: () => (closed ??= close(server, handlers, limits.closeMs).finally(() => system.close())) };
  } catch (error) {
    system.close();
    throw error;
  }
}

function systemOf({ store, writable, dataDir }: ServeEventStoreOptions) {
  if (!writable) return fixedSystemStreams(store.ledgerId);
  if (dataDir === undefined) throw new RangeError('a writable server needs a data directory');
  return openSystemStreams(dataDir, store.ledgerId);
}

function bind(server: Server, { listen, tls }: ServeEventStoreOptions): Promise<number> {
  const credentials = tls
    ? ServerCredentials.createSsl(null, [{ cert_chain: tls.cert, private_key: tls.key }])
    : ServerCredentials.createInsecure();
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${listen.port}`, credentials, (error, port) => (error ? reject(error) : resolve(port)));
  });
}

async function close(server: Server, handlers: Handlers, waitMs: number): Promise<void> {
  const force = setTimeout(() => server.forceShutdown(), waitMs);
  const finished = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  handlers.stop();
  await finished;
  clearTimeout(force);
}
