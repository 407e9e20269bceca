import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../harness/bench.js';
import { programOf, run, startHelper } from '../harness/child.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { median, ratiosTo } from '../harness/statistics.js';
import { watch } from '../harness/watch.js';
import type { ScanOrder, Scanned } from '../floors/scan/main.js';
import type { LargeLedger } from './large-ledger.js';

const GOAL_PER_SECOND = 80_000;
const GOAL_MB = 300;

type RebuildSample = Sample & {
  readonly perSecond: number;
  /** The start of the process included: what is left of it on a machine that does other things too. */
  readonly perCpuSecond: number;
  readonly peakMb: number;
  /** The most that was resident in the first and in the last third of the rebuild. */
  readonly firstThirdMb: number;
  readonly lastThirdMb: number;
};

/** `view:rebuild` over a large ledger, beside reading that ledger and making nothing of it. */
export async function measureRebuild(bench: Bench, ledger: LargeLedger): Promise<readonly Figure[]> {
  const { dataDir, people, events } = ledger;
  const what = `rebuild of the view, ${events.toLocaleString('en-GB')} events of ${people.toLocaleString('en-GB')} recipients`;
  const { pages, sqlite, rebuild } = await interleave<'pages' | 'sqlite' | 'rebuild', Sample>(
    {
      pages: () => scan({ dataDir, by: 'pages' }, events),
      sqlite: () => scan({ dataDir, by: 'sqlite' }, events),
      rebuild: () => rebuildOnce(dataDir, events),
    },
    bench.rounds(what),
  );
  return figuresOf(what, rebuild as readonly RebuildSample[], pages, sqlite);
}

function figuresOf(
  what: string,
  samples: readonly RebuildSample[],
  pages: readonly Sample[],
  sqlite: readonly Sample[],
): readonly Figure[] {
  const values = series(samples, 'perSecond');
  const floors = series(pages, 'perSecond');
  return [
    {
      what,
      unit: 'events a second',
      values,
      floor: { what: 'plain scan by pages', values: floors },
      ratios: ratiosTo(floors, values, 'rate'),
      goal: { of: 'value', atLeast: GOAL_PER_SECOND },
      also: {
        'events a CPU second': median(series(samples, 'perCpuSecond')),
        'plain scan by pages, MB a second': median(series(pages, 'mbPerSecond')),
        'scan by SQLite alone, events a second': median(series(sqlite, 'perSecond')),
      },
    },
    {
      what: 'memory of the rebuild, most that was resident',
      unit: 'MB',
      values: series(samples, 'peakMb'),
      goal: { of: 'value', atMost: GOAL_MB },
      also: {
        'most in its first third, MB': median(series(samples, 'firstThirdMb')),
        'most in its last third, MB': median(series(samples, 'lastThirdMb')),
      },
    },
  ];
}

/** The ledger read from end to end by a process of its own, which `onStart` may look at. */
export async function scan(
  order: ScanOrder,
  expected: number,
  onStart?: (pid: number) => void,
): Promise<Sample & { readonly perSecond: number; readonly mbPerSecond: number }> {
  const { said } = await startHelper(programOf('bench/floors/scan/main.js'), order, onStart);
  const { events, bytes, seconds } = said as Scanned;
  if (events < expected) throw new Error(`the scan saw ${events} of ${expected} events`);
  return { perSecond: events / seconds, mbPerSecond: bytes / seconds / 1_000_000 };
}

/** The command that an operator runs, in a process of its own, watched from outside. */
async function rebuildOnce(dataDir: string, expected: number): Promise<RebuildSample> {
  removeViews(dataDir);
  const { child, output } = run(programOf('apps/ledger/view-rebuild.js'), { env: { DATA_DIR: dataDir } });
  const watching = watch(child.pid);
  const text = await output;
  const { cpuSeconds, ...memory } = watching();
  return { perSecond: rateIn(text, expected), perCpuSecond: expected / cpuSeconds, ...memory };
}

/** `rebuilt: 1000000 events in 9.9 s (101010/s), at …` */
function rateIn(text: string, expected: number): number {
  const [, events, perSecond] = /rebuilt: (\d+) events in [\d.]+ s \((\d+)\/s\)/.exec(text) ?? [];
  if (Number(events) >= expected) return Number(perSecond);
  throw new Error(`a rebuild of ${expected} events said: ${text}`);
}

function removeViews(dataDir: string): void {
  for (const name of readdirSync(dataDir)) if (name.startsWith('view')) rmSync(join(dataDir, name));
}
