import type { Ledger } from '#event-store';
import type { Clock, Config, Log, Metrics } from '#platform';
import type { Postgres } from '#postgres';
import { LiveView, openSharedView, type SharedView } from '#view';

export interface ViewParts {
  readonly store: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The eligibility view: a file of this process alone, or the rows that it shares with other replicas. */
export async function openView(config: Config, parts: ViewParts, postgres: Postgres | undefined): Promise<LiveView> {
  const { store, clock, metrics } = parts;
  const shared = postgres && (await openShared(config, parts, postgres));
  const view = await LiveView.open({
    store,
    dataDir: config.dataDir,
    clock,
    limits: config.view,
    ...(shared ? { shared } : {}),
    ...reportsOf(parts),
  });
  metrics.watch({ queued: () => store.status().queued, viewLagMs: () => view.status().lagMs });
  return view;
}

function openShared({ database }: Config, { store, log }: ViewParts, postgres: Postgres): Promise<SharedView> {
  return openSharedView(postgres, {
    ledger: store,
    recentMax: database?.recentMax ?? 1,
    onUnusable: (error) => log.error({ err: error }, 'the view in the database cannot be used and is made anew'),
    onDamagedRow: onDamagedRow(log),
  });
}

function onDamagedRow(log: Log) {
  return () => log.error({}, 'a row of the view cannot be read; what it is about is read from the ledger');
}

function reportsOf({ log, metrics }: ViewParts) {
  return {
    onDamagedRow: onDamagedRow(log),
    onError: (error: unknown) => {
      log.error({ err: error }, 'the view could not follow the ledger and tries again');
    },
    onUnreadable: () => {
      metrics.unreadable();
      log.error({}, 'an event of the ledger cannot be read; its recipient is answered no');
    },
  };
}
