import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { CatalogueRecord, ChangeRecord, StateRecord } from '#contracts';
import { readTopic, jsonOf, type SeenRecord } from '../reader.js';
import { startBroker, stopBrokers, type Broker } from '../broker.js';
import { append, eventOf, grant, RelayScene, stop } from './scene.js';

let broker: Broker;
let scene: RelayScene;
beforeAll(async () => {
  broker = await startBroker();
}, 120_000);
afterAll(stopBrokers, 30_000);
beforeEach(async () => {
  scene = await RelayScene.open(broker.brokers);
});
afterEach(() => scene.close(), 30_000);

/** Of this scene's ledger alone, since the topics are there for all tests of the file. */
async function records(topic: string): Promise<readonly SeenRecord[]> {
  const all = await readTopic(broker.brokers, topic);
  return all.filter(({ headers }) => headers.ce_source === `/consent-ledger/${scene.store.ledgerId}`);
}

describe('a relay over a ledger', () => {
  it('tells opt-outs, changes, states and registers', async () => {
    await append(
      scene,
      'business-acme',
      eventOf('PurposeRegistered', { purposeId: 'offers', category: 'marketing', title: 'x', requires: 'consent' }),
    );
    await append(scene, 'consent-r1', grant());
    const { position } = await append(scene, 'consent-r1', stop());
    await append(
      scene,
      'conversation-r1',
      eventOf('UserMessaged', { channel: 'whatsapp', sender: 'main', kind: 'message' }),
    );
    const relay = scene.relay();
    await scene.published(relay);
    const optOuts = await records('consent.optouts.v1');
    expect(
      optOuts.map((record) => [record.key, jsonOf<ChangeRecord>(record).type, record.headers.ce_ledgerposition]),
    ).toEqual([['r1', 'ConsentRevoked', position]]);
    const changes = await records('consent.changes.v1');
    expect(changes.map((record) => jsonOf<ChangeRecord>(record).type)).toEqual([
      'ConsentGranted',
      'ConsentRevoked',
      'UserMessaged',
    ]);
    const state = jsonOf<StateRecord>((await records('consent.state.v1')).at(-1) as SeenRecord);
    expect([state.grants.length, state.revocations.length, state.contacts.length]).toEqual([1, 1, 1]);
    const [catalogue] = (await records('consent.catalogue.v1')).map((record) => jsonOf<CatalogueRecord>(record));
    expect(catalogue?.purposes.map(({ purposeId }) => purposeId)).toEqual(['offers']);
  });
});
