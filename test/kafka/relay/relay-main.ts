/**
 * A relay alone in a process of its own, over a ledger that others share: put together as the service does it, but one of
 * several that may publish. Says on which port it tells its status; ends with SIGTERM.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openEventStoreDb } from '#event-store';
import { systemClock } from '#platform';
import { PARTITIONS_OF, RELAY_DEFAULTS, RelayDatabase, openKafka, startRelay } from '#relay';
import { LiveView } from '#view';

export interface RelayOrder {
  readonly url: string;
  readonly brokers: readonly string[];
  /** Of its own view. */
  readonly dataDir: string;
  /** Lease and checkpoints, which all relays of a ledger share. */
  readonly database: string;
  readonly leaseMs: number;
}

async function run({ url, brokers, dataDir, database, leaseMs }: RelayOrder): Promise<void> {
  const store = await openEventStoreDb({ url, readOnly: true });
  const view = await LiveView.open({
    ...{ store, dataDir, clock: systemClock },
    limits: { maxLagMs: 5_000, waitForPositionMs: 1_000, cacheEntries: 1_000, probeIntervalMs: 1_000 },
    onUnreadable: () => undefined,
    onError: (error) => console.error(error),
  });
  const kafka = openKafka({ brokers, partitions: PARTITIONS_OF });
  const shared = new RelayDatabase(database);
  const relay = startRelay({
    ...{ store, copy: view, kafka, database: shared, holder: randomUUID(), alone: false, clock: systemClock },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    topics: { create: true },
    limits: { ...RELAY_DEFAULTS, leaseMs },
  });
  const server = createServer((_, response) => response.end(JSON.stringify(relay.status())));
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
  process.once('SIGTERM', () => {
    void end([() => relay.close(), () => kafka.cluster.close(), () => view.close(), () => store.close()]);
  });

  async function end(closers: readonly (() => Promise<unknown>)[]): Promise<void> {
    for (const close of closers) await close();
    shared.close();
    server.close();
  }
}

await run(JSON.parse(process.argv[2] ?? '{}') as RelayOrder);
