import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { planned, TOPICS, type ChangeRecord, type StateRecord } from '#contracts';
import { RELAY_DEFAULTS, RelayDatabase } from '#relay';
import { until as eventually } from '../../faults/until.js';
import { jsonOf, type SeenRecord } from '../reader.js';
import { startBroker, stopBrokers, type Broker } from '../broker.js';
import { plainClient } from '../ready.js';
import { append, eventOf, grant, recordsOf, RelayScene, stop, until } from './scene.js';

/** Of the broker: an opt-out of a thousand purposes does not fit. */
const MOST_BYTES = 20_000;

let broker: Broker;
let scene: RelayScene;
beforeAll(async () => {
  broker = await startBroker({ settings: { 'message.max.bytes': String(MOST_BYTES) } });
}, 120_000);
afterAll(stopBrokers);
beforeEach(async () => {
  scene = await RelayScene.open(broker.brokers);
});
afterEach(() => scene.close());

const records = (topic: string) => recordsOf(scene, broker.brokers, topic);
const told = <T>(all: readonly SeenRecord[], key: string) =>
  all.filter((one) => one.key === key).map((one) => jsonOf<T>(one));

async function deleteTopic(topic: string): Promise<void> {
  const admin = plainClient(broker.brokers).admin();
  await admin.connect();
  if ((await admin.listTopics()).includes(topic)) await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
}

