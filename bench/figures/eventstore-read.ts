import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { memoryOf } from '../harness/proc.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { median, ratiosTo } from '../harness/statistics.js';
import { watch, type Watched } from '../harness/watch.js';
import { startEventStore, type EventStoreServer } from '../seed/eventstore.js';
import type { LargeLedger } from './large-ledger.js';
import { scan } from './rebuild.js';

const GOAL_PER_SECOND = 20_000;

type ReadSample = Sample & Watched & { readonly perSecond: number; readonly mbPerSecond: number };

/** A large ledger read from end to end through the adapter and our server, beside the embedded store's own pages. */
export async function measureEventStoreRead(bench: Bench, ledger: LargeLedger): Promise<readonly Figure[]> {
  const { dataDir, events } = ledger;
  const server = await startEventStore(dataDir, bench.options);
  try {
    const what = `catch-up read through EventStoreDB's protocol, ${events.toLocaleString('en-GB')} events`;
    const { pages, served } = await interleave<'pages' | 'served', Sample>(
      {
        pages: () => scan({ by: 'pages', dataDir }, events),
        served: () => readOnce(server, events),
      },
      bench.rounds(what),
    );
    const serverPeakMb = memoryOf(server.pid)?.peakMb ?? 0;
    return figuresOf(what, served as readonly ReadSample[], pages, serverPeakMb);
  } finally {
    // The directory is free again for whoever reads it next.
    await server.stop();
  }
}

async function readOnce({ url }: EventStoreServer, expected: number): Promise<ReadSample> {
  let watching: (() => Watched) | undefined;
  const read = await scan({ by: 'eventstoredb', url }, expected, (pid) => (watching = watch(pid)));
  if (!watching) throw new Error('the reader was never started');
  return { ...read, ...watching() };
}

function figuresOf(
  what: string,
  samples: readonly ReadSample[],
  pages: readonly Sample[],
  serverPeakMb: number,
): readonly Figure[] {
  const values = series(samples, 'perSecond');
  const floors = series(pages, 'perSecond');
  return [
    {
      what,
      unit: 'events a second',
      values,
      floor: { what: 'embedded store, by pages', values: floors },
      ratios: ratiosTo(floors, values, 'rate'),
      goal: { of: 'value', atLeast: GOAL_PER_SECOND },
      also: { 'MB a second': median(series(samples, 'mbPerSecond')) },
    },
    {
      what: 'memory of that reader, most that was resident',
      unit: 'MB',
      values: series(samples, 'peakMb'),
      also: {
        'most in its first third, MB': median(series(samples, 'firstThirdMb')),
        'most in its last third, MB': median(series(samples, 'lastThirdMb')),
        'most of the server in all rounds, MB': serverPeakMb,
      },
    },
  ];
}
