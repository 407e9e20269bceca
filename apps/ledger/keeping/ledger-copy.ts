import { copyLedger, type Copied, type LedgerSummary } from '#event-store';
import { openSource, openTarget } from './places.js';
import { optionsOf, print, run, type Bar } from './tool.js';

const USAGE = 'npm run ledger:copy -- --from <directory or esdb://…> --to <directory or esdb://…>';

/**
 * `npm run ledger:copy`: copies a ledger from one store to another, also beside a service that writes the source. Run
 * again it goes on where it was broken off. Exit code 1 where the two sides do not hold the same in the end.
 */
async function copy(bar: Bar): Promise<boolean> {
  const options = optionsOf(['from', 'to'], USAGE);
  const from = await openSource(options.from);
  try {
    const to = await openTarget(options.to);
    try {
      const copied = await copyLedger({ from, to, onProgress: progressOn(bar) });
      bar.stop();
      report(copied);
      return copied.same;
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

const STEPS = { find: 'looking at what is there', copy: 'copying', compare: 'comparing' } as const;

function progressOn(bar: Bar) {
  const began = performance.now();
  return ({ step, share, events }: { step: keyof typeof STEPS; share: number; events: number }) => {
    const perSecond = Math.round((events * 1_000) / (performance.now() - began));
    bar.show(STEPS[step], share, step === 'copy' ? `${events} events, ${perSecond}/s` : `${events} events`);
  };
}

function report({ copied, found, seconds, until, source, target, same }: Copied): void {
  const perSecond = Math.round(copied / Math.max(seconds, 0.001));
  print(`copied: ${copied} events in ${seconds.toFixed(1)} s (${perSecond}/s); ${found} were there already`);
  print(`complete up to position ${until} of the source`);
  for (const line of tableOf(source, target)) print(line);
  print(same ? 'the target holds exactly what the source holds up to there' : 'the target DIFFERS from the source');
}

function tableOf(source: LedgerSummary, target: LedgerSummary): readonly string[] {
  const categories = [...new Set([...Object.keys(source.categories), ...Object.keys(target.categories)])].sort();
  const rows = [
    ['events', 'source', 'target'],
    ...categories.map((name) => [name, source.categories[name] ?? 0, target.categories[name] ?? 0]),
    ['all', source.events, target.events],
  ];
  const lines = rows.map(([name, ours, theirs]) => `${cell(name, -16)}${cell(ours, 12)}${cell(theirs, 12)}`);
  return [...lines, `digest of the source ${source.digest}`, `digest of the target ${target.digest}`];
}

/** A negative width fills up behind, a positive one in front. */
function cell(value: string | number | undefined, width: number): string {
  const text = String(value);
  return width < 0 ? text.padEnd(-width) : text.padStart(width);
}

run('ledger:copy', copy);