describe('a relay in trouble', () => {
  it('says which commands make the topics that it may not make, and begins once they are there', async () => {
    const waiting = scene.relay({ topics: { create: false } });
    await until(() => waiting.status().problem !== undefined);
    expect(waiting.status().problem).toContain('KAFKA_CREATE_TOPICS is false');
    const commands = scene.lines.map(({ fields }) => String(fields.problem));
    expect(commands.filter((one) => one.includes('--create') && one.includes(TOPICS.optouts.topic))).toHaveLength(1);
    await scene.kafka.cluster.create(
      Object.values(TOPICS).map(({ topic, partitions, settings }) => ({ topic, partitions, settings })),
    );
    await append(scene, 'consent-r1', stop());
    await scene.published(waiting);
    expect((await records(TOPICS.optouts.topic)).map(({ key }) => key)).toEqual(['r1']);
  });

  it('tells an event that the broker never takes as a doubt, and those around it as they are', async () => {
    const purposes = Array.from({ length: 1_000 }, (_, n) => `purpose-with-a-name-${n}`);
    const facts = { channels: ['whatsapp'], categories: [], method: 'operator' };
    await append(scene, 'consent-r1', stop());
    await append(scene, 'consent-r2', eventOf('ConsentRevoked', { ...facts, purposes }));
    await append(scene, 'consent-r3', stop());
    const relay = scene.relay();
    await scene.published(relay);
    const optOuts = await records(TOPICS.optouts.topic);
    // What stood beside it in a batch may be told more than once.
    const doubts = optOuts.map((one) => `${one.key} ${jsonOf<ChangeRecord>(one).unreadable === true}`);
    expect([...new Set(doubts)].sort()).toEqual(['r1 false', 'r2 true', 'r3 false']);
    await until(() => relay.status().parked > 0);
    await scene.published(relay);
    expect(told<StateRecord>(await records(TOPICS.state.topic), 'r2').at(-1)).toMatchObject({ unreadable: true });
    expect(scene.said('could not be published as it is').length).toBeGreaterThan(0);
  });

  it('tells an event that this version does not know as a doubt', async () => {
    await append(scene, 'consent-r1', grant(), eventOf('ConsentTransferred'));
    await scene.published(scene.relay());
    expect(told<ChangeRecord>(await records(TOPICS.optouts.topic), 'r1')).toMatchObject([{ unreadable: true }]);
    expect(told<StateRecord>(await records(TOPICS.state.topic), 'r1').at(-1)).toMatchObject({ unreadable: true });
  });

  it.each([TOPICS.optouts.topic, TOPICS.state.topic])(
    'makes %s again where it was deleted, and tells what was in it again',
    async (topic) => {
      const relay = scene.relay();
      await append(scene, 'consent-r1', stop());
      await scene.published(relay);
      await deleteTopic(topic);
      await append(scene, 'consent-r2', stop());
      await until(() => scene.said('begins again').length > 0, 60_000);
      await scene.published(relay);
      expect([...new Set((await records(topic)).map(({ key }) => key))].sort()).toEqual(['r1', 'r2']);
    },
    90_000,
  );

  it.each([TOPICS.optouts.topic, TOPICS.catalogue.topic, TOPICS.watermarks.topic])(
    'makes %s again where it was deleted while nothing is written',
    async (topic) => {
      const relay = scene.relay();
      const register = { purposeId: 'offers', category: 'marketing', title: 'x', requires: 'consent' };
      await append(scene, 'business-acme', eventOf('PurposeRegistered', register));
      await append(scene, 'consent-r1', stop());
      await scene.published(relay);
      const isTold = () =>
        scene.kafka.cluster.ends(topic).then(
          (ends) => ends.some(({ high }) => high !== '0') || undefined,
          () => undefined,
        );
      await eventually('it is told', isTold);
      await deleteTopic(topic);
      await eventually('it is gone', async () => !(await isTold()) || undefined);
      await eventually('it is told again', isTold, 60_000);
    },
    120_000,
  );

  it('tells again what was in a topic that somebody made anew, also where as much stands in it before it is noticed', async () => {
    const relay = scene.relay();
    await append(scene, 'consent-r1', stop(), stop());
    await scene.published(relay);
    await deleteTopic(TOPICS.optouts.topic);
    await eventually('it is made anew', async () => {
      await scene.kafka.cluster.create([planned('optouts', {})]).catch(() => undefined);
      const ends = await scene.kafka.cluster.ends(TOPICS.optouts.topic).catch(() => []);
      return (ends.length > 0 && ends.every(({ high }) => high === '0')) || undefined;
    });
    await append(scene, 'consent-r1', stop());
    await until(() => scene.said('begins again').length > 0);
    await scene.published(relay);
    expect(new Set((await records(TOPICS.optouts.topic)).map(({ headers }) => headers.ce_id)).size).toBe(3);
  });

  it('says that it cannot prove how far the opt-outs are', async () => {
    const { topic, partitions, settings } = TOPICS.watermarks;
    await deleteTopic(topic);
    const unwritable = { topic, partitions, settings: { ...settings, 'max.message.bytes': '10' } };
    await eventually('it is made', async () => {
      await scene.kafka.cluster.create([unwritable]);
      const [found] = await scene.kafka.cluster.describe([topic]);
      return found?.settings['max.message.bytes'] === '10' || undefined;
    });
    const relay = scene.relay();
    const laneOf = (lane: string) => relay.status().lanes.find(({ name }) => name === lane);
    const problemOf = (lane: string) => laneOf(lane)?.problem;
    await until(() => problemOf('optouts') !== undefined);
    expect(problemOf('optouts')).toBe('how far it is cannot be told: a record is larger than the topic takes');
    expect(problemOf('changes')).toBeUndefined();
    // Nothing waits to be told, and still every guard is about to say no to everything.
    await until(() => Number(laneOf('optouts')?.lagMs) > RELAY_DEFAULTS.lagWarnMs);
    expect(laneOf('changes')?.lagMs).toBe(0);
    await deleteTopic(topic);
  });

  it('that breaks off while it begins leaves no lane behind that would publish beside the next', async () => {
    /** It is asked for the place of each lane when the topics are compared, and when the lane begins. */
    class FailingOnce extends RelayDatabase {
      looks = 0;
      override checkpoint(lane: string): ReturnType<RelayDatabase['checkpoint']> {
        if (lane === 'changes' && ++this.looks === 2) throw new Error('the disk does not answer');
        return super.checkpoint(lane);
      }
    }
    const database = new FailingOnce(join(scene.dataDir, 'relay.db'));
    const relay = scene.relay({ database });
    await append(scene, 'consent-r1', grant());
    await scene.published(relay);
    await append(scene, 'consent-r1', grant(['news']));
    await scene.published(relay);
    await relay.close();
    database.close();
    expect(database.looks).toBeGreaterThan(2);
    expect((await records(TOPICS.state.topic)).length).toBe(2);
  });

  it('ends when it is closed while it still begins', async () => {
    const relay = scene.relay();
    await until(() => relay.status().leader);
    await relay.close();
    expect(relay.status().leader).toBe(false);
  });

  it('does not publish beside another, and takes over when that one is gone', async () => {
    const [one, other] = [scene.database(), scene.database()];
    const lease = { leaseMs: 1_000 };
    const first = scene.relay({ database: one, alone: false }, lease);
    await until(() => first.status().leader);
    const second = scene.relay({ database: other, alone: false }, lease);
    await append(scene, 'consent-r1', stop());
    await scene.published(first);
    expect(second.status()).toMatchObject({ leader: false, lanes: [] });
    await first.close();
    await append(scene, 'consent-r2', stop());
    await until(() => second.status().leader);
    await scene.published(second);
    expect((await records(TOPICS.optouts.topic)).map(({ key }) => key).sort()).toEqual(['r1', 'r2']);
  });
});
