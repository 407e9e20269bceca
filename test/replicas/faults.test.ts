import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openPostgres } from '#postgres';
import { FULL } from '../faults/full.js';
import { until } from '../faults/until.js';
import { claimPort } from '../kafka/ports.js';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { check, decided, healthOf, phone, ReplicaScene, revoke, type Replica } from './scene.js';

const POOL_MAX = 4;
/** Long enough that a busy machine does not make a fresh view stale. */
const BOUND_MS = FULL ? 5_000 : 2_500;
const PAUSE_MS = FULL ? 30_000 : BOUND_MS + 500;

let scene: ReplicaScene;
let one: Replica;
let other: Replica;
beforeAll(async () => {
  scene = await ReplicaScene.found();
  const env = { VIEW_MAX_LAG_MS: String(BOUND_MS), VIEW_PROBE_INTERVAL_MS: '200', DATABASE_POOL_MAX: String(POOL_MAX) };
  [one, other] = await Promise.all([scene.launch(env), scene.launch(env)]);
  await registerAcme(one);
}, 120_000);
afterAll(() => scene.remove());

let people = 0;
/** Somebody who agreed, as both replicas know. */
async function somebody(): Promise<string> {
  const to = phone((people += 1));
  // A grant is not taken while the vault is away, as it may still be for a moment after the fault before.
  const { body } = await until('a grant is taken', async () => {
    const answer = await ask(one, 'POST', '/v1/businesses/acme/grants', { body: grantBody(to) });
    return answer.status === 201 ? answer : undefined;
  });
  for (const replica of [one, other]) {
    await until(
      'it is known',
      async () => (await decided(replica, to, { atLeast: body.position })).eligible || undefined,
    );
  }
  return to;
}

const sharedOf = async (replica: Replica) => (await healthOf(replica)).view?.shared;
const whenAllAnswer = (to: string, reason: string) =>
  until(`both answer ${reason}`, async () => {
    const answers = await Promise.all([one, other].map((replica) => decided(replica, to)));
    return answers.every((answer) => answer.reason === reason) || undefined;
  });

describe('PostgreSQL stopped and started', () => {
  it('leaves states in memory answered, others declared, opt-outs recorded, and comes back by itself', async () => {
    const [known, stopped] = [await somebody(), await somebody()];
    await scene.postgres.stop();
    expect((await decided(other, known)).eligible).toBe(true);
    const unknown = await decided(other, phone(900_001));
    expect(unknown).toMatchObject({ eligible: false, reason: 'VIEW_UNAVAILABLE', retryAfterMs: expect.any(Number) });
    const { status, body } = await revoke(one, stopped);
    expect(status).toBe(201);
    expect(body.warnings).toMatchObject([{ message: expect.stringContaining('The vault could not be reached') }]);
    expect(await decided(other, stopped, { atLeast: body.position })).toMatchObject({ reason: 'REVOKED' });
    // Whether another replica binds the same id just then could not be told.
    const sender = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234568', providerId: '791' };
    const bound = await ask(one, 'PUT', '/v1/businesses/acme/senders/bound', { body: sender });
    expect(bound).toMatchObject({ status: 503, body: { code: 'LEDGER_UNAVAILABLE' } });
    await until('health says so', async () => (await sharedOf(other))?.problem);
    expect((await healthOf(other)).status).toBe(200);
    await scene.postgres.start();
    await until('others are answered again', async () => {
      return (await decided(other, phone(900_001))).reason === 'NO_CONSENT' || undefined;
    });
  });

  it('is waited for by a replica that starts meanwhile, which says so on its port', async () => {
    await scene.postgres.stop();
    const port = await claimPort();
    const waiting = scene.begin({ PORT: String(port.port) });
    const base = `http://127.0.0.1:${port.port}`;
    const text = await until('it says on its port that it waits', async () => {
      const said = await healthOf({ base }).catch(() => undefined);
      return said?.text.includes('"database"') === true ? said.text : undefined;
    });
    expect(JSON.parse(text)).toMatchObject({
      status: 'not_ready',
      dependencies: { database: { problem: expect.any(String) } },
    });
    expect(waiting.stdout).not.toContain('"ready":true');
    await scene.postgres.start();
    await until('it is ready', () => (waiting.stdout.includes('"ready":true') ? true : undefined));
    await waiting.kill('SIGTERM');
    port.release();
  });
});

describe('PostgreSQL killed under commands and checks', () => {
  it('costs no opt-out, and leads to no yes', async () => {
    const to = await Promise.all(Array.from({ length: 6 }, () => somebody()));
    const revoking = Promise.all(to.map((phoneOf, n) => revoke(n % 2 === 0 ? one : other, phoneOf)));
    await scene.postgres.kill();
    const revoked = await revoking;
    expect(revoked.map(({ status }) => status)).toStrictEqual(to.map(() => 201));
    for (const [n, phoneOf] of to.entries()) {
      const replica = n % 2 === 0 ? other : one;
      expect((await decided(replica, phoneOf, { atLeast: revoked[n]?.body.position })).eligible).toBe(false);
    }
    await scene.postgres.start();
    for (const phoneOf of to) await whenAllAnswer(phoneOf, 'REVOKED');
  });
});

