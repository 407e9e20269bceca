import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from '@jest/globals';
import { newDataDirectory, removeDataDirectories } from '../../faults/data-directory.js';
import { FULL, chance, tellStanding } from '../../faults/full.js';
import { scanOf } from '../../faults/record.js';
import { until } from '../../faults/until.js';
import { Writers, phoneNumbers } from '../../faults/writers.js';
import { registerAcme } from '../../support/client.js';
import { killLaunched, launchService, type ServiceProcess } from '../../support/process.js';
import { startBroker, stopBrokers } from '../broker.js';
import { readTopic } from '../reader.js';
import { changes, missingOf, optouts, outOfOrder, repeatsIn } from './topics.js';

const WAITING = FULL ? 200_000 : 2_000;
const DRAIN_MS = 300_000;
/** The service keeps nothing of what waits, the ledger does; its caches of rows and keys have limits of their own. */
const MOST_MB = 800;

afterEach(async () => {
  await killLaunched();
  await stopBrokers();
  removeDataDirectories();
});

async function metricsOf({ process }: ServiceProcess): Promise<string> {
  const { ports } = JSON.parse((await process.line('{"ready":true')) ?? '{}') as { ports: { metrics: number } };
  return (await fetch(`http://127.0.0.1:${ports.metrics}/metrics`)).text();
}

/** Undefined while nobody can tell. */
async function lagOf(service: ServiceProcess): Promise<number | undefined> {
  const [, value] = /^consent_relay_lag_seconds\{lane="optouts"\} (\S+)$/m.exec(await metricsOf(service)) ?? [];
  return value === undefined || value === '+Inf' ? undefined : Number(value);
}

function residentMb({ process }: ServiceProcess): number {
  const [, kb] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kb) / 1_024);
}

it(
  'an outage of the brokers holds nothing up, is measured, and ends with everything told',
  async () => {
    const broker = await startBroker();
    const dataDir = newDataDirectory();
    const service = await launchService(dataDir, { env: { KAFKA_BROKERS: broker.brokers.join(',') } });
    await registerAcme(service);
    await until('the relay is at the end', async () => ((await lagOf(service)) === 0 ? true : undefined));
    await broker.kill();
    const writers = new Writers(chance('an outage of Kafka'), phoneNumbers(FULL ? 20_000 : 200));
    const stopping = new AbortController();
    const writing = writers.write(service, 16, stopping.signal);
    for (let tenth = 1; tenth <= 10; tenth += 1) {
      await writers.acknowledgedMore(WAITING / 10);
      tellStanding(`the brokers are away: ${writers.acknowledged.length} of ${WAITING} acknowledged`);
    }
    stopping.abort();
    await writing;
    await writers.retryOpen(service);
    await until('the lag is told', async () => ((await lagOf(service)) ?? 0) > 0 || undefined);
    const waitingMb = residentMb(service);
    const began = performance.now();
    await broker.start();
    const scanned = await scanOf(dataDir);
    const stops = scanned.filter(({ type }) => type === 'ConsentRevoked');
    const patience = { patienceMs: DRAIN_MS };
    tellStanding(`the broker is back: ${stops.length} opt-outs and ${scanned.length} changes are to be told`);
    const told = await readTopic(broker.brokers, optouts.topic, {
      ...patience,
      until: (records) => records.length >= stops.length && missingOf(stops, records).length === 0,
    });
    tellStanding(`${told.length} records of opt-outs were told`);
    await readTopic(broker.brokers, changes.topic, {
      ...patience,
      until: (records) => records.length >= scanned.length && missingOf(scanned, records).length === 0,
    });
    const drainedMs = performance.now() - began;
    await until('the relay is at the end again', async () => ((await lagOf(service)) === 0 ? true : undefined));
    console.log(
      `an outage with ${scanned.length} waiting: ${writers.acknowledged.length} acknowledged, ${stops.length} opt-outs, ` +
        `${missingOf(stops, told).length} missing, ${outOfOrder(told).length} out of order, ${repeatsIn(told)} repeated; ` +
        `told ${Math.round(drainedMs)} ms after the broker was started; ${waitingMb} MB while waiting, ${residentMb(service)} MB after`,
    );
    expect([missingOf(stops, told), outOfOrder(told)]).toEqual([[], []]);
    expect(Math.max(waitingMb, residentMb(service))).toBeLessThan(MOST_MB);
    expect(await service.process.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  },
  FULL ? 900_000 : 150_000,
);
