import { createHook } from 'node:async_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, expect, it } from '@jest/globals';
import type { Producer } from 'kafkajs';
import { calmIdleConnections } from '#kafkajs-mends';
import { startBroker, stopBrokers, type Broker } from '../../../test/kafka/broker.js';
import { plainClient } from '../../../test/kafka/ready.js';
import { CONTRACT_MS } from '../publisher-contract.js';

const WATCHED_MS = 1000;

let producer: Producer | undefined;

afterEach(async () => producer?.disconnect());
afterAll(stopBrokers, CONTRACT_MS);

/** Timers set in a second in which nobody asks for anything. */
async function idleTimers(): Promise<number> {
  let timers = 0;
  const hook = createHook({ init: (_id, type) => void (type === 'Timeout' && (timers += 1)) }).enable();
  await pause(WATCHED_MS);
  hook.disable();
  return timers;
}

async function connected({ brokers }: Broker): Promise<Producer> {
  const idle = plainClient(brokers).producer();
  await idle.connect();
  return idle;
}

it(
  'an idle connection sets hundreds of timers a second, and none once it is calmed',
  async () => {
    const broker = await startBroker();
    producer = await connected(broker);
    expect(await idleTimers()).toBeGreaterThan(200);
    calmIdleConnections();
    calmIdleConnections();
    await idleTimers();
    expect(await idleTimers()).toBeLessThan(10);
    await producer.disconnect();
    producer = await connected(broker);
    expect(await idleTimers()).toBeLessThan(10);
    await broker.stop();
  },
  CONTRACT_MS,
);