describe('PostgreSQL restored from an older backup', () => {
  it('is found out: no yes from before, and all is right again without a hand', async () => {
    const [before, after] = [await somebody(), await somebody()];
    await scene.postgres.stop();
    const copy = scene.postgres.copy();
    await scene.postgres.start();
    const { body } = await must(revoke(one, after));
    await until('the rows have passed the opt-out', async () => {
      return hasPassed(await sharedOf(one), String(body.position));
    });
    await scene.postgres.stop();
    scene.postgres.restore(copy);
    await scene.postgres.start();
    const newcomer = await scene.launch({ VIEW_MAX_LAG_MS: String(BOUND_MS), VIEW_PROBE_INTERVAL_MS: '200' });
    for (const replica of [one, other, newcomer]) expect((await decided(replica, after)).eligible).toBe(false);
    await whenAllAnswer(after, 'REVOKED');
    await whenAllAnswer(before, 'CONSENTED');
    expect((await decided(newcomer, after)).reason).toBe('REVOKED');
    await newcomer.process.kill('SIGTERM');
  });
});

describe('sessions that are all in use', () => {
  const everybody = Array.from({ length: 60 }, (_, n) => phone(910_000 + n));
  /** Every second one says stop, at the first replica alone: the second has to read about all of them. */
  async function agreeAndStop(): Promise<string> {
    let position = '';
    for (const [n, who] of everybody.entries()) {
      const granted = await must(ask(one, 'POST', '/v1/businesses/acme/grants', { body: grantBody(who) }));
      position = String((n % 2 === 0 ? await must(revoke(one, who)) : granted).body.position);
    }
    return position;
  }
  const right = (who: string) => (everybody.indexOf(who) % 2 === 0 ? 'REVOKED' : 'CONSENTED');
  const waitForLocks = async () => {
    const [found] = await scene.postgres.asRoot('consent', [
      `SELECT 1 FROM pg_stat_activity WHERE application_name = 'consent-ledger' AND wait_event_type = 'Lock'`,
    ]);
    return found?.rowCount ?? 0;
  };

  it('make no check an error, and none a wrong yes', async () => {
    const position = await agreeAndStop();
    await until('the rows have passed them', async () => hasPassed(await sharedOf(other), position));
    const rows = await holdTheRows();
    const asking = Promise.all(
      Array.from({ length: 300 }, (_, n) => everybody[n % everybody.length] as string).map(async (who) => {
        const { status, body } = await check(other, who);
        return { status, eligible: body.eligible, reason: String(body.reason), right: right(who) };
      }),
    );
    // One of them is the session in which a replica stands for moving the rows on.
    await until('no session is free', async () => (await waitForLocks()) >= POOL_MAX - 1 || undefined);
    await rows.letGo();
    const answers = await asking;
    expect(new Set(answers.map(({ status }) => status))).toStrictEqual(new Set([200]));
    const others = answers.filter((answer) => answer.reason !== answer.right);
    expect(others.filter(({ reason }) => !/^VIEW_(UNAVAILABLE|STALE)$/.test(reason))).toStrictEqual([]);
    expect(others.filter(({ eligible }) => eligible)).toStrictEqual([]);
    for (const who of everybody) await whenAllAnswer(who, right(who));
  });
});

describe('a replica that was stopped', () => {
  it('declares a no first when it goes on, and others move the rows on meanwhile', async () => {
    const [consented, revoked] = [await somebody(), await somebody()];
    const projecting = (await sharedOf(one))?.projecting === true ? one : other;
    const witness = projecting === one ? other : one;
    projecting.process.pause();
    const stoppedMs = performance.now();
    const { body } = await must(revoke(witness, revoked));
    const patienceMs = PAUSE_MS + 20_000;
    await until('the pause is over', () => performance.now() - stoppedMs > PAUSE_MS || undefined, patienceMs);
    await until(
      'the rows went on without it',
      async () => {
        return hasPassed(await sharedOf(witness), String(body.position));
      },
      patienceMs,
    );
    const first = [decided(projecting, consented), decided(projecting, revoked)];
    projecting.process.resume();
    const [stillConsented, nowRevoked] = await Promise.all(first);
    expect(stillConsented).toMatchObject({ eligible: false, reason: 'VIEW_STALE' });
    expect(nowRevoked?.eligible).toBe(false);
    await whenAllAnswer(consented, 'CONSENTED');
    await whenAllAnswer(revoked, 'REVOKED');
  });
});

describe('the ledger down', () => {
  it('turns every check into a declared no once the bound is over, and comes back by itself', async () => {
    const to = await somebody();
    await scene.ledger.stop();
    await whenAllAnswer(to, 'VIEW_STALE');
    await scene.ledger.start();
    await whenAllAnswer(to, 'CONSENTED');
  });
});

function hasPassed(shared: Awaited<ReturnType<typeof sharedOf>>, position: string): true | undefined {
  return (shared?.position !== undefined && numberOf(shared.position) >= numberOf(position)) || undefined;
}

/** Nobody reads a recipient's row until they are let go. */
async function holdTheRows(): Promise<{ letGo: () => Promise<void> }> {
  const postgres = openPostgres({ url: scene.postgres.url, limits: { idleInTransactionTimeoutMs: 60_000 } });
  const session = await postgres.hold();
  const current = { name: 'current', text: `SELECT generation FROM views WHERE state = 'current'` };
  const [[generation] = []] = await session.query<[number]>(current);
  await session.run(`BEGIN; LOCK TABLE recipients_${generation} IN ACCESS EXCLUSIVE MODE`);
  return { letGo: () => postgres.close() };
}

function numberOf(position: string): number {
  return Number(position.slice(position.lastIndexOf('.') + 1));
}
