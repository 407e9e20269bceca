import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import kafkajs, { type AclEntry } from 'kafkajs';
import { creationCommand, planned, TOPICS, type TopicName } from '#contracts';
import { openKafka, PARTITIONS_OF } from '#relay';
import { startGuard, type Guard } from '#sender-guard';
import { until } from '../faults/until.js';
import { startBroker, stopBrokers, type Broker } from './broker.js';
import { readTopic } from './reader.js';
import { plainClient } from './ready.js';
import { append, grant, RelayScene, stop } from './relay/scene.js';

const { AclOperationTypes: May, AclPermissionTypes, AclResourceTypes: On, ResourcePatternTypes: Of } = kafkajs;

const TEST_MS = 120_000;
const NAMES = Object.keys(TOPICS) as TopicName[];
const SOMEBODY = `${'B'.repeat(42)}A`;
const WHO = { businessId: 'acme', recipientId: 'A'.repeat(43), channel: 'whatsapp', purpose: 'offers' } as const;

let broker: Broker;
let scene: RelayScene;
const guards: Guard[] = [];

beforeAll(async () => {
  broker = await startBroker({ secured: true });
  scene = await RelayScene.open(broker.brokers);
}, TEST_MS);

afterEach(() => Promise.all(guards.splice(0).map((guard) => guard.close())));

afterAll(async () => {
  await scene.close();
  await stopBrokers();
}, TEST_MS);

type Right = readonly [name: 'relay' | 'sender', may: number, on: number, what: string, of?: number];

async function give(...rights: readonly Right[]): Promise<void> {
  const acl = rights.map(([name, operation, resourceType, resourceName, pattern = Of.LITERAL]): AclEntry => {
    const allowed = { host: '*', permissionType: AclPermissionTypes.ALLOW };
    return {
      principal: `User:${name}`,
      operation,
      resourceType,
      resourceName,
      resourcePatternType: pattern,
      ...allowed,
    };
  });
  const admin = plainClient(broker.brokers).admin();
  await admin.connect();
  await admin.createAcls({ acl });
  await admin.disconnect();
}

async function createTopics(): Promise<void> {
  for (const name of NAMES) await scene.kafka.cluster.create([planned(name, {})]);
}

const onTopics = (name: Right[0], may: number, ...topics: readonly TopicName[]): readonly Right[] =>
  topics.map((topic) => [name, may, On.TOPIC, TOPICS[topic].topic]);

function guardAs(username: string, password = username): Guard {
  const sasl = { mechanism: 'plain', username, password } as const;
  const guard = startGuard({ brokers: broker.securedBrokers, sasl });
  guards.push(guard);
  return guard;
}

const stateIs = (guard: Guard, state: Guard['state']) =>
  until(`the guard is ${state}: ${guard.status().problem}`, () => guard.state === state || undefined, TEST_MS);

describe('brokers that ask who somebody is, and what he may', () => {
  it(
    'the relay says what to create where it may not, and needs no other rights than the manual names',
    async () => {
      await give(
        ...onTopics('relay', May.DESCRIBE_CONFIGS, ...NAMES),
        ...onTopics('relay', May.WRITE, ...NAMES),
        ...onTopics('relay', May.READ, 'state', 'catalogue'),
        ['relay', May.READ, On.GROUP, 'consent-ledger-tail-', Of.PREFIXED],
      );
      const sasl = { mechanism: 'plain', username: 'relay', password: 'relay' } as const;
      const kafka = openKafka({ brokers: broker.securedBrokers, sasl, partitions: PARTITIONS_OF });
      const relay = scene.relay({ kafka });
      const told = await until('it says what is missing', () => relay.status().problem);
      const topics = NAMES.map((name) => TOPICS[name].topic).join(', ');
      expect(told).toBe(`topics are missing, and the relay has no right to create: ${topics}`);
      const commands = scene.lines.map(({ fields }) => fields.problem);
      for (const name of NAMES) expect(commands).toContain(creationCommand(planned(name, {})));
      await createTopics();
      await append(scene, `consent-${SOMEBODY}`, grant(), stop());
      await scene.published(relay);
      expect(relay.status().problem).toBeUndefined();
      const proves = ({ length }: readonly unknown[]) => length >= TOPICS.watermarks.partitions;
      await readTopic(broker.brokers, TOPICS.watermarks.topic, { until: proves });
      const stranger = plainClient(broker.brokers).producer();
      await stranger.connect();
      await stranger.send({ topic: TOPICS.state.topic, messages: [{ key: SOMEBODY, value: 'no state' }] });
      await stranger.disconnect();
      await until('what a stranger wrote is put right', () => relay.status().healed > 0 || undefined, TEST_MS);
      await relay.close();
      await kafka.cluster.close();
    },
    2 * TEST_MS,
  );

  it(
    'a guard that Kafka does not take says no, and why; with its password and the rights of the manual it is LIVE',
    async () => {
      await createTopics();
      const stranger = guardAs('sender', 'guessed');
      await stateIs(stranger, 'FAILED');
      expect(stranger.check(WHO)).toEqual({ eligible: false, reason: 'GUARD_FAILED' });
      expect(stranger.status().problem).toBe('Kafka does not accept the credentials');
      const guard = guardAs('sender');
      await stateIs(guard, 'FAILED');
      expect(guard.status().problem).toBe('Kafka refuses with TOPIC_AUTHORIZATION_FAILED');
      const topics = ['optouts', 'state', 'catalogue', 'watermarks'] as const;
      await give(...onTopics('sender', May.READ, ...topics), ...onTopics('sender', May.DESCRIBE, ...topics), [
        'sender',
        May.READ,
        On.GROUP,
        'consent-ledger-guard',
        Of.PREFIXED,
      ]);
      const relay = scene.relay();
      await stateIs(guard, 'LIVE');
      expect(guard.check(WHO).reason).toBe('BUSINESS_NOT_FOUND');
      expect(guard.status().problem).toBeUndefined();
      await relay.close();
    },
    2 * TEST_MS,
  );
});
