import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { instantOf, type Instant } from '#consent';
import { TOPICS } from '#contracts';
import { startGuard, type Guard, type GuardOptions, type OptOutNotice } from '#sender-guard';
import { until } from '../../faults/until.js';
import { startBroker, stopBrokers, type Broker } from '../broker.js';
import { plainClient } from '../ready.js';
import { BUSINESS, TopicScene, idOf } from './scene.js';

const BROKER_TEST_MS = 120_000;

const GRANT = {
  channels: ['whatsapp'],
  purposes: ['offers'],
  method: 'web_form',
  occurredAt: '2026-01-01T00:00:00.000Z',
} as const;
const STOP = {
  channels: ['whatsapp'],
  purposes: [],
  categories: ['*'],
  method: 'keyword',
  occurredAt: '2026-02-01T00:00:00.000Z',
} as const;

let broker: Broker;
let scene: TopicScene;
const guards: Guard[] = [];

beforeAll(async () => {
  broker = await startBroker();
  scene = await TopicScene.open(broker);
  await scene.createTopics();
  await scene.register();
  scene.keepProving();
}, BROKER_TEST_MS);

afterEach(() => Promise.all(guards.splice(0).map((guard) => guard.close())));

afterAll(async () => {
  await scene.close();
  await stopBrokers();
}, BROKER_TEST_MS);

function open(options: Partial<GuardOptions> = {}): Guard {
  const guard = startGuard({ brokers: broker.brokers, ...options });
  guards.push(guard);
  return guard;
}

async function openLive(options: Partial<GuardOptions> = {}): Promise<Guard> {
  const guard = open(options);
  await expect(guard.live(AbortSignal.timeout(60_000))).resolves.toBe(true);
  return guard;
}

function about(recipientId: string, purpose = 'offers') {
  return { businessId: BUSINESS, recipientId, channel: 'whatsapp', purpose } as const;
}

async function granted(
  name: string,
  data: Partial<typeof GRANT> & { readonly expiresAt?: Instant } = {},
): Promise<string> {
  const id = idOf(name);
  scene.append(id, 'ConsentGranted', { ...GRANT, ...data });
  await scene.tellState(id);
  return id;
}

/** A stranger's transaction that came to nothing: its records are nobody's, and it leaves a mark behind them. */
async function comesToNothing(topics: readonly string[], key: string): Promise<void> {
  const settings = { transactionalId: 'a stranger', idempotent: true, maxInFlightRequests: 1 };
  const producer = plainClient([...broker.brokers]).producer(settings);
  await producer.connect();
  const transaction = await producer.transaction();
  for (const topic of topics) await transaction.send({ topic, messages: [{ key, value: 'never said' }] });
  await transaction.abort();
  await producer.disconnect();
}

const reasonIs = (guard: Guard, id: string, reason: string) =>
  until(`the guard says ${reason}`, () => guard.check(about(id)).reason === reason || undefined);

describe('a guard over a broker', () => {
  test('says no while it loads, then answers from what the topics held', async () => {
    const willing = await granted('willing');
    const stopped = await granted('stopped');
    await scene.tellOptOut(scene.append(stopped, 'ConsentRevoked', STOP));
    const guard = open();
    expect(guard.check(about(willing))).toEqual({ eligible: false, reason: 'GUARD_LOADING' });
    await guard.live();
    expect(guard.check(about(willing))).toMatchObject({ eligible: true, reason: 'CONSENTED' });
    expect(guard.check(about(stopped))).toMatchObject({ eligible: false, reason: 'REVOKED' });
    expect(guard.check(about(idOf('nobody')))).toMatchObject({ eligible: false, reason: 'RECIPIENT_UNKNOWN' });
    await guard.close();
    expect(guard.check(about(willing))).toEqual({ eligible: false, reason: 'GUARD_CLOSED' });
  });

  test('hears an opt-out at once, says who it was, and takes the state that lifts it', async () => {
    const id = await granted('leaving');
    const guard = await openLive();
    await reasonIs(guard, id, 'CONSENTED');
    const heard: OptOutNotice[] = [];
    guard.on('optOut', (notice) => heard.push(notice));
    const optOut = scene.append(id, 'ConsentRevoked', STOP);
    await scene.tellOptOut(optOut);
    await reasonIs(guard, id, 'REVOKED');
    expect(heard).toMatchObject([
      { recipientId: id, eventId: optOut.record.eventId, type: 'ConsentRevoked', position: optOut.position },
    ]);
    expect(guard.check(about(id)).basisEventId).toBe(optOut.record.eventId);
    scene.append(id, 'ConsentGranted', { ...GRANT, occurredAt: '2026-03-01T00:00:00.000Z' });
    await scene.tellState(id);
    await reasonIs(guard, id, 'CONSENTED');
  });

  test('denies whose record it cannot read, and nobody else, until one comes that it can', async () => {
    const odd = await granted('odd');
    const plain = await granted('plain');
    const guard = await openLive();
    await reasonIs(guard, plain, 'CONSENTED');
    await scene.send(TOPICS.state.topic, odd, {}, 'no JSON');
    await reasonIs(guard, odd, 'STATE_UNREADABLE');
    expect(guard.check(about(plain)).eligible).toBe(true);
    expect(guard.metrics().unreadableRecords).toBeGreaterThan(0);
    await scene.tellState(odd);
    await reasonIs(guard, odd, 'CONSENTED');
  });

  test('denies after an opt-out of a kind that it does not know', async () => {
    const id = await granted('of tomorrow');
    const guard = await openLive();
    await reasonIs(guard, id, 'CONSENTED');
    const { position, record } = scene.append(id, 'ConsentRevoked', STOP);
    await scene.tellOptOut({ position, record: { ...record, type: 'ConsentFrozen' } });
    await reasonIs(guard, id, 'STATE_UNREADABLE');
  });

  test('passes over what a transaction left behind, while it is live and when it starts', async () => {
    const id = await granted('beside a transaction');
    const guard = await openLive();
    await reasonIs(guard, id, 'CONSENTED');
    const topics = [TOPICS.optouts.topic, TOPICS.state.topic, TOPICS.catalogue.topic];
    await comesToNothing(topics, id);
    await scene.tellOptOut(scene.append(id, 'ConsentRevoked', STOP));
    await reasonIs(guard, id, 'REVOKED');
    expect(guard.metrics()).toMatchObject({ state: 'LIVE', reloads: 0 });
    await comesToNothing(topics, id);
    const late = await openLive();
    expect(late.check(about(id)).reason).toBe('REVOKED');
  });

  test('lets no consent outlast a slow clock, also while no watermark comes', async () => {
    const id = await granted('expiring', { expiresAt: instantOf(Date.now() + 6_000) });
    const nowMs = () => Date.now() - 600_000;
    const guard = await openLive({ clock: { nowMs, monotonicMs: () => performance.now() } });
    await reasonIs(guard, id, 'CONSENTED');
    scene.stopProving();
    await reasonIs(guard, id, 'EXPIRED');
    scene.keepProving();
  });

  test('a listener that throws holds nothing up', async () => {
    const id = await granted('loud');
    const guard = await openLive();
    await reasonIs(guard, id, 'CONSENTED');
    guard.on('optOut', () => {
      throw new TypeError('of the sender');
    });
    await scene.tellOptOut(scene.append(id, 'ConsentRevoked', STOP));
    await reasonIs(guard, id, 'REVOKED');
    expect(guard.metrics().listenerErrors).toBe(1);
    expect(guard.state).toBe('LIVE');
  });
});
