import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { TOPICS } from '#contracts';
import { hasReached, type Position } from '#event-store';
import { openPostgres } from '#postgres';
import type { RelayMemory } from '#relay';
import { newDataDirectory, removeDataDirectories } from '../faults/data-directory.js';
import { figure, FULL } from '../faults/full.js';
import { scanOf } from '../faults/record.js';
import { until } from '../faults/until.js';
import { startBroker, stopBrokers } from '../kafka/broker.js';
import { WHOLE, outcomeOf } from '../kafka/faults/outcome.js';
import { readTopic } from '../kafka/reader.js';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { healthOf, phone, ReplicaScene, revoke, type Replica } from './scene.js';

const ROUNDS = FULL ? 10 : 2;
const LEASE_MS = 3_000;
/** Within the lease and some two seconds where nothing else runs: ten leases are ample for a busy machine. */
const TAKE_OVER_MS = 10 * LEASE_MS;
const PEOPLE = 12;

interface RelayReplica extends Replica {
  readonly dataDir: string;
}

let scene: ReplicaScene;
let brokers: string[];
let replicas: readonly [RelayReplica, RelayReplica];
beforeAll(async () => {
  [scene, { brokers }] = await Promise.all([ReplicaScene.found(), startBroker()]);
  const env = { KAFKA_BROKERS: brokers.join(','), RELAY_LEASE_MS: String(LEASE_MS) };
  const launch = async () => {
    const dataDir = newDataDirectory();
    return { ...(await scene.launch({ ...env, DATA_DIR: dataDir })), dataDir };
  };
  replicas = await Promise.all([launch(), launch()]);
  await registerAcme(replicas[0]);
}, 180_000);
afterAll(async () => {
  await scene.remove();
  await stopBrokers();
  removeDataDirectories();
});

async function isLeader(replica: Replica): Promise<boolean> {
  const { relay } = JSON.parse((await healthOf(replica)).text) as { readonly relay?: { readonly leader: boolean } };
  return relay?.leader === true;
}

/** Who publishes, and who would. */
async function parts(): Promise<readonly [leader: RelayReplica, standby: RelayReplica]> {
  const [one, other] = replicas;
  const leads = await until('one of them publishes', async () => {
    const leaders = await Promise.all(replicas.map(isLeader));
    return leaders.filter(Boolean).length === 1 ? leaders : undefined;
  });
  return leads[0] === true ? [one, other] : [other, one];
}

interface Stop {
  readonly eventId: string;
  readonly position: Position;
}

/** Every second one also says stop, the last one too: at the replica named. Resolves with the last stop, and event. */
async function news(at: Replica, round: number): Promise<Stop> {
  let stop: Stop = { eventId: '', position: '' };
  for (let n = 0; n < PEOPLE; n++) {
    const person = phone(round * PEOPLE + n);
    await must(ask(at, 'POST', '/v1/businesses/acme/grants', { body: grantBody(person) }));
    if (n % 2 === 0) continue;
    const { eventId, position } = (await must(revoke(at, person))).body;
    stop = { eventId: String(eventId), position: String(position) };
  }
  return stop;
}

const MEMORY = { name: 'memory', text: 'SELECT memory FROM relay_memory WHERE memory IS NOT NULL' };

/** Resolves once whoever is chosen next would begin behind the event. */
async function isKept({ position }: Stop): Promise<void> {
  const postgres = openPostgres({ url: scene.postgres.url });
  try {
    await until('every lane is kept so far', async () => {
      const [[memory] = ['{"checkpoints":[]}']] = await postgres.query<[string]>(MEMORY);
      const places = (JSON.parse(memory) as RelayMemory).checkpoints.map(([, place]) => String(place));
      return (places.length === 3 && places.every((place) => hasReached(place, position))) || undefined;
    });
  } finally {
    await postgres.close();
  }
}

/** Of these events, those that somebody was told more than once. */
async function toldTwice(eventIds: ReadonlySet<string>): Promise<readonly string[]> {
  const told = (await readTopic(brokers, TOPICS.changes.topic)).map(
    ({ key, headers }) => [key, headers.ce_id] as const,
  );
  const own = told.filter(([, id]) => eventIds.has(id ?? '')).map((one) => one.join(' '));
  return own.filter((one, index) => own.indexOf(one) !== index);
}

const isTold = ({ eventId }: Stop, patienceMs: number) =>
  readTopic(brokers, TOPICS.optouts.topic, {
    until: (records) => records.some(({ headers }) => headers.ce_id === eventId),
    patienceMs,
  });

it('a relay that is stopped is replaced by another replica, which goes on where it was: opt-outs are told, and the newest states stay', async () => {
  const tookMs: number[] = [];
  let long: ReadonlySet<string> = new Set();
  for (let round = 0; round < ROUNDS; round++) {
    const [first, other] = await parts();
    const stop = await news(first, 2 * round);
    await isTold(stop, 60_000);
    await isKept(stop);
    long = new Set((await scanOf(scene.ledger.dataDir)).map(({ id }) => id));
    first.process.pause();
    const stoppedMs = performance.now();
    await isTold(await news(other, 2 * round + 1), 2 * TAKE_OVER_MS);
    tookMs.push(Math.round(performance.now() - stoppedMs));
    // What the first has in flight, or believes, is older than this.
    for (let n = 0; n < PEOPLE; n++) await must(revoke(other, phone(2 * round * PEOPLE + n)));
    first.process.resume();
    await until('the first knows', async () => !(await isLeader(first)) || undefined);
    await until('the other publishes', async () => (await isLeader(other)) || undefined);
  }
  figure(`a relay was stopped ${ROUNDS} times; an opt-out was told after ${tookMs.join(', ')} ms`);
  expect(Math.max(...tookMs)).toBeLessThan(TAKE_OVER_MS);
  expect(await outcomeOf(brokers, await scanOf(scene.ledger.dataDir))).toMatchObject(WHOLE);
  expect(long.size).toBeGreaterThan(PEOPLE);
  expect(await toldTwice(long)).toEqual([]);
}, 600_000);

/** `npm run relay:republish` with the directory of one of them. */
function republish({ dataDir }: RelayReplica) {
  const program = join(process.cwd(), 'dist', 'apps', 'ledger', 'relay-republish.js');
  const env = { PATH: process.env.PATH, ...scene.servers, DATA_DIR: dataDir };
  return spawnSync(process.execPath, [program, '--from', 'start'], { cwd: tmpdir(), env, encoding: 'utf8' });
}

it('tells everything again at the one that publishes, and says at the other that it does not', async () => {
  const [leader, standby] = await parts();
  await isTold(await news(leader, 2 * ROUNDS), 60_000);
  const done = republish(leader);
  expect([done.stdout, done.status]).toStrictEqual([expect.stringMatching(/published again: [1-9]\d* events/), 0]);
  const left = republish(standby);
  expect(left.stdout).toContain(`no relay publishes from ${standby.dataDir}`);
  expect(left.stdout).toContain('where another replica publishes');
  expect(left.status).toBe(1);
});
