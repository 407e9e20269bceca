import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { chance, FULL } from '../faults/full.js';
import { grantBody, registerAcme } from '../support/client.js';
import { Fleet, unlessKilled } from './fleet.js';
import { KeptConnections } from './kept-connection.js';
import { phone, ReplicaScene, type Replica } from './scene.js';

/** `PAIRS=n` and `MINUTES=n` end a full run before its million; its last line says how many pairs it made. */
const PAIRS = Number(process.env.PAIRS ?? (FULL ? 1_000_000 : 300));
const MINUTES = Number(process.env.MINUTES ?? (FULL ? 12 * 60 : 3));
/** One replica is killed each time so many pairs are through. */
const KILL_EVERY = FULL ? 10_000 : 100;
const TELL_EVERY = 10_000;
/**
 * They agree again after their stop, so that what a replica keeps of them says yes and no in turn. Four times each: a
 * command reads the person's whole stream, and of a longer one the run would measure little but that.
 */
const PEOPLE = FULL ? 250_000 : 100;
/** Each pair of a worker waits for the one before; nobody is in two at once, since there are more people. */
const WORKERS = FULL ? 128 : 12;

let scene: ReplicaScene;
beforeAll(async () => {
  scene = await ReplicaScene.found();
}, 120_000);
afterAll(() => scene.remove());

it(
  'no check that carries the position of an opt-out is answered yes, on any replica, whatever is killed',
  async () => {
    const run = new PairRun(await Fleet.launch(scene, 2));
    await registerAcme(run.fleet.at(0));
    await Promise.all(Array.from({ length: WORKERS }, () => run.work()));
    await run.fleet.settle();
    console.log(String(run));
    const { pairs, alone, consented, no, staleYes } = run.count;
    expect(staleYes).toBe(0);
    expect(pairs).toBeGreaterThan(0);
    expect(run.fleet.kills).toBeGreaterThan(0);
    // Most of them, or what is proved is that nothing was asked.
    expect(no).toBeGreaterThan((pairs + alone) * 0.6);
    expect(consented).toBeGreaterThan((pairs + alone) * 0.6);
  },
  MINUTES * 60_000 + 120_000,
);

class PairRun {
  readonly count = {
    /** An acknowledged opt-out at one replica, and a check with its position asked of the other. */
    pairs: 0,
    /** The same, but asked of the very replica that had recorded the opt-out, as the other one was being replaced. */
    alone: 0,
    /** Checks after a grant that were answered yes: without any, nothing could have been stale. */
    consented: 0,
    no: 0,
    declined: 0,
    lost: 0,
    staleYes: 0,
  };
  readonly #random = chance('pairs');
  readonly #beganMs = performance.now();
  #begun = 0;
  #killAt = KILL_EVERY;
  #tellAt = TELL_EVERY;

  constructor(readonly fleet: Fleet) {}

  /** One pair after the other, until there are enough of them or the time is over. */
  async work(): Promise<void> {
    const connections = new KeptConnections();
    while (this.count.pairs < PAIRS && performance.now() - this.#beganMs < MINUTES * 60_000) {
      await this.#killInTime();
      await this.#pair(connections, phone(this.#begun++ % PEOPLE), this.#random.between(0, 2));
      this.#tellInTime();
    }
    connections.close();
  }

  toString(): string {
    const { pairs, alone, consented, no, declined, lost, staleYes } = this.count;
    const seconds = Math.round((performance.now() - this.#beganMs) / 1_000);
    return `${pairs} pairs over two replicas in ${seconds} s, ${this.fleet.kills} killed, and ${alone} while only one of them ran: ${consented} checked yes before, then ${no} no, ${declined} declined, ${lost} lost with a replica, ${staleYes} stale yes`;
  }

  async #killInTime(): Promise<void> {
    if (this.count.pairs < this.#killAt) return;
    this.#killAt += KILL_EVERY;
    // In turn it would be the elder each time, of whom little is asked: all wait for the one that is not compiled yet.
    await this.fleet.kill(this.#random.between(0, 2));
  }

  #tellInTime(): void {
    if (this.count.pairs < this.#tellAt) return;
    this.#tellAt += TELL_EVERY;
    process.stderr.write(`${String(this)}\n`);
  }

  async #pair(connections: KeptConnections, to: string, first: number): Promise<void> {
    const { fleet, count } = this;
    const post = (replica: Replica, what: string, body: object) =>
      unlessKilled(connections.post(replica, `/v1/businesses/acme/${what}`, body));
    const check = (replica: Replica, atLeast: unknown) =>
      post(replica, 'eligibility', { recipient: { phone: to }, channel: 'whatsapp', purpose: 'offers', atLeast });

    const granted = await post(fleet.at(first), 'grants', grantBody(to));
    if (granted?.status === 201) {
      const before = await check(fleet.at(1 - first), granted.body.position);
      if (before?.body.eligible) count.consented += 1;
    }
    const recorder = fleet.at(first);
    const revoked = await post(recorder, 'revocations', { recipient: { phone: to } });
    if (revoked?.status !== 201) return void (count.lost += 1);
    const asked = fleet.at(1 - first);
    count[asked === recorder ? 'alone' : 'pairs'] += 1;
    const after = await check(asked, revoked.body.position);
    if (after === undefined) count.lost += 1;
    else if (after.body.eligible) count.staleYes += 1;
    else if (after.body.reason === 'REVOKED') count.no += 1;
    else count.declined += 1;
  }
}
