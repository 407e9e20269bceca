import { join } from 'node:path';
import { openEventStoreDb, openSqliteStore, type EventStore } from '#event-store';
import type { Bench } from '../harness/bench.js';
import { commitsOf } from '../harness/commits.js';
import type { Figure } from '../harness/figure.js';
import { cpuSecondsOf } from '../harness/proc.js';
import { interleave, series } from '../harness/rounds.js';
import { median, ratiosTo } from '../harness/statistics.js';
import { startEventStore } from '../seed/eventstore.js';
import { appendAtOnce, templateOf, type AppendSample } from './append.js';

const IN_FLIGHT = { one: 1, many: 64 } as const;
const APPENDS = { one: 1_000, many: 10_000 } as const;
const GOALS = { one: 0.35, many: 0.25 } as const;

type Writers = keyof typeof IN_FLIGHT;

/** A store to append to, the file that its events end up in, and the process that writes it. */
interface Contender {
  readonly store: EventStore;
  readonly dataDir: string;
  readonly pid: number;
}

type CommitSample = AppendSample & {
  readonly eventsPerCommit: number;
  /** Microseconds of the writing process, all its threads, per append. */
  readonly cpuUs: number;
};

/** Durable appends through the adapter and our server, beside the embedded store that the server stands on. */
export async function measureEventStoreAppend(bench: Bench): Promise<readonly Figure[]> {
  const template = await templateOf(bench);
  const [embedded, served] = [await openEmbedded(bench), await openServed(bench)];
  const append = (contender: Contender, writers: Writers) => async (): Promise<CommitSample> => {
    const appends = bench.amount(APPENDS[writers]);
    const file = join(contender.dataDir, 'ledger.db');
    const [commits, cpuSeconds] = [commitsOf(file), cpuSecondsOf(contender.pid)];
    const sample = await appendAtOnce(contender.store, template, IN_FLIGHT[writers], appends);
    return {
      ...sample,
      eventsPerCommit: appends / (commitsOf(file) - commits),
      cpuUs: ((cpuSecondsOf(contender.pid) - cpuSeconds) * 1_000_000) / appends,
    };
  };
  const samples = await interleave(
    {
      embeddedOne: append(embedded, 'one'),
      servedOne: append(served, 'one'),
      embeddedMany: append(embedded, 'many'),
      servedMany: append(served, 'many'),
    },
    bench.rounds('append through EventStoreDB’s protocol', { warmUps: 1 }),
  );
  return [
    figureOf('one', samples.servedOne, samples.embeddedOne),
    figureOf('many', samples.servedMany, samples.embeddedMany),
  ];
}

function figureOf(writers: Writers, samples: readonly CommitSample[], embedded: readonly CommitSample[]): Figure {
  const values = series(samples, 'perSecond');
  const floors = series(embedded, 'perSecond');
  return {
    what: `append through EventStoreDB's protocol, ${IN_FLIGHT[writers]} in flight`,
    unit: 'a second',
    values,
    floor: { what: 'embedded store', values: floors },
    ratios: ratiosTo(floors, values, 'rate'),
    goal: { of: 'ratio', atLeast: GOALS[writers] },
    also: {
      'p99 in ms': median(series(samples, 'p99Ms')),
      'events a commit': median(series(samples, 'eventsPerCommit')),
      'events a commit of the embedded store': median(series(embedded, 'eventsPerCommit')),
      'µs CPU of the server each': median(series(samples, 'cpuUs')),
    },
  };
}

async function openEmbedded(bench: Bench): Promise<Contender> {
  const dataDir = join(bench.dir, 'esdb-embedded');
  const store = await openSqliteStore({ dataDir });
  bench.own(() => store.close());
  return { store, dataDir, pid: process.pid };
}

async function openServed(bench: Bench): Promise<Contender> {
  const dataDir = join(bench.dir, 'esdb-append');
  const { url, pid, stop } = await startEventStore(dataDir, bench.options);
  bench.own(stop);
  const store = await openEventStoreDb({ url });
  bench.own(() => store.close());
  return { store, dataDir, pid };
}
