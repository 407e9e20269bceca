import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { TOPICS, type ChangeRecord, type StateRecord } from '#contracts';
import { hasReached } from '#event-store';
import { startBroker, stopBrokers, type Broker } from '../broker.js';
import { jsonOf, readTopic, type SeenRecord } from '../reader.js';
import { append, eventOf, recordsOf, RelayScene, stop } from './scene.js';

let broker: Broker;
let scene: RelayScene;
beforeAll(async () => {
  broker = await startBroker();
}, 120_000);
afterAll(stopBrokers);
beforeEach(async () => {
  scene = await RelayScene.open(broker.brokers);
});
afterEach(() => scene.close());

const records = (topic: string) => recordsOf(scene, broker.brokers, topic);
const link = (other: string) => eventOf('RecipientLinked', { other, kind: 'same_person' });

async function linked(one: string, other: string): Promise<void> {
  await append(scene, `consent-${one}`, link(other));
  await append(scene, `consent-${other}`, link(one));
}

/** Resolves once the state of this recipient is there as of then or later. */
async function stateIsTold(key: string, position: string): Promise<void> {
  const isTold = (one: SeenRecord) => one.key === key && hasReached(jsonOf<StateRecord>(one).position, position);
  await readTopic(broker.brokers, TOPICS.state.topic, { until: (all) => all.some(isTold) });
}

describe('an opt-out of somebody who is linked', () => {
  it('is told under the key of everybody linked, over any number of links', async () => {
    await linked('a', 'b');
    await linked('b', 'c');
    await append(scene, 'consent-a', stop());
    await scene.published(scene.relay());
    const told = (await records(TOPICS.optouts.topic)).filter(
      (record) => jsonOf<ChangeRecord>(record).type === 'ConsentRevoked',
    );
    const underKeys = told.map((record) => [record.key, jsonOf<ChangeRecord>(record).linkedFrom]);
    expect(underKeys.sort()).toEqual([
      ['a', undefined],
      ['b', 'a'],
      ['c', 'a'],
    ]);
    expect(new Set(told.map(({ headers }) => headers.ce_id)).size).toBe(1);
  });

  it('is followed by the states of all that were told, though it has changed one of them alone', async () => {
    await linked('a', 'b');
    await linked('b', 'c');
    const relay = scene.relay();
    await scene.published(relay);
    const { position } = await append(scene, 'consent-a', stop());
    for (const key of ['a', 'b', 'c']) await stateIsTold(key, position);
  });

  it('is told while the view is behind, and to those linked once it is not, with their states', async () => {
    await linked('a', 'b');
    let isBehind = false;
    const { view } = scene;
    const relay = scene.relay({
      copy: {
        catalogue: view.catalogue,
        rowsAt: async (...asked) => (isBehind ? undefined : view.rowsAt(...asked)),
      },
    });
    await scene.published(relay);
    isBehind = true;
    const { position } = await append(scene, 'consent-a', stop());
    const isTold = (key: string) => (all: readonly SeenRecord[]) =>
      all.some((one) => one.key === key && one.headers.ce_ledgerposition === position);
    await readTopic(broker.brokers, TOPICS.optouts.topic, { until: isTold('a') });
    const lane = relay.status().lanes.find(({ name }) => name === 'optouts');
    expect(lane?.position !== undefined && hasReached(lane.position, position)).toBe(false);
    expect(isTold('b')(await records(TOPICS.optouts.topic))).toBe(false);
    isBehind = false;
    await readTopic(broker.brokers, TOPICS.optouts.topic, { until: isTold('b') });
    await scene.published(relay);
    await stateIsTold('b', position);
  });
});
