import { mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { DataDirectoryInUse, StoreUnavailable } from '#event-store';
import { createLog, createMetrics, startMetricsServer, type Clock, type Config, type Log } from '#platform';
import { VaultUnavailable } from '#vault';
import { KeyUses } from './commands/key-uses.js';
import { UnderWay } from './commands/under-way.js';
import { Completion } from './completion/completion.js';
import { isAway } from './database.js';
import { serveEmbeddedLedger } from './esdb-side.js';
import { Authenticator } from './authenticate.js';
import { openFeedSide } from './feed-side.js';
import { openGrounds } from './grounds.js';
import { openHttp } from './http/server.js';
import { keyMemoryOf, openKeys } from './keys.js';
import { Opened } from './opened.js';
import type { Parts } from './parts.js';
import { startRelaySide } from './relay-side.js';
import { openView } from './view-side.js';
import { dropOldUnrouted } from './webhooks/retention.js';

export interface Running {
  readonly parts: Parts;
  readonly ports: { readonly http: number; readonly grpc: number; readonly metrics: number; readonly esdb?: number };
  /** What readers of the ledger over EventStoreDB's protocol are to trust, where no certificate was configured. */
  readonly esdbCaFile?: string;
  readonly adminKeyFile?: string;
  /** Calls over gRPC that were let in and are not over. */
  grpcInWork(): number;
  /** Stops accepting, finishes what is in flight, closes the followers and the stores. Idempotent. */
  close(): Promise<void>;
}

export interface StartOptions {
  readonly clock: Clock;
  readonly log?: Log;
  /** Breaks off the start, which then rejects; of no effect on a service that has started. */
  readonly signal?: AbortSignal;
}

/**
 * Starts the service. Rejects, with everything closed again, where it may not start. Where ledger or database is a server
 * that cannot be reached it waits, and says so on its port.
 */
export async function startService(config: Config, options: StartOptions): Promise<Running> {
  const { clock, log = createLog({ level: config.logLevel }), signal = new AbortController().signal } = options;
  for (;;) {
    const opened = new Opened();
    try {
      return await open(config, { clock, log, signal }, opened);
    } catch (error) {
      await opened.close();
      if (!isPassing(error, config) || signal.aborted) throw error;
      log.warn({ err: error }, 'a server went away while the service was starting: it starts over');
    }
    await pause(START_OVER_MS, undefined, { signal });
  }
}

const START_OVER_MS = 500;

/** Whether a server that was there went away again. */
function isPassing(error: unknown, { eventStore, database }: Config): boolean {
  if (error instanceof DataDirectoryInUse) return false;
  if (eventStore !== undefined && error instanceof StoreUnavailable) return true;
  return database !== undefined && (isAway(error) || error instanceof VaultUnavailable);
}

async function open(config: Config, { clock, log, signal }: Required<StartOptions>, opened: Opened): Promise<Running> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const metrics = createMetrics();
  const grounds = await openGrounds(config, { log, signal }, opened);
  const { store, postgres } = grounds;
  const { vault, ids, adminKey } = await openKeys(config, clock, grounds, opened);
  const view = opened.add(await openView(config, { store, clock, log, metrics }, postgres), (one) => one.close());
  const relay = await startRelaySide(config, { store, view, clock, log, metrics, postgres });
  if (relay) opened.add(relay, (one) => one.close());
  const feed = openFeedSide({ config, store, clock, log, metrics });
  const completion = new Completion();
  const parts: Parts = {
    config,
    clock,
    log,
    metrics,
    store,
    postgres,
    vault,
    view,
    ids,
    keyUses: new KeyUses(),
    underWay: new UnderWay(),
    completion,
    relay,
    feed,
  };
  opened.add(dropOldUnrouted(parts), async (stop) => stop());
  const authenticator = new Authenticator(vault, adminKey.key, keyMemoryOf(config, clock));
  const metricsServer = opened.add(await startMetricsServer(config.metrics, metrics), (one) => one.close());
  const esdb = await serveEmbeddedLedger(parts, authenticator);
  if (esdb) opened.add(esdb, (one) => one.close());
  const { http, grpc } = opened.add(await openDoors(parts, authenticator), (doors) => closeDoors(doors, completion));
  // Watches would last for ever: they are ended before HTTP waits for what it still answers.
  opened.add(feed, (one) => one.close());
  completion.start(parts);
  await grounds.leaveRoom();
  const ports = {
    http: await http.listen({ ...config.http, port: grounds.httpPort }),
    grpc: await grpc.listen({ host: config.http.host, port: config.grpc.port }),
    metrics: metricsServer.port,
  };
  return {
    parts,
    ports: esdb ? { ...ports, esdb: esdb.port } : ports,
    ...(esdb?.caFile === undefined ? {} : { esdbCaFile: esdb.caFile }),
    ...(adminKey.file === undefined ? {} : { adminKeyFile: adminKey.file }),
    grpcInWork: () => grpc.inWork,
    close: () => opened.close(),
  };
}

/** HTTP and gRPC, in front of the same handlers. */
async function openDoors(parts: Parts, authenticator: Authenticator) {
  const http = await openHttp(parts, authenticator);
  const { openGrpc } = await import('./grpc/server.js');
  const grpc = openGrpc(parts, authenticator, http);
  parts.metrics.watchConnections({ http: http.connections, grpc: grpc.connections });
  return { http, grpc };
}

/**
 * All at once: each door has half the time of the whole end to finish what is in flight, and what is being completed may
 * have to wait for a ledger that is away.
 */
async function closeDoors({ http, grpc }: Awaited<ReturnType<typeof openDoors>>, completion: Completion) {
  await Promise.all([grpc.close(), http.close(), completion.close()]);
}
