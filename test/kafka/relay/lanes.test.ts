import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EMPTY_STATE } from '#consent';
import {
  TOPICS,
  stateRecordOf,
  type CatalogueRecord,
  type ChangeRecord,
  type StateRecord,
  type WatermarkRecord,
} from '#contracts';
import { hasReached, type Appended } from '#event-store';
import type { Cluster, RelayOptions } from '#relay';
import { foldStored } from '#view';
import { chance } from '../../faults/full.js';
import { jsonOf, readTopic, type SeenRecord } from '../reader.js';
import { startBroker, stopBrokers, type Broker } from '../broker.js';
import { plainClient } from '../ready.js';
import { append, eventOf, grant, recordsOf, RelayScene, stop, until } from './scene.js';

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
const eventIds = (all: readonly SeenRecord[]) => all.map(({ headers }) => headers.ce_id);
/** More than is told in the time in which an opt-out is. */
const GRANTS = 20_000;
const AT_ONCE = 5_000;
const SOMEBODY = createHash('sha256').update('somebody').digest('base64url');

describe('a relay over a ledger', () => {
  it('tells opt-outs, changes, states and registers', async () => {
    const register = { purposeId: 'offers', category: 'marketing', title: 'x', requires: 'consent' };
    await append(scene, 'business-acme', eventOf('PurposeRegistered', register));
    await append(scene, 'consent-r1', grant());
    const { position } = await append(scene, 'consent-r1', stop());
    const message = { channel: 'whatsapp', sender: 'main', kind: 'message' };
    await append(scene, 'conversation-r1', eventOf('UserMessaged', message));
    await scene.published(scene.relay());
    const optOuts = await records(TOPICS.optouts.topic);
    expect(
      optOuts.map((record) => [record.key, jsonOf<ChangeRecord>(record).type, record.headers.ce_ledgerposition]),
    ).toEqual([['r1', 'ConsentRevoked', position]]);
    const changes = await records(TOPICS.changes.topic);
    const types = changes.map((record) => jsonOf<ChangeRecord>(record).type);
    expect(types).toEqual(['ConsentGranted', 'ConsentRevoked', 'UserMessaged']);
    const state = jsonOf<StateRecord>((await records(TOPICS.state.topic)).at(-1) as SeenRecord);
    expect([state.grants.length, state.revocations.length, state.contacts.length]).toEqual([1, 1, 1]);
    const [catalogue] = (await records(TOPICS.catalogue.topic)).map((record) => jsonOf<CatalogueRecord>(record));
    expect(catalogue?.purposes.map(({ purposeId }) => purposeId)).toEqual(['offers']);
  });

  it('keeps the order of each recipient, tells everything once, and ends in the ledger’s own states', async () => {
    const random = chance('a relay over a random ledger');
    const relay = scene.relay({}, { batchEvents: 20 });
    const appends: Promise<Appended>[] = [];
    for (let n = 0; n < 400; n += 1) {
      const event = random.between(0, 3) === 0 ? stop() : grant([random.oneOf(['offers', 'news'])]);
      appends.push(append(scene, `consent-r${random.between(0, 25)}`, event));
    }
    await Promise.all(appends);
    await scene.published(relay);
    const { events } = await scene.store.readAll({ prefixes: ['consent-'], limit: 1_000 });
    const changes = await records(TOPICS.changes.topic);
    expect([...eventIds(changes)].sort()).toEqual(events.map(({ id }) => id).sort());
    const stops = events.filter(({ type }) => type === 'ConsentRevoked').map(({ id }) => id);
    const optOuts = await records(TOPICS.optouts.topic);
    expect([...eventIds(optOuts)].sort()).toEqual(stops.sort());
    for (const told of [changes, optOuts]) expect(outOfOrder(told)).toEqual([]);
    const newest = new Map((await records(TOPICS.state.topic)).map((one) => [one.key, jsonOf<StateRecord>(one)]));
    for (const [recipientId = '', told] of newest) {
      const own = events.filter(({ stream }) => stream === `consent-${recipientId}`);
      const { position } = told;
      const state = foldStored(EMPTY_STATE, own);
      expect(told).toEqual(stateRecordOf({ businessId: 'acme', recipientId, position, state }));
    }
    expect(newest.size).toBe(new Set(events.map(({ stream }) => stream)).size);
  });

  it('goes on after a restart with what it has not told', async () => {
    await append(scene, 'consent-r1', stop());
    const first = scene.relay();
    await scene.published(first);
    await first.close();
    await append(scene, 'consent-r2', stop());
    await scene.published(scene.relay());
    expect((await records(TOPICS.optouts.topic)).map(({ key }) => key).sort()).toEqual(['r1', 'r2']);
  });

  it('proves how far the opt-outs are, by an offset that covers them', async () => {
    const relay = scene.relay();
    const { position } = await append(scene, 'consent-r1', stop());
    await scene.published(relay);
    const [optOut] = await records(TOPICS.optouts.topic);
    const isProof = (record: SeenRecord) => {
      const { partition, position: at } = jsonOf<WatermarkRecord>(record);
      return partition === optOut?.partition && hasReached(at, position);
    };
    const all = await readTopic(broker.brokers, TOPICS.watermarks.topic, { until: (some) => some.some(isProof) });
    for (const proof of all.filter(isProof).map((record) => jsonOf<WatermarkRecord>(record))) {
      expect(Number(proof.offset)).toBeGreaterThan(Number(optOut?.offset));
    }
  });

  it('goes on telling opt-outs however long the view is behind, as many as recipients may wait', async () => {
    const copy = { catalogue: scene.view.catalogue, rowsAt: async () => undefined };
    const relay = scene.relay({ copy }, { batchEvents: 2, dirtyMax: 4 });
    await scene.published(relay);
    for (const key of ['a', 'b', 'c']) {
      const { position } = await append(scene, `consent-${key}`, stop());
      const isTold = (all: readonly SeenRecord[]) => all.some((one) => one.headers.ce_ledgerposition === position);
      await readTopic(broker.brokers, TOPICS.optouts.topic, { until: isTold });
    }
  });

  it('tells an opt-out, and its state, before the import that stands in front of it', async () => {
    for (let first = 0; first < GRANTS; first += AT_ONCE) {
      const people = Array.from({ length: AT_ONCE }, (_, n) => `consent-p${first + n}`);
      await Promise.all(people.map((stream) => append(scene, stream, grant())));
    }
    await append(scene, 'consent-r1', stop());
    let changesTold = 0;
    let toldBefore: number | undefined;
    const onAcknowledged = (lane: string, _ms: number, count: number) => {
      if (lane === 'changes') changesTold += count;
      if (lane === 'optouts') toldBefore ??= changesTold;
    };
    await scene.published(scene.relay({ onAcknowledged }));
    expect(toldBefore).toBeLessThan(GRANTS / 2);
    const states = await records(TOPICS.state.topic);
    const own = states.findIndex(({ key }) => key === 'r1');
    const beside = states.filter(({ partition }) => partition === states[own]?.partition);
    const after = beside.slice(beside.findIndex(({ key }) => key === 'r1') + 1);
    expect(after.length).toBeGreaterThan(beside.length / 4);
  });

  it.each([
    ['a relay without the lease, of an older epoch', '1'],
    // Another replica's clock may run ahead.
    ['a relay without the lease, of a newer epoch', '999999999999999'],
    ['itself, in a batch that it had given up and that arrives late', undefined],
  ])('publishes the newest state over one written by %s', async (_, epoch) => {
    const relay = scene.relay();
    const stream = `consent-${SOMEBODY}`;
    await append(scene, stream, grant());
    await scene.published(relay);
    const [old] = (await records(TOPICS.state.topic)) as readonly [SeenRecord];
    await append(scene, stream, stop());
    await scene.published(relay);
    await writeAgain(old, epoch ?? String(old.headers.publisherepoch));
    await until(() => relay.status().healed > 0);
    const told = await records(TOPICS.state.topic);
    expect(told.slice(-2).map((record) => jsonOf<StateRecord>(record).revocations.length)).toEqual([0, 1]);
  });

  it('does so also while others are published all the time, and nobody of the partition is', async () => {
    let isBusy = false;
    let batches = 0;
    const onAcknowledged = (lane: string) => void (batches += Number(lane === 'state'));
    // As a busy broker: whoever asks for the ends has the answer after the next batch.
    const ends: Cluster['ends'] = async (topic) => {
      const before = batches;
      const found = await scene.kafka.cluster.ends(topic);
      await until(() => !isBusy || batches > before);
      return found;
    };
    const cluster = Object.assign(Object.create(scene.kafka.cluster) as Cluster, { ends });
    const relay = scene.relay({ kafka: { publisher: () => scene.kafka.publisher(), cluster }, onAcknowledged });
    await append(scene, `consent-${SOMEBODY}`, grant());
    await scene.published(relay);
    const [old] = await records(TOPICS.state.topic);
    const publisher = scene.kafka.publisher();
    const people = Array.from({ length: 40 }, (_, n) => `p${n}`);
    const elsewhere = people.filter((id) => publisher.partitionOf(TOPICS.state.topic, id) !== old?.partition);
    await publisher.close();
    await writeAgain(old as SeenRecord, '1');
    isBusy = true;
    const busy = elsewhere.map(async (id) => {
      while (isBusy) await append(scene, `consent-${id}`, grant());
    });
    await until(() => relay.status().healed > 0).finally(() => (isBusy = false));
    await Promise.all(busy);
    await scene.published(relay);
    const told = (await records(TOPICS.state.topic)).findLast(({ key }) => key === SOMEBODY);
    expect(told?.headers.publisherepoch).not.toBe('1');
  });

  it('tells nothing of somebody of whom only a stranger told', async () => {
    const stranger = createHash('sha256').update('a stranger').digest('base64url');
    const relay = scene.relay();
    await append(scene, `consent-${SOMEBODY}`, grant());
    await scene.published(relay);
    const old = (await records(TOPICS.state.topic)).findLast(({ key }) => key === SOMEBODY) as SeenRecord;
    const value = Buffer.from(JSON.stringify({ ...jsonOf<StateRecord>(old), recipientId: stranger }));
    const publisher = scene.kafka.publisher();
    const partition = publisher.partitionOf(TOPICS.state.topic, stranger);
    await publisher.close();
    await writeAgain({ ...old, key: stranger, partition, value }, '1');
    await until(() => relay.status().healed > 0);
    const told = (await records(TOPICS.state.topic)).filter(({ key }) => key === stranger);
    expect(jsonOf<StateRecord>(told.at(-1) as SeenRecord)).toMatchObject({ businessId: '', grants: [] });
    const { headers } = told.at(-1) as SeenRecord;
    expect(headers.publisherepoch).not.toBe('1');
  });

  it('asks nobody about keys that are nobody, and puts right what stands behind them', async () => {
    const asked: string[] = [];
    const rowsAt: RelayOptions['copy']['rowsAt'] = (position, ids, waitMs) => {
      asked.push(...ids);
      return scene.view.rowsAt(position, ids, waitMs);
    };
    const relay = scene.relay({ copy: { catalogue: scene.view.catalogue, rowsAt } });
    await append(scene, `consent-${SOMEBODY}`, grant());
    await scene.published(relay);
    const [old] = await records(TOPICS.state.topic);
    asked.length = 0;
    for (const key of ['no\0body', 'r1', SOMEBODY]) await writeAgain({ ...(old as SeenRecord), key }, '1');
    await until(() => relay.status().healed > 0);
    expect(asked).toStrictEqual([SOMEBODY]);
    expect(relay.status().healed).toBe(1);
    const left = scene.said('under keys that are nobody');
    expect(left.reduce((sum, { fields }) => sum + Number(fields.count), 0)).toBe(2);
  });
});

/** Of each key, the records that do not stand in the order of its stream. */
function outOfOrder(told: readonly SeenRecord[]): readonly string[] {
  const last = new Map<string, number>();
  return told.flatMap(({ key = '', headers }) => {
    const revision = Number(headers.ce_streamrevision);
    const isBehind = revision <= (last.get(key) ?? -1);
    last.set(key, revision);
    return isBehind ? [`${key} ${revision}`] : [];
  });
}

/** What a process that was stopped beyond its lease does when it goes on: an older state, by another publisher. */
async function writeAgain({ key = '', partition, headers, value }: SeenRecord, epoch: string): Promise<void> {
  const producer = plainClient(broker.brokers).producer();
  await producer.connect();
  const stale = { ...headers, publisherepoch: epoch };
  await producer.send({ topic: TOPICS.state.topic, messages: [{ key, partition, headers: stale, value }] });
  await producer.disconnect();
}
