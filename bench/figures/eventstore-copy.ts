import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../harness/bench.js';
import { programOf, run } from '../harness/child.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { median } from '../harness/statistics.js';
import { watch } from '../harness/watch.js';
import { startEventStore } from '../seed/eventstore.js';
import { FIVE_EVENTS } from '../seed/people.js';
import { seed } from '../seed/seed.js';
import { found } from '../seed/service.js';

const PEOPLE = 10_000;
const GOAL_PER_SECOND = 10_000;

type CopySample = Sample & {
  readonly perSecond: number;
  /** From the start of the tool to its end, comparison and all. */
  readonly perSecondInAll: number;
  readonly peakMb: number;
};

/** `ledger:copy` from an embedded ledger into an empty one of our server. */
export async function measureEventStoreCopy(bench: Bench): Promise<readonly Figure[]> {
  const from = join(bench.dir, 'esdb-copy-from');
  await found(from);
  const people = bench.amount(PEOPLE);
  const { events } = await seed({ dataDir: from, people, storyOf: () => FIVE_EVENTS }, bench.progress);
  const what = `\`ledger:copy\`, embedded to EventStoreDB's protocol, ${events.toLocaleString('en-GB')} events`;
  const { copy } = await interleave({ copy: () => copyOnce(bench, from, events) }, bench.rounds(what));
  return [
    {
      what,
      unit: 'events a second',
      values: series(copy, 'perSecond'),
      goal: { of: 'value', atLeast: GOAL_PER_SECOND },
      also: {
        'with start and comparison, events a second': median(series(copy, 'perSecondInAll')),
        'memory of the tool, MB': median(series(copy, 'peakMb')),
      },
    },
  ];
}

/** The command that an operator runs, into a server that begins with nothing. */
async function copyOnce(bench: Bench, from: string, expected: number): Promise<CopySample> {
  const target = join(bench.dir, 'esdb-copy-to');
  const server = await startEventStore(target, bench.options);
  try {
    const began = performance.now();
    const { child, output } = run(programOf('apps/ledger/keeping/ledger-copy.js'), {
      args: ['--from', from, '--to', server.url],
    });
    const watching = watch(child.pid);
    const text = await output;
    const seconds = (performance.now() - began) / 1_000;
    const { peakMb } = watching();
    return { perSecond: rateIn(text, expected), perSecondInAll: expected / seconds, peakMb };
  } finally {
    await server.stop();
    rmSync(target, { recursive: true, force: true });
  }
}

/** `copied: 50000 events in 4.1 s (12195/s); 0 were there already`, and a comparison that came out well. */
function rateIn(text: string, expected: number): number {
  const [, events, perSecond] = /copied: (\d+) events in [\d.]+ s \((\d+)\/s\); 0 were there/.exec(text) ?? [];
  const same = text.includes('the target holds exactly what the source holds');
  if (same && Number(events) >= expected) return Number(perSecond);
  throw new Error(`a copy of ${expected} events said: ${text}`);
}
