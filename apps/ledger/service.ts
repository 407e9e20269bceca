import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DataDirectoryInUse, StoreUnavailable, keepOut, startLedger, type EventStore, type Ledger } from '#event-store';
import {
  createLog,
  createMetrics,
  startMetricsServer,
  type Clock,
  type Config,
  type Log,
  type Metrics,
} from '#platform';
import {
  RecipientIds,
  VAULT_FILE,
  fingerprintOf,
  openAdminKey,
  openSecrets,
  openSqliteVault,
  type Vault,
} from '#vault';
import { LiveView } from '#view';
import { KeyUses } from './commands/key-uses.js';
import { Completion } from './completion/completion.js';
import { serveEmbeddedLedger } from './esdb-side.js';
import { Authenticator, type KeyMemory } from './authenticate.js';
import { openFeedSide } from './feed-side.js';
import { openHttp } from './http/server.js';
import { openEmbeddedLedger, openRemoteLedger, remoteLimitsOf, type RemoteLimits } from './ledger-store.js';
import type { Parts } from './parts.js';
import { startRelaySide } from './relay-side.js';
import { openWaitingRoom } from './waiting-room.js';
import { dropOldUnrouted } from './webhooks/retention.js';

export interface Running {
  readonly parts: Parts;
  readonly ports: { readonly http: number; readonly grpc: number; readonly metrics: number; readonly esdb?: number };
  /** What readers of the ledger over EventStoreDB's protocol are to trust, where no certificate was configured. */
  readonly esdbCaFile?: string;
  readonly adminKeyFile?: string;
  /** Stops accepting, finishes what is in flight, closes the followers and the stores. Idempotent. */
  close(): Promise<void>;
}

/** Resources in the order in which they were opened; closed in reverse, also when the start breaks off half way. */
class Opened {
  private readonly closers: (() => Promise<unknown>)[] = [];
  private closing: Promise<void> | undefined;

  add<T>(resource: T, close: (resource: T) => Promise<unknown>): T {
    this.closers.push(() => close(resource));
    return resource;
  }

  close(): Promise<void> {
    return (this.closing ??= this.closeAll());
  }

  /** One that fails to close does not keep the others open; the first failure is reported at the end. */
  private async closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.closers.reverse()) await close().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }
}

export interface StartOptions {
  readonly clock: Clock;
  readonly log?: Log;
  /** Breaks off the start, which then rejects; of no effect on a service that has started. */
  readonly signal?: AbortSignal;
}

/**
 * Starts the whole service. Rejects, with everything closed again, where it may not start. Where the ledger is a server
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
      log.warn({ err: error }, 'the ledger went away while the service was starting: it starts over');
    }
    await pause(START_OVER_MS, undefined, { signal });
  }
}

const START_OVER_MS = 500;

function isPassing(error: unknown, { eventStore }: Config): boolean {
  return eventStore !== undefined && error instanceof StoreUnavailable && !(error instanceof DataDirectoryInUse);
}

async function open(config: Config, { clock, log, signal }: Required<StartOptions>, opened: Opened): Promise<Running> {
  const { dataDir } = config;
  if (config.database) throw new Error('DATABASE_URL is not served yet: unset it');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const metrics = createMetrics();
  const { store, httpPort, leaveRoom } = await openLedger(config, { log, signal }, opened);
  const { vault, ids, adminKey } = await openKeys(config, clock, store, opened);
  const view = await LiveView.open({ store, dataDir, clock, limits: config.view, ...viewReports(log, metrics) });
  opened.add(view, (one) => one.close());
  metrics.watch({ queued: () => store.status().queued, viewLagMs: () => view.status().lagMs });
  const relay = await startRelaySide(config, { store, view, clock, log, metrics });
  if (relay) opened.add(relay, (one) => one.close());
  const feed = openFeedSide({ config, store, clock, log, metrics });
  const completion = new Completion();
  const parts: Parts = {
    config,
    clock,
    log,
    metrics,
    store,
    vault,
    view,
    ids,
    keyUses: new KeyUses(),
    completion,
    relay,
    feed,
  };
  opened.add(dropOldUnrouted(parts), async (stop) => stop());
  const authenticator = new Authenticator(vault, adminKey.key, keyMemoryOf(config, clock));
  const metricsServer = opened.add(await startMetricsServer(config.metrics, metrics), (one) => one.close());
  const esdb = await serveEmbeddedLedger(parts, authenticator);
  if (esdb) opened.add(esdb, (one) => one.close());
  const { http, grpc } = opened.add(await openDoors(parts, authenticator), closeDoors);
  // Watches would last for ever: they are ended before HTTP waits for what it still answers.
  opened.add(feed, (one) => one.close());
  completion.start(parts);
  opened.add(completion, (one) => one.close());
  await leaveRoom();
  const ports = {
    http: await http.listen({ ...config.http, port: httpPort }),
    grpc: await grpc.listen({ host: config.http.host, port: config.grpc.port }),
    metrics: metricsServer.port,
  };
  return {
    parts,
    ports: esdb ? { ...ports, esdb: esdb.port } : ports,
    ...(esdb?.caFile === undefined ? {} : { esdbCaFile: esdb.caFile }),
    ...(adminKey.file === undefined ? {} : { adminKeyFile: adminKey.file }),
    close: () => opened.close(),
  };
}

/** A vault on a server may be another process's too. */
function keyMemoryOf({ limits, database }: Config, clock: Clock): KeyMemory {
  const capacity = limits.apiKeyCacheEntries;
  return database ? { capacity, clock, maxAgeMs: database.apiKeyMaxAgeMs } : { capacity, clock };
}

