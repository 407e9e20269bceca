import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openEventStoreDb, type EventStore, type NewEvent } from '#event-store';
import { systemClock } from '#platform';
import { openPostgres } from '#postgres';
import { LiveView, openSharedView } from '#view';
import { removePostgresServers, startPostgres } from '../../test/postgres/server.js';
import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { percentile } from '../harness/statistics.js';
import { startEventStore } from '../seed/eventstore.js';
import { templateOf } from './append.js';

const APPENDS = 1_500;
const EVERY_MS = 2;
const GOALS_MS = { p50: 10, p99: 100 } as const;
const WAIT_MS = 30_000;

type StaleSample = Sample & { readonly p50Ms: number; readonly p99Ms: number };

/**
 * How long after the call of an append the answers of another replica hold the event, its rows in PostgreSQL and moved on
 * by itself, at a steady rate. Never less than until the acknowledgement, before which nobody can ask for it. Beside it
 * the acknowledgement alone.
 */
export async function measureReplicaStaleness(bench: Bench): Promise<readonly Figure[]> {
  const template = await templateOf(bench);
  const ledger = await startEventStore(join(bench.dir, 'replica-ledger'), bench.options);
  bench.own(ledger.stop);
  const writer = await openEventStoreDb(ledger);
  bench.own(() => writer.close());
  const replica = await openReplica(bench, ledger);
  const { acknowledged, stale } = await interleave(
    {
      acknowledged: () => once(bench, writer, template),
      stale: () => once(bench, writer, template, replica),
    },
    bench.rounds('append to the answers of another replica', { warmUps: 1 }),
  );
  return [figureOf('p50', stale, acknowledged), figureOf('p99', stale, acknowledged)];
}

async function openReplica(bench: Bench, ledger: { readonly url: string }): Promise<LiveView> {
  bench.own(removePostgresServers);
  const server = await startPostgres();
  const postgres = openPostgres({ url: server.url });
  bench.own(() => postgres.close());
  const store = await openEventStoreDb(ledger);
  bench.own(() => store.close());
  const about = { ledger: store, recentMax: 50_000 };
  const onError = (error: unknown) => bench.progress.tell(String(error));
  const view = await LiveView.open({
    store,
    dataDir: bench.dir,
    shared: await openSharedView(postgres, about),
    clock: systemClock,
    limits: { maxLagMs: 5_000, waitForPositionMs: WAIT_MS, cacheEntries: 10_000, probeIntervalMs: 1_000 },
    onUnreadable: () => undefined,
    onError,
  });
  bench.own(() => view.close());
  return view;
}

function figureOf(share: keyof typeof GOALS_MS, stale: readonly StaleSample[], own: readonly StaleSample[]): Figure {
  return {
    what: `append → answers of another replica, ${1_000 / EVERY_MS} a second, ${share}`,
    unit: 'ms',
    values: series(stale, `${share}Ms`),
    floor: { what: 'acknowledged to the writer', values: series(own, `${share}Ms`) },
    goal: { of: 'value', atMost: GOALS_MS[share] },
    also: {},
  };
}

async function once(bench: Bench, writer: EventStore, template: NewEvent, replica?: LiveView): Promise<StaleSample> {
  const appends = bench.amount(APPENDS);
  const took: Promise<number>[] = [];
  const began = performance.now();
  for (let n = 0; n < appends; n++) {
    await pause(Math.max(0, began + n * EVERY_MS - performance.now()));
    took.push(appendOne(writer, template, replica));
  }
  const allMs = await Promise.all(took);
  return { p50Ms: percentile(allMs, 0.5), p99Ms: percentile(allMs, 0.99) };
}

async function appendOne(writer: EventStore, template: NewEvent, replica: LiveView | undefined): Promise<number> {
  const at = performance.now();
  const id = randomUUID();
  const { position } = await writer.append(`consent-${id}`, [{ ...template, id }], 'none');
  if (replica && (await replica.rowsAt(position, [], WAIT_MS)) === undefined) throw new Error('it never came there');
  return performance.now() - at;
}
