import { afterEach, expect, it } from '@jest/globals';
import { FULL, chance } from '../../faults/full.js';
import { until } from '../../faults/until.js';
import { ask, must } from '../../support/client.js';
import { startBroker } from '../broker.js';
import { Stage, UNHARMED, closeStages } from './stage.js';

const ROUNDS = FULL ? 4 : 1;
/** Acknowledged before the disk is full, and while it is. */
const BEFORE = FULL ? 200 : 40;
const MEANWHILE = FULL ? 300 : 40;

const random = chance('the disk of the broker is full');

afterEach(closeStages, 60_000);

interface Health {
  readonly status: string;
  readonly followers: readonly { readonly name: string; readonly problem?: string }[];
}

async function healthOf(stage: Stage): Promise<Health> {
  return (await ask(stage.service, 'GET', '/health/ready', { key: '' })).body as unknown as Health;
}

const problemIn = ({ followers }: Health) => followers.find(({ name }) => name === 'relay-optouts')?.problem;

it(
  'a full disk of the broker holds no opt-out up, health says so, and everything is told once there is room',
  async () => {
    const broker = await startBroker();
    const stage = await Stage.open({ brokers: broker.brokers, chance: random });
    const { service, writers } = stage;
    for (let round = 0; round < ROUNDS; round++) {
      await stage.whileWriting(async () => {
        await writers.acknowledgedMore(random.between(1, BEFORE));
        broker.fillDisk();
        // Kafka gives up at the first write that fails.
        await broker.ended();
        await until('health names the problem', async () => problemIn(await healthOf(stage)));
        await writers.acknowledgedMore(MEANWHILE);
        // Who starts it again without making room has it fail again.
        broker.launch();
        await broker.ended();
        const body = { recipient: { phone: '+393330000001' } };
        await must(ask(service, 'POST', '/v1/businesses/acme/revocations', { body }));
        expect(await healthOf(stage)).toMatchObject({ status: 'ready' });
        broker.freeDisk();
        await broker.start();
      });
      await until('health is well again', async () => problemIn(await healthOf(stage)) === undefined || undefined);
    }
    expect(await stage.judge(`${ROUNDS} times the disk of the broker was full`)).toMatchObject(UNHARMED);
    expect(await service.process.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(service.process.stderr).toBe('');
  },
  FULL ? 1_200_000 : 240_000,
);
