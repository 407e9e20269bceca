import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore, startLedger, type EventStore, type SqliteStore } from '#event-store';
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
import { openHttp } from './http/server.js';
import type { Parts } from './parts.js';
import { dropOldUnrouted } from './webhooks/retention.js';

export interface Running {
  readonly parts: Parts;
  readonly ports: { readonly http: number; readonly metrics: number };
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

/** Starts the whole service on the embedded default. Rejects, with everything closed again, where it may not start. */
export async function startService(config: Config, options: { clock: Clock; log?: Log }): Promise<Running> {
  const opened = new Opened();
  try {
    return await open(config, options.clock, options.log ?? createLog({ level: config.logLevel }), opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function open(config: Config, clock: Clock, log: Log, opened: Opened): Promise<Running> {
  const { dataDir } = config;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const metrics = createMetrics();
  const store = opened.add(await openStore(config), (one) => one.close());
  const { vault, ids, adminKey } = await openKeys(config, clock, store, opened);
  const view = await LiveView.open({
    store,
    dataDir,
    clock,
    limits: config.view,
    ...viewReports(log, metrics),
  });
  opened.add(view, (one) => one.close());
  metrics.watch({ queued: () => store.status().queued, viewLagMs: () => view.status().lagMs });
  const parts: Parts = { config, clock, log, metrics, store, vault, view, ids, keyUses: new KeyUses() };
  opened.add(dropOldUnrouted(parts), async (stop) => stop());
  const metricsServer = opened.add(await startMetricsServer(config.metrics, metrics), (one) => one.close());
  const http = opened.add(await openHttp(parts, adminKey.key), (one) => one.close());
  const ports = { http: await http.listen(config.http), metrics: metricsServer.port };
  const file = adminKey.file === undefined ? {} : { adminKeyFile: adminKey.file };
  return { parts, ports, ...file, close: () => opened.close() };
}

function openStore({ dataDir, limits }: Config): Promise<SqliteStore> {
  return openSqliteStore({
    dataDir,
    diskReserveMb: limits.diskReserveMb,
    lanes: { queuedJobs: limits.appendQueueMax },
    maxAppendBytes: limits.appendBytes,
  });
}

/** Secrets and vault must be those that the ledger began with; a lost one is never replaced by a new one. */
async function openKeys(config: Config, clock: Clock, store: EventStore, opened: Opened) {
  const { dataDir, secrets: configured, limits } = config;
  const ledgerExists = (await store.readAll({ limit: 1 })).events.length > 0;
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
  if (!ledgerExists && !(await vault.isEmpty())) throw new Lost(join(dataDir, 'ledger.db'), 'vault');
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

/** One of the two files that belong together is gone: it is never replaced by an empty one. */
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
