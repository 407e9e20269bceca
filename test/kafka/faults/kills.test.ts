import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { startGuard, type Guard, type GuardState } from '#sender-guard';
import { newDataDirectory, removeDataDirectories } from '../../faults/data-directory.js';
import { FULL, chance } from '../../faults/full.js';
import { recipientIdsOf, scanOf } from '../../faults/record.js';
import { Writers, phoneNumbers } from '../../faults/writers.js';
import { registerAcme } from '../../support/client.js';
import { killLaunched, launchService, type ServiceProcess } from '../../support/process.js';
import { startBroker, stopBrokers, type Broker } from '../broker.js';
import { WHOLE, inWords, outcomeOf } from './outcome.js';
import { Witness, agree, readUpTo } from './witness.js';

const KILLS = FULL ? 54 : 4;
const PAUSE_MS = FULL ? 20_000 : 3_000;
/** Shorter than the pause, so that it must be noticed. */
const DENY_AFTER_MS = 2_500;

const random = chance('Kafka under kills');
const dataDir = newDataDirectory();
const phones = phoneNumbers(30);
let broker: Broker;
let guard: Guard | undefined;
let witness: Witness | undefined;

afterEach(async () => {
  witness?.stop();
  await guard?.close();
  await killLaunched();
  await stopBrokers();
  removeDataDirectories();
});

const launch = () => launchService(dataDir, { env: { KAFKA_BROKERS: broker.brokers.join(',') } });

type Fault = 'service' | 'broker' | 'pause';

/** While writers write; answers with the service that runs afterwards. */
async function strike(fault: Fault, service: ServiceProcess, writers: Writers): Promise<ServiceProcess> {
  const stopping = new AbortController();
  const enough = writers.acknowledgedMore(random.between(1, 60));
  const writing = writers.write(service, 4, stopping.signal);
  await enough;
  if (fault === 'service') await service.process.kill('SIGKILL');
  if (fault === 'broker') await broker.kill().then(() => broker.start());
  if (fault === 'pause') {
    broker.pause();
    // The fault itself: for so long nothing answers.
    await pause(PAUSE_MS).finally(() => broker.resume());
  }
  stopping.abort();
  await writing;
  const next = fault === 'service' ? await launch() : service;
  await writers.retryOpen(next);
  return next;
}

it(
  'kills of the service and the broker, and a broker that hangs: no opt-out is missing, and no yes was wrong',
  async () => {
    broker = await startBroker();
    let service = await launch();
    await registerAcme(service);
    const ids = await recipientIdsOf(service, phones);
    guard = startGuard({ brokers: broker.brokers, warnAfterMs: 1_000, denyAfterMs: DENY_AFTER_MS });
    const told: GuardState[] = [];
    guard.on('state', ({ state }) => told.push(state));
    await guard.live(AbortSignal.timeout(60_000));
    witness = new Witness(guard, ids);
    const writers = new Writers(random, phones);
    for (let kill = 0; kill < KILLS; kill++) {
      const fault = FULL ? random.oneOf(['service', 'broker'] as const) : kill % 2 === 0 ? 'service' : 'broker';
      service = await strike(fault, service, writers);
    }
    await guard.live(AbortSignal.timeout(60_000));
    told.length = 0;
    service = await strike('pause', service, writers);
    expect(told).toContain('STALE');

    const scanned = await scanOf(dataDir);
    const outcome = await outcomeOf(broker.brokers, scanned);
    const stops = scanned.filter(({ type }) => type === 'ConsentRevoked');
    await readUpTo(guard, stops.at(-1));
    await agree(service, guard, ids);
    witness.stop();
    const unheard = witness.unheard(stops);
    const wrong = witness.wrong(scanned);
    console.log(
      `Kafka under ${KILLS} kills and a pause of ${PAUSE_MS} ms: ${writers.acknowledged.length} acknowledged, ` +
        `${inWords(outcome)}; guard asked ${witness.asked} times, ${witness.saidYes} yes, ${wrong.length} wrong`,
    );
    expect(outcome).toMatchObject(WHOLE);
    expect([unheard, wrong]).toEqual([[], []]);
    expect(witness.saidYes).toBeGreaterThan(0);
    expect(await service.process.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(service.process.stderr).toBe('');
  },
  FULL ? 1_200_000 : 150_000,
);
