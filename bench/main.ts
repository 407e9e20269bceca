import { startBroker, stopBrokers } from '../test/kafka/broker.js';
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
import { measureEventStoreAppend } from './figures/eventstore-append.js';
import { measureEventStoreCopy } from './figures/eventstore-copy.js';
import { measureEventStoreLive } from './figures/eventstore-live.js';
import { measureEventStoreRead } from './figures/eventstore-read.js';
import { measureEventStoreRevoke } from './figures/eventstore-revoke.js';
import { measureFeed } from './figures/feed.js';
import { measureFilter } from './figures/filter.js';
import { measureGrpc } from './figures/grpc.js';
import { measureGuard } from './figures/guard.js';
import { measureKafkaDrain } from './figures/kafka-drain.js';
import { measureKafkaLatency } from './figures/kafka-latency.js';
import { openLargeLedger, type LargeLedger } from './figures/large-ledger.js';
import { measurePostgresMisses } from './figures/postgres-misses.js';
import { measurePostgresProjector } from './figures/postgres-projector.js';
import { openPostgresRig, type PostgresRig } from './figures/postgres-rig.js';
import { measureRebuild } from './figures/rebuild.js';
import { measureRevoke } from './figures/revoke.js';
import { measureMillion } from './figures/million.js';
import { measureReplicaStaleness } from './figures/replica-staleness.js';
import { openRig, type Rig } from './figures/rig.js';

/** `npm run bench`: every figure beside its floor. Results go to stdout, progress to stderr. */
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
  let large: Promise<LargeLedger> | undefined;
  const withLarge = async <T>(measure: (ledger: LargeLedger) => Promise<T>) =>
    measure(await (large ??= openLargeLedger(bench)));
  let database: Promise<PostgresRig> | undefined;
  const withDatabase = <T>(measure: (rig: PostgresRig) => Promise<T>) =>
    withLarge(async (ledger) => measure(await (database ??= openPostgresRig(bench, ledger))));
  let brokersOwned = false;
  const withBroker = async <T>(measure: (brokers: readonly string[]) => Promise<T>) => {
    // Once, and so last: a client of kafkajs whose broker is gone never ends.
    if (!brokersOwned) bench.own(stopBrokers);
    brokersOwned = true;
    return measure((await startBroker()).brokers);
  };
  const measures: Readonly<Record<FigureName, () => Promise<readonly Figure[]>>> = {
    check: () => withRig((one) => measureCheck(bench, one, 'id')),
    phone: () => withRig((one) => measureCheck(bench, one, 'phone')),
    batch: () => withRig((one) => measureBatch(bench, one)),
    filter: () => withRig((one) => measureFilter(bench, one)),
    feed: () => measureFeed(bench),
    grpc: () => withRig((one) => measureGrpc(bench, one)),
    append: () => measureAppend(bench),
    // After the checks: from here on everybody has said stop.
    revoke: () => withRig((one) => measureRevoke(bench, one)),
    rebuild: () => withLarge((ledger) => measureRebuild(bench, ledger)),
    'esdb-append': () => measureEventStoreAppend(bench),
    'esdb-read': () => withLarge((ledger) => measureEventStoreRead(bench, ledger)),
    'esdb-live': () => measureEventStoreLive(bench),
    'esdb-revoke': () => measureEventStoreRevoke(bench),
    'esdb-copy': () => measureEventStoreCopy(bench),
    'kafka-latency': () => withBroker((brokers) => measureKafkaLatency(bench, brokers)),
    'kafka-drain': () => withBroker((brokers) => measureKafkaDrain(bench, brokers)),
    million: () => measureMillion(bench),
    'pg-misses': () => withDatabase((one) => measurePostgresMisses(bench, one)),
    'pg-projector': () => withDatabase((one) => measurePostgresProjector(bench, one)),
    replica: () => measureReplicaStaleness(bench),
    guard: () => withBroker((brokers) => measureGuard(bench, brokers)),
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
