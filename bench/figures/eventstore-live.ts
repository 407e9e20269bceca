import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openEventStoreDb, openSqliteStore, type EventStore, type NewEvent } from '#event-store';
import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { median, percentile } from '../harness/statistics.js';
import { startEventStore } from '../seed/eventstore.js';
import { templateOf } from './append.js';

const APPENDS = 600;
const EVERY_MS = 5;
const GOALS_MS = { p50: 2, p99: 15 } as const;

type LiveSample = Sample & { readonly p50Ms: number; readonly p99Ms: number; readonly acknowledgedP50Ms: number };

/**
 * How long after the call of its append an event is in the hands of a follower, at a steady rate. Writer and follower
 * are two adapters with connections of their own, so that nothing reaches the one by way of the other. Beside it the
 * embedded store, which hands its events on within one process.
 */
export async function measureEventStoreLive(bench: Bench): Promise<readonly Figure[]> {
  const template = await templateOf(bench);
  const server = await startEventStore(join(bench.dir, 'esdb-live'), bench.options);
  bench.own(server.stop);
  const [writer, follower] = [await openEventStoreDb(server), await openEventStoreDb(server)];
  for (const store of [writer, follower]) bench.own(() => store.close());
  const own = await openSqliteStore({ dataDir: join(bench.dir, 'esdb-live-embedded') });
  bench.own(() => own.close());
  const appends = bench.amount(APPENDS);
  const { embedded, served } = await interleave(
    {
      embedded: () => liveOnce(own, own, template, appends),
      served: () => liveOnce(writer, follower, template, appends),
    },
    bench.rounds('append to live follower', { warmUps: 1 }),
  );
  return [figureOf('p50', served, embedded), figureOf('p99', served, embedded)];
}

function figureOf(
  share: keyof typeof GOALS_MS,
  samples: readonly LiveSample[],
  embedded: readonly LiveSample[],
): Figure {
  return {
    what: `append → live follower through EventStoreDB's protocol, ${1_000 / EVERY_MS} a second, ${share}`,
    unit: 'ms',
    values: series(samples, `${share}Ms`),
    floor: { what: 'embedded store, the same', values: series(embedded, `${share}Ms`) },
    goal: { of: 'value', atMost: GOALS_MS[share] },
    also:
      share === 'p50' ? { 'acknowledged to the writer, p50 in ms': median(series(samples, 'acknowledgedP50Ms')) } : {},
  };
}

async function liveOnce(
  writer: EventStore,
  follower: EventStore,
  template: NewEvent,
  appends: number,
): Promise<LiveSample> {
  const sent = new Map<string, number>();
  const following = new Following(follower, sent, appends);
  await following.caughtUp;
  const acknowledged: Promise<number>[] = [];
  const began = performance.now();
  for (let n = 0; n < appends; n++) {
    await pause(Math.max(0, began + n * EVERY_MS - performance.now()));
    const id = randomUUID();
    const at = performance.now();
    sent.set(id, at);
    acknowledged.push(writer.append(`consent-${id}`, [{ ...template, id }], 'none').then(() => performance.now() - at));
  }
  const [acknowledgedMs, arrivedMs] = await Promise.all([Promise.all(acknowledged), following.latenciesMs]);
  return {
    p50Ms: percentile(arrivedMs, 0.5),
    p99Ms: percentile(arrivedMs, 0.99),
    acknowledgedP50Ms: percentile(acknowledgedMs, 0.5),
  };
}

/** A subscription from the head on, until as many of the events that were sent have come as are expected. */
class Following {
  readonly caughtUp: Promise<void>;
  readonly latenciesMs: Promise<readonly number[]>;
  private tellCaughtUp: () => void = () => undefined;

  constructor(
    private readonly store: EventStore,
    private readonly sent: ReadonlyMap<string, number>,
    private readonly expected: number,
  ) {
    this.caughtUp = new Promise((resolve) => (this.tellCaughtUp = resolve));
    this.latenciesMs = this.follow();
  }

  private async follow(): Promise<readonly number[]> {
    const latenciesMs: number[] = [];
    for await (const { events, caughtUp } of this.store.subscribe({ from: await this.store.head() })) {
      const now = performance.now();
      for (const { id } of events) latenciesMs.push(now - this.sentAt(id));
      if (latenciesMs.length === this.expected) break;
      if (caughtUp) this.tellCaughtUp();
    }
    return latenciesMs;
  }

  private sentAt(id: string): number {
    const at = this.sent.get(id);
    if (at === undefined) throw new Error('a follower was handed an event that nobody sent');
    return at;
  }
}
