import { programOf } from './harness/child.js';
import { Bench } from './harness/bench.js';
import type { Figure } from './harness/figure.js';
import { machineOf } from './harness/machine.js';
import { USAGE, isFull, readOptions, type BenchOptions, type FigureName } from './harness/options.js';
import { textOf, updatePage, writeResult, type Report } from './harness/report.js';
import { lineOf } from './harness/table.js';
import { measureAppend } from './figures/append.js';
import { measureBatch } from './figures/batch.js';
import { measureCheck } from './figures/check.js';
import { measureRebuild } from './figures/rebuild.js';
import { measureRevoke } from './figures/revoke.js';
import { openRig, type Rig } from './figures/rig.js';

/** `npm run bench`: every figure of issue 3 beside its floor. Results go to stdout, progress to stderr. */
async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  const bench = new Bench(options);
  try {
    const machine = machineOf(bench.dir);
    const figures = await measureAll(bench);
    bench.progress.end();
    publish({ date: new Date().toISOString(), options, machine, figures });
  } finally {
    await bench.close();
  }
}

function optionsOf(args: readonly string[]): BenchOptions {
  try {
    return readOptions(args);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}\n`);
    return process.exit(2);
  }
}

async function measureAll(bench: Bench): Promise<readonly Figure[]> {
  let rig: Promise<Rig> | undefined;
  const withRig = async <T>(measure: (rig: Rig) => Promise<T>) => measure(await (rig ??= openRig(bench)));
  const measures: Readonly<Record<FigureName, () => Promise<readonly Figure[]>>> = {
    check: () => withRig((one) => measureCheck(bench, one, 'id')),
    phone: () => withRig((one) => measureCheck(bench, one, 'phone')),
    batch: () => withRig((one) => measureBatch(bench, one)),
    append: () => measureAppend(bench),
    // After the checks: from here on everybody has said stop.
    revoke: () => withRig((one) => measureRevoke(bench, one)),
    rebuild: () => measureRebuild(bench),
  };
  const figures: Figure[] = [];
  for (const name of bench.options.only) {
    const measured = await measures[name]();
    for (const figure of measured) bench.progress.tell(lineOf(figure));
    figures.push(...measured);
  }
  return figures;
}

function publish(report: Report): void {
  const text = textOf(report);
  process.stdout.write(`${text}\n`);
  if (!isFull(report.options)) return;
  const name = writeResult(programOf('../bench/results'), report);
  updatePage(programOf('../docs/performance.md'), text);
  process.stdout.write(`\nwritten: bench/results/${name}, docs/performance.md\n`);
}

await main();
