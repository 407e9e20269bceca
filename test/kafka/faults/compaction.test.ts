import { afterEach, expect, it } from '@jest/globals';
import { ConfigResourceTypes } from 'kafkajs';
import { TOPICS, type CatalogueRecord } from '#contracts';
import { startGuard, type Guard } from '#sender-guard';
import { FULL, chance } from '../../faults/full.js';
import { until } from '../../faults/until.js';
import { ask, must } from '../../support/client.js';
import { startBroker } from '../broker.js';
import { plainClient } from '../ready.js';
import { jsonOf, readTopic } from '../reader.js';
import { Stage, UNHARMED, closeStages } from './stage.js';
import { outcomeOf, WHOLE } from './outcome.js';
import { Witness, agree } from './witness.js';

const BOOTS = FULL ? 20 : 3;
const BETWEEN_BOOTS = FULL ? 300 : 80;
const LIVE_MS = 30_000;

/** As hard as Kafka can: whatever is not in the newest segment, of which there is one every second, is compacted at once. */
const HARD = {
  'segment.ms': '1000',
  'segment.bytes': '4096',
  'min.cleanable.dirty.ratio': '0.0',
  'min.compaction.lag.ms': '0',
  'max.compaction.lag.ms': '1000',
  'delete.retention.ms': '0',
};
const CLEANER = { 'log.cleaner.backoff.ms': '100' };
const COMPACTED = [TOPICS.state, TOPICS.catalogue];

const random = chance('compaction running hard');

const guards: Guard[] = [];
afterEach(async () => {
  await Promise.all(guards.splice(0).map((guard) => guard.close()));
  await closeStages();
});

async function compactHard(brokers: string[]): Promise<void> {
  const admin = plainClient(brokers).admin();
  await admin.connect();
  const resources = COMPACTED.map(({ topic: name, settings }) => {
    // What is not named goes back to the broker's default.
    const configEntries = Object.entries({ ...settings, ...HARD }).map(([key, value]) => ({ name: key, value }));
    return { type: ConfigResourceTypes.TOPIC, name, configEntries };
  });
  await admin.alterConfigs({ validateOnly: false, resources });
  await admin.disconnect();
}

/** How many records a topic has taken, and how many of them are still there. */
async function compactionOf(brokers: string[], topic: string) {
  const admin = plainClient(brokers).admin();
  await admin.connect();
  const taken = (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  await admin.disconnect();
  return { taken, left: (await readTopic(brokers, topic)).length };
}

/** A guard that joins late, with a witness, until it has been asked for a while. */
async function bootOnce({ brokers, recipientIds, writers }: Stage): Promise<Witness> {
  const guard = startGuard({ brokers });
  guards.push(guard);
  await guard.live(AbortSignal.timeout(LIVE_MS));
  const witness = new Witness(guard, recipientIds);
  await writers.acknowledgedMore(BETWEEN_BOOTS);
  witness.stop();
  await guard.close();
  return witness;
}

/** Registers and retires a purpose, so that the register is compacted too. */
async function changeRegister({ service }: Stage, times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    const body = { category: 'marketing', title: `News ${n}` };
    await must(ask(service, 'PUT', '/v1/businesses/acme/purposes/news', { body }));
  }
}

it(
  'compaction running hard: the newest of each key stays, and whoever joins late comes to the same',
  async () => {
    const { brokers } = await startBroker({ settings: CLEANER });
    const stage = await Stage.open({ brokers, chance: random });
    await compactHard(brokers);
    const boots: Witness[] = [];
    await stage.whileWriting(async () => {
      for (let boot = 0; boot < BOOTS; boot++) {
        await changeRegister(stage, 5);
        boots.push(await bootOnce(stage));
      }
    });
    for (const { topic } of COMPACTED) {
      await until(`${topic} is compacted`, async () => {
        const { taken, left } = await compactionOf(brokers, topic);
        return left <= taken / 2 || undefined;
      });
    }
    const verdict = await stage.judge(`${BOOTS} boots of a guard while compaction runs`);
    expect(verdict).toMatchObject(UNHARMED);

    const scanned = await stage.scan();
    const late = startGuard({ brokers });
    guards.push(late);
    await late.live(AbortSignal.timeout(LIVE_MS));
    await agree(stage.service, late, stage.recipientIds);
    expect(await outcomeOf(brokers, scanned)).toMatchObject(WHOLE);
    const registers = (await readTopic(brokers, TOPICS.catalogue.topic)).map((one) => jsonOf<CatalogueRecord>(one));
    const revisions = registers.map(({ revision }) => Number(revision));
    expect(revisions.at(-1)).toBe(Math.max(...revisions));
    const wrong = boots.flatMap((witness) => witness.wrong(scanned));
    const saidYes = boots.reduce((sum, witness) => sum + witness.saidYes, 0);
    const sizes = await Promise.all(COMPACTED.map(({ topic }) => compactionOf(brokers, topic)));
    process.stdout.write(
      `guards that joined late: ${saidYes} yes, ${wrong.length} wrong; ` +
        COMPACTED.map(({ topic }, n) => `${topic}: ${sizes[n]?.left} of ${sizes[n]?.taken} records left`).join(', ') +
        '\n',
    );
    expect(wrong).toEqual([]);
    expect(saidYes).toBeGreaterThan(0);
    expect(await stage.service.process.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(stage.service.process.stderr).toBe('');
  },
  FULL ? 1_200_000 : 240_000,
);
