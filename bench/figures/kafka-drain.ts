import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TOPICS } from '#contracts';
import { RawKafka, type RawRecord } from '../floors/kafka/raw.js';
import type { Bench } from '../harness/bench.js';
import { programOf, startServer } from '../harness/child.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { median, ratiosTo } from '../harness/statistics.js';
import { FIVE_EVENTS } from '../seed/people.js';
import { seed } from '../seed/seed.js';
import { found, startService } from '../seed/service.js';

const PEOPLE = 40_000;
const GOAL_RATIO = 0.5;
const RAW_BATCH = 500;
const RAW_RECORDS = 100_000;
const LOOK_MS = 50;

type DrainSample = Sample & { readonly perSecond: number };

/** What waits after an outage is told to Kafka: records of all lanes a second, beside kafkajs in batches of 500. */
export async function measureKafkaDrain(bench: Bench, brokers: readonly string[]): Promise<readonly Figure[]> {
  const raw = new RawKafka(brokers);
  bench.own(() => raw.close());
  await raw.open();
  const dataDir = join(bench.dir, 'kafka-drain');
  await found(dataDir);
  const people = bench.amount(PEOPLE);
  const { events } = await seed({ dataDir, people, storyOf: () => FIVE_EVENTS }, bench.progress);
  // Once without Kafka, so that the view has caught up before anything is measured.
  await startService(dataDir).then((service) => service.stop());
  await drainOnce(dataDir, brokers);
  const template = await anyChange(raw);
  const records = bench.amount(RAW_RECORDS);
  const { floor, relay } = await interleave<'floor' | 'relay', DrainSample>(
    { floor: () => sendRaw(raw, template, records), relay: () => drainOnce(dataDir, brokers) },
    bench.rounds('drain after an outage'),
  );
  const [values, floors] = [series(relay, 'perSecond'), series(floor, 'perSecond')];
  return [
    {
      what: `drain of ${events.toLocaleString('en-GB')} waiting events, records of all lanes`,
      unit: 'records a second',
      values,
      floor: { what: `kafkajs, batches of ${RAW_BATCH} of the same bytes`, values: floors },
      ratios: ratiosTo(floors, values, 'rate'),
      goal: { of: 'ratio', atLeast: GOAL_RATIO },
      also: {
        'seconds until everything was told': median(series(relay, 'seconds')),
        'events a second': events / median(series(relay, 'seconds')),
      },
    },
  ];
}

/** A relay that remembers nothing tells everything: from the ready line to the end of the ledger in every lane. */
async function drainOnce(dataDir: string, brokers: readonly string[]): Promise<DrainSample> {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(dataDir, `relay.db${suffix}`), { force: true });
  const env = {
    DATA_DIR: dataDir,
    PORT: '0',
    METRICS_PORT: '0',
    GRPC_PORT: '0',
    LOG_LEVEL: 'error',
    DISK_RESERVE_MB: '1',
  };
  const { ready, stop } = await startServer(programOf('apps/ledger/main.js'), {
    env: { ...env, KAFKA_BROKERS: brokers.join(',') },
  });
  const { ports } = ready as { ports: { metrics: number } };
  const began = performance.now();
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${ports.metrics}/metrics`)).text();
    const left = valuesOf(text, 'consent_relay_lag_events');
    if (left.length > 0 && left.every((events) => events === 0)) {
      const seconds = (performance.now() - began) / 1_000;
      await stop();
      const records = valuesOf(text, 'consent_relay_records_total').reduce((sum, one) => sum + one, 0);
      return { perSecond: records / seconds, seconds };
    }
    await pause(LOOK_MS);
  }
}

function valuesOf(metrics: string, name: string): readonly number[] {
  const lines = metrics.split('\n').filter((line) => line.startsWith(`${name}{`));
  return lines.map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
}

function anyChange(raw: RawKafka): Promise<RawRecord['message']> {
  return new Promise((resolve, reject) => {
    raw.follow(TOPICS.changes.topic, ({ message }) => resolve(message)).catch(reject);
  });
}

async function sendRaw(raw: RawKafka, template: RawRecord['message'], records: number): Promise<DrainSample> {
  const began = performance.now();
  for (let sent = 0; sent < records; sent += RAW_BATCH) {
    const messages = Array.from({ length: RAW_BATCH }, (_, n) => ({ ...template, key: `recipient-${sent + n}` }));
    await raw.send(messages);
  }
  return { perSecond: (records * 1_000) / (performance.now() - began) };
}
