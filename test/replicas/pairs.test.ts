import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chance, FULL } from '../faults/full.js';
import { ask, grantBody, registerAcme } from '../support/client.js';
import { Fleet, unlessKilled } from './fleet.js';
import { check, phone, ReplicaScene, revoke } from './scene.js';

const PAIRS = FULL ? 1_000_000 : 300;
/** One replica is killed each time so many pairs are through. */
const KILL_EVERY = FULL ? 20_000 : 100;
const WORKERS = 12;

let scene: ReplicaScene;
beforeAll(async () => {
  scene = await ReplicaScene.found();
}, 120_000);
afterAll(() => scene.remove());

/** What became of the pairs: an opt-out at one replica, and a check with its position at another. */
interface Count {
  revoked: number;
  /** Checks after a grant that were answered yes: without any, nothing could have been stale. */
  consented: number;
  no: number;
  declined: number;
  lost: number;
  staleYes: number;
}

it(
  'no check that carries the position of an opt-out is answered yes, on any replica, whatever is killed',
  async () => {
    const random = chance('pairs');
    const fleet = await Fleet.launch(scene, 2);
    await registerAcme(fleet.at(0));
    const count: Count = { revoked: 0, consented: 0, no: 0, declined: 0, lost: 0, staleYes: 0 };
    let next = 0;
    const work = async () => {
      while (next < PAIRS) {
        const n = next++;
        if (n % KILL_EVERY === KILL_EVERY - 1) await fleet.kill(Math.floor(n / KILL_EVERY) % 2);
        await pair(fleet, n, random.between(0, 2), count);
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
    await fleet.settle();
    const { revoked, consented, no, declined, lost, staleYes } = count;
    const line = `${PAIRS} pairs over two replicas, ${fleet.kills} killed: ${revoked} opt-outs acknowledged, ${consented} checked yes before, then ${no} no, ${declined} declined, ${lost} lost with a replica, ${staleYes} stale yes`;
    console.log(line);
    expect(staleYes).toBe(0);
    expect(fleet.kills).toBeGreaterThan(0);
    // Most of them, or what is proved is that nothing was asked.
    expect(no).toBeGreaterThan(PAIRS * 0.6);
    expect(consented).toBeGreaterThan(PAIRS * 0.6);
  },
  FULL ? 7_200_000 : 240_000,
);

async function pair(fleet: Fleet, n: number, first: number, count: Count): Promise<void> {
  const to = phone(n);
  const granted = await unlessKilled(
    ask(fleet.at(first), 'POST', '/v1/businesses/acme/grants', { body: grantBody(to) }),
  );
  if (granted?.status === 201) {
    const before = await unlessKilled(check(fleet.at(1 - first), to, { atLeast: granted.body.position }));
    if (before?.body.eligible) count.consented += 1;
  }
  const revoked = await unlessKilled(revoke(fleet.at(first), to));
  if (revoked?.status !== 201) return void (count.lost += 1);
  count.revoked += 1;
  const after = await unlessKilled(check(fleet.at(1 - first), to, { atLeast: revoked.body.position }));
  if (after === undefined) count.lost += 1;
  else if (after.body.eligible) count.staleYes += 1;
  else if (after.body.reason === 'REVOKED') count.no += 1;
  else count.declined += 1;
}
