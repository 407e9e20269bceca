import { StoreUnavailable } from '#event-store';
import { Refusal } from '#platform';
import { VaultUnavailable } from '#vault';
import type { Authenticator } from './authenticate.js';
import type { Parts } from './parts.js';

export interface EsdbSide {
  readonly port: number;
  /** Set where the certificate is the service's own: what clients are told to trust. */
  readonly caFile?: string;
  close(): Promise<void>;
}

/**
 * Serves the embedded ledger over EventStoreDB's own protocol where `ESDB_PORT` is set: reads and subscriptions only,
 * over TLS, for whoever sends a key with `audit:read` for all businesses as password.
 */
export async function serveEmbeddedLedger(parts: Parts, authenticator: Authenticator): Promise<EsdbSide | undefined> {
  const { config, store, log } = parts;
  if (config.esdbPort === undefined) return undefined;
  // Loaded only where it serves: most of a process's memory would be its network library.
  const { serveEventStore } = await import('#esdb-server');
  const { tls, caFile } = await certificateOf(parts);
  const server = await serveEventStore({
    store,
    listen: { host: config.http.host, port: config.esdbPort },
    writable: false,
    tls,
    authorize: (_user, password) => mayReadAll(authenticator, password),
    onError: (error) => log.error({ err: error }, 'a reader of the ledger could not be served'),
  });
  return { port: server.port, ...(caFile === undefined ? {} : { caFile }), close: () => server.close() };
}

async function certificateOf({ config, clock }: Parts) {
  const { tls, dataDir, http } = config;
  if (tls) return { tls: { cert: Buffer.from(tls.cert), key: Buffer.from(tls.key) }, caFile: undefined };
  const { openOwnCertificate } = await import('#esdb-server');
  // A wildcard is no name that anybody could call by.
  const hosts = ['0.0.0.0', '::'].includes(http.host) ? [] : [http.host];
  const { cert, key, caFile } = await openOwnCertificate({ dataDir, hosts, now: new Date(clock.now()) });
  return { tls: { cert, key }, caFile };
}

/** Rejects with `StoreUnavailable` where that cannot be looked up: a client told that it may not would give up for good. */
export async function mayReadAll(authenticator: Pick<Authenticator, 'principalOf'>, key: string): Promise<boolean> {
  const principal = await authenticator.principalOf(`Bearer ${key}`).catch((error: unknown) => {
    if (error instanceof Refusal) return undefined;
    throw error instanceof VaultUnavailable ? new StoreUnavailable(KEYS_AWAY, { cause: error }) : error;
  });
  return principal?.businessId === undefined && principal?.scopes.has('audit:read') === true;
}

const KEYS_AWAY = 'the keys of those who may read cannot be looked up now';