/** HTTP and gRPC, in front of the same handlers. */
async function openDoors(parts: Parts, authenticator: Authenticator) {
  const http = await openHttp(parts, authenticator);
  const { openGrpc } = await import('./grpc/server.js');
  return { http, grpc: openGrpc(parts, authenticator, http) };
}

/** Both at once: each has half the time of the whole end to finish what is in flight. */
async function closeDoors({ http, grpc }: Awaited<ReturnType<typeof openDoors>>): Promise<void> {
  await Promise.all([grpc.close(), http.close()]);
}

interface OpenedLedger {
  readonly store: Ledger;
  /** The port that HTTP is to listen on: the one on which the process has said so far that it waits. */
  readonly httpPort: number;
  /** Frees that port. */
  readonly leaveRoom: () => Promise<void>;
}

type Start = Pick<Required<StartOptions>, 'log' | 'signal'>;

async function openLedger(config: Config, start: Start, opened: Opened): Promise<OpenedLedger> {
  const remote = remoteLimitsOf(config);
  if (remote) return waitForLedger(config, remote, start, opened);
  const store = opened.add(await openEmbeddedLedger(config), (one) => one.close());
  return { store, httpPort: config.http.port, leaveRoom: async () => undefined };
}

/** The vault in this directory is for one process alone, which the lock of the embedded ledger sees to otherwise. */
async function waitForLedger(
  config: Config,
  remote: RemoteLimits,
  { log, signal }: Start,
  opened: Opened,
): Promise<OpenedLedger> {
  opened.add(keepOut(config.dataDir), async (lock) => lock.release());
  const room = opened.add(await openWaitingRoom(config), (one) => one.close());
  const store = await openRemoteLedger(remote, log, { signal, onProblem: (problem) => room.say(problem) });
  opened.add(store, (one) => one.close());
  room.say('the service is reading what it needs of the ledger');
  return { store, httpPort: room.port, leaveRoom: () => room.close() };
}

/** Others may keep streams of their own on the same EventStoreDB. */
const OWN_PREFIXES = ['system-ledger', 'business-', 'consent-', 'conversation-'];

/** Secrets and vault must be those that the ledger began with; a lost one is never replaced by a new one. */
async function openKeys(config: Config, clock: Clock, store: EventStore, opened: Opened) {
  const { dataDir, secrets: configured, limits } = config;
  const ledgerExists = (await store.readAll({ prefixes: OWN_PREFIXES, limit: 1 })).events.length > 0;
  const vaultExists = existsSync(join(dataDir, VAULT_FILE));
  if (ledgerExists && !vaultExists) throw new Lost(join(dataDir, VAULT_FILE), 'ledger');
  const secrets = openSecrets({ dataDir, ledgerExists, vaultExists, ...configured });
  const vault: Vault = opened.add(
    await openSqliteVault({
      dataDir,
      keyEncryptionKey: secrets.keyEncryptionKey,
      limits: { cachedDataKeys: limits.dataKeyCacheEntries },
    }),
    (one) => one.close(),
  );
  // Whoever once had a key was once in a ledger: an empty one beside them has forgotten every stop.
  if (!ledgerExists && !(await vault.isEmpty())) throw new Lost(ledgerName(config), 'vault');
  await startLedger(store, {
    now: new Date(clock.now()),
    fingerprints: {
      PEPPER: fingerprintOf(secrets.pepper),
      KEY_ENCRYPTION_KEY: fingerprintOf(secrets.keyEncryptionKey),
      vault: fingerprintOf(vault.vaultId),
    },
  });
  const adminKey = openAdminKey({ dataDir, ...(configured.adminKey ? { configured: configured.adminKey } : {}) });
  return { vault, ids: new RecipientIds(secrets.pepper), adminKey };
}

function ledgerName({ dataDir, eventStore }: Config): string {
  return eventStore ? 'the ledger at EVENTSTORE_URL' : join(dataDir, 'ledger.db');
}

/** One of the two that belong together is gone: it is never replaced by an empty one. */
export class Lost extends Error {
  constructor(file: string, other: 'ledger' | 'vault') {
    super(`${file} is missing or empty, but there is a ${other} that belongs to it: restore it from a backup`);
    this.name = 'Lost';
  }
}

function viewReports(log: Log, metrics: Metrics) {
  return {
    onError: (error: unknown) => {
      log.error({ err: error }, 'the view could not follow the ledger and tries again');
    },
    onUnreadable: () => {
      metrics.unreadable();
      log.error({}, 'an event of the ledger cannot be read; its recipient is answered no');
    },
  };
}
