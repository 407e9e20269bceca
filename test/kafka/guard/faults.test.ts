import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { instantOf } from '#consent';
import { startGuard, type Guard, type GuardOptions } from '#sender-guard';
import { until } from '../../faults/until.js';
import { startBroker, stopBrokers, type Broker } from '../broker.js';
import { BUSINESS, TopicScene, idOf } from './scene.js';

const BROKER_TEST_MS = 120_000;
const PATIENCE_MS = 60_000;
/** Short, so that staleness is quick to see; long enough for a busy machine to be fresh. */
const LIMITS = { warnAfterMs: 1_000, denyAfterMs: 3_000 };
const ID = idOf('willing');
const ASKED = { businessId: BUSINESS, recipientId: ID, channel: 'whatsapp', purpose: 'offers' } as const;
const GRANT = { channels: ['whatsapp'], purposes: ['offers'], method: 'api' } as const;
const STOP = { channels: ['*'], purposes: [], categories: ['*'], method: 'api' } as const;

let broker: Broker;
let scene: TopicScene;
let guard: Guard;

beforeAll(async () => {
  broker = await startBroker();
}, BROKER_TEST_MS);

beforeEach(async () => {
  scene = await TopicScene.open(broker);
  await scene.createTopics();
  await tellGranted();
  scene.keepProving();
}, BROKER_TEST_MS);

/** Each test has topics of its own making. */
afterEach(async () => {
  await guard.close();
  await scene.deleteTopics();
  await scene.close();
}, BROKER_TEST_MS);

afterAll(stopBrokers, BROKER_TEST_MS);

async function tellGranted(): Promise<void> {
  await scene.register();
  scene.append(ID, 'ConsentGranted', { ...GRANT, occurredAt: instantOf(Date.now()) });
  await scene.tellState(ID);
}

async function openLive(options: Partial<GuardOptions> = {}): Promise<void> {
  guard = startGuard({ brokers: broker.brokers, ...LIMITS, ...options });
  await expect(guard.live(AbortSignal.timeout(PATIENCE_MS))).resolves.toBe(true);
  expect(guard.check(ASKED)).toMatchObject({ eligible: true });
}

const answers = (reason: string) =>
  until(`the guard answers ${reason}`, () => guard.check(ASKED).reason === reason || undefined, PATIENCE_MS);

describe('a guard while things break', () => {
  test(
    'says no once a broker has been silent for too long, and goes on after it',
    async () => {
      await openLive();
      const states: string[] = [];
      guard.on('state', ({ state }) => states.push(state));
      broker.pause();
      await answers('GUARD_STALE');
      expect(guard.status().warnings).toEqual(['WATERMARK_LATE', 'FETCH_LATE']);
      broker.resume();
      await answers('CONSENTED');
      expect(states).toEqual(['STALE', 'LIVE']);
      expect(guard.metrics().reloads).toBe(0);
    },
    BROKER_TEST_MS,
  );

  test(
    'says no once the relay proves nothing, though the broker answers',
    async () => {
      await openLive();
      scene.stopProving();
      await answers('GUARD_STALE');
      expect(guard.status()).toMatchObject({ state: 'STALE', warnings: ['WATERMARK_LATE'] });
      expect(guard.status().problem).toContain('relay');
      await scene.prove(instantOf(Date.now() - 60_000));
      expect(guard.check(ASKED).reason).toBe('GUARD_STALE');
      scene.keepProving();
      await answers('CONSENTED');
    },
    BROKER_TEST_MS,
  );

  test(
    'goes on where it was after the broker was killed: what was said meanwhile is heard',
    async () => {
      await openLive();
      await broker.kill();
      await answers('GUARD_STALE');
      await broker.start();
      await scene.tellOptOut(scene.append(ID, 'ConsentRevoked', { ...STOP, occurredAt: instantOf(Date.now()) }));
      await answers('REVOKED');
      expect(guard.metrics()).toMatchObject({ reloads: 0, recipients: 1 });
      expect(guard.metrics().restarts).toBeGreaterThan(0);
    },
    BROKER_TEST_MS,
  );

  test(
    'reads everything anew where the topics were deleted and made again',
    async () => {
      await openLive();
      await scene.deleteTopics();
      await answers('GUARD_LOADING');
      expect(guard.metrics().recipients).toBe(0);
      await scene.createTopics();
      await tellGranted();
      scene.keepProving();
      await answers('CONSENTED');
      expect(guard.metrics().reloads).toBeGreaterThan(0);
    },
    BROKER_TEST_MS,
  );

  test(
    'asks the ledger what it cannot know, and never for a yes against a no that it knows',
    async () => {
      const asked: string[] = [];
      const askLedger: GuardOptions['askLedger'] = async ({ recipientId }) => {
        asked.push(recipientId);
        return { eligible: true, reason: 'CONSENTED' };
      };
      await openLive({ askLedger });
      const stranger = { ...ASKED, recipientId: idOf('stranger') };
      expect(guard.check(stranger).reason).toBe('RECIPIENT_UNKNOWN');
      await expect(guard.checkOrAsk(stranger)).resolves.toEqual({ eligible: true, reason: 'CONSENTED' });
      await scene.tellOptOut(scene.append(ID, 'ConsentRevoked', { ...STOP, occurredAt: instantOf(Date.now()) }));
      await answers('REVOKED');
      scene.stopProving();
      await answers('GUARD_STALE');
      await expect(guard.checkOrAsk(ASKED)).resolves.toEqual({ eligible: false, reason: 'GUARD_STALE' });
      expect(asked).toEqual([stranger.recipientId]);
    },
    BROKER_TEST_MS,
  );

  test(
    'asks for no answer that is older than what it knew, while it reads anew',
    async () => {
      const asked: (string | undefined)[] = [];
      const askLedger: GuardOptions['askLedger'] = async (_question, { atLeast }) => {
        asked.push(atLeast);
        return { eligible: false, reason: 'REVOKED' };
      };
      await openLive({ askLedger });
      scene.stopProving();
      const optOut = scene.append(ID, 'ConsentRevoked', { ...STOP, occurredAt: instantOf(Date.now()) });
      await scene.tellOptOut(optOut);
      await answers('REVOKED');
      await scene.deleteTopics();
      await answers('GUARD_LOADING');
      await expect(guard.checkOrAsk(ASKED)).resolves.toEqual({ eligible: false, reason: 'REVOKED' });
      expect(asked).toEqual([optOut.position]);
      await scene.createTopics();
    },
    BROKER_TEST_MS,
  );

  test(
    'may be started before the topics are there, says what is wrong, and goes on once they are',
    async () => {
      await scene.deleteTopics();
      guard = startGuard({ brokers: broker.brokers, ...LIMITS });
      await until('the problem is named', () => guard.status().problem?.includes('topic') || undefined);
      expect(guard.state).toBe('LOADING');
      await scene.createTopics();
      await tellGranted();
      scene.keepProving();
      await answers('CONSENTED');
    },
    BROKER_TEST_MS,
  );

  test(
    'loads for as long as no broker is there, and closes at once',
    async () => {
      const nobody = startGuard({ brokers: ['127.0.0.1:1'] });
      await until('the problem is named', () => nobody.status().problem ?? undefined);
      expect(nobody.check(ASKED).reason).toBe('GUARD_LOADING');
      const live = nobody.live();
      await nobody.close();
      await expect(live).resolves.toBe(false);
      expect(nobody.check(ASKED).reason).toBe('GUARD_CLOSED');
    },
    BROKER_TEST_MS,
  );
});
