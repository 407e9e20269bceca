import { randomUUID } from 'node:crypto';
import { Server, type ServerOptions } from '@grpc/grpc-js';
import type { EventStore } from '#event-store';
import { Admission, type Authorize } from './admission.js';
import { arrivals } from './arrivals.js';
import { DEFAULT_LIMITS, READ_ONLY_LIMITS, type Context, type Limits } from './context.js';
import { Handlers } from './handlers.js';
import { listenFor, type Address, type Certificate, type Listening } from './listening.js';
import { registerServices } from './services.js';
import { fixedSystemStreams, openSystemStreams } from './system-streams.js';

export interface ServeEventStoreOptions {
  /** Stays open; whoever has opened it closes it after the server. */
  readonly store: EventStore;
  /** Port 0: any free one. */
  readonly listen: Address;
  /** Appends, deletions, tombstones and metadata too, which then need a `dataDir`; otherwise reads alone. */
  readonly writable: boolean;
  /** Where a writable server keeps what EventStoreDB keeps beside the events. */
  readonly dataDir?: string;
  /** Without it the connection is not encrypted, and clients then send no password. */
  readonly tls?: Certificate;
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
  const server = new Server(channelOptions(limits));
  registerServices(server, { context, handlers, onError, instanceId: randomUUID() });
  try {
    const listening = await listenFor(server, { listen: options.listen, tls: options.tls, limits });
    const end = () => close({ server, listening, handlers }, limits.closeMs).finally(() => system.close());
    let closed: Promise<void> | undefined;
    return { port: listening.port, close: () => (closed ??= end()) };
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

function channelOptions(limits: Limits): ServerOptions {
  return {
    'grpc.max_receive_message_length': limits.messageBytes,
    'grpc.max_concurrent_streams': limits.connectionCalls,
    'grpc.max_connection_idle_ms': limits.idleMs,
    interceptors: [arrivals(limits)],
    ...KEEP_ALIVE,
  };
}

interface Served {
  readonly server: Server;
  readonly listening: Listening;
  readonly handlers: Handlers;
}

async function close({ server, listening, handlers }: Served, waitMs: number): Promise<void> {
  listening.stop();
  const force = setTimeout(() => server.forceShutdown(), waitMs);
  const finished = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  handlers.stop();
  await finished;
  clearTimeout(force);
}
