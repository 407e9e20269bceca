import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { EventStoreProcess } from '../eventstore/server-process.js';
import { newDataDirectory, removeDataDirectories } from '../faults/data-directory.js';
import { FULL, chance, figure } from '../faults/full.js';
import { scanOf } from '../faults/record.js';
import { businessOf, expectProblem, headOf, type Json } from '../http/support/acme.js';
import { grantBody, must, registerAcme, type Reachable } from '../support/client.js';
import { killLaunched, launchService } from '../support/process.js';
import { startTestService, type TestService } from '../support/service.js';
import { failAfter } from './support/failing.js';
import { people } from './support/people.js';
import { recipientIdsOf, until } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const somebody = people(62);
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const withKey = (key: string) => ({ headers: { 'Idempotency-Key': key, traceparent: TRACE } });
const secret = () => randomBytes(32).toString('base64');

const eventsOf = async (service: Reachable, id: string) => {
  const { body, status } = await businessOf(service).get(`/recipients/${id}/timeline`);
  return status === 404 ? [] : (body.events as unknown as readonly Json[]);
};
const typesOf = async (service: Reachable, id: string) => (await eventsOf(service, id)).map(({ type }) => type);

describe.each(['the embedded ledger', 'EventStoreDB'])(
  'a link that is broken off between its halves, on %s',
  (ledger) => {
    const clock = new SettableClock(NOON);
    let server: EventStoreProcess | undefined;
    let service: TestService;

    beforeAll(async () => {
      server = ledger === 'EventStoreDB' ? await EventStoreProcess.launch() : undefined;
      const secrets = { PEPPER: secret(), KEY_ENCRYPTION_KEY: secret() };
      service = await startTestService({ clock, env: server ? { ...secrets, EVENTSTORE_URL: server.url } : secrets });
      await registerAcme(service);
    });
    afterAll(async () => {
      await service.stop();
      await server?.remove();
    });

    const reason = async (phone: string) => (await businessOf(service).check({ phone }, 'offers')).reason;
    const bodyOf = (one: string, other: string, kind: string) => ({
      ...{ recipient: { phone: one }, other: { phone: other } },
      ...{ kind, occurredAt: new Date(clock.now()).toISOString() },
    });
    const pairOf = async () => {
      const [one, other] = [somebody(), somebody()] as const;
      const ids = await recipientIdsOf(service, [{ phone: one }, { phone: other }]);
      await must(businessOf(service).grant(grantBody(one)));
      clock.setTo(clock.now() + 1_000);
      return { one, other, oneId: ids[0] as string, otherId: ids[1] as string };
    };

    it.each([
      ['same_person', ['CONSENTED', 'NO_CONSENT'], ['CONSENTED', 'CONSENTED']],
      ['changed_number', ['REVOKED', 'NO_CONSENT'], ['REVOKED', 'CONSENTED']],
    ])('%s: no half allows what was not allowed before, and soon there are both', async (kind, inHalf, inWhole) => {
      const { one, other, oneId, otherId } = await pairOf();
      const body = bodyOf(one, other, kind);
      failAfter(service.running.parts.store, 1);
      const link = () => businessOf(service).post('/links', body, withKey(`link-${kind}`));
      expectProblem(await link(), 503, 'LEDGER_UNAVAILABLE');
      // Whoever completes it may be as quick as this test, so what is seen is either half of it or all.
      expect([inHalf, inWhole]).toContainEqual([await reason(one), await reason(other)]);
      await until('the other half is there', async () => (await typesOf(service, otherId)).length === 1);
      await until('both halves count', async () => (await reason(other)) === inWhole[1]);
      expect([await reason(one), await reason(other)]).toEqual(inWhole);
      const [half] = await eventsOf(service, otherId);
      expect(half).toMatchObject({ type: 'RecipientLinked', actor: 'system', data: { other: oneId, kind } });
      const [stored] = await service.running.parts.store.readStream(`consent-${otherId}`, { limit: 1 });
      expect(JSON.parse(Buffer.from(stored?.metadata ?? []).toString())).toMatchObject({ traceparent: TRACE });
      const head = await headOf(service);
      const again = await link();
      expect(again).toMatchObject({ status: 200, body: { recipientId: oneId, position: half?.position } });
      expect(await headOf(service)).toBe(head);
    });

    it('unlinking: the number taken up loses the grants first, and soon both are apart', async () => {
      const { one, other, oneId, otherId } = await pairOf();
      const body = bodyOf(one, other, 'changed_number');
      await must(businessOf(service).post('/links', body));
      clock.setTo(clock.now() + 1_000);
      failAfter(service.running.parts.store, 1);
      const unlink = () => businessOf(service).delete('/links', body, withKey('unlink'));
      expectProblem(await unlink(), 503, 'LEDGER_UNAVAILABLE');
      expect(await reason(other)).toBe('NO_CONSENT');
      expect(['REVOKED', 'CONSENTED']).toContain(await reason(one));
      await until('the recipient is unlinked', async () => (await typesOf(service, oneId)).length === 3);
      await until('that counts', async () => (await reason(one)) === 'CONSENTED');
      expect(await typesOf(service, otherId)).toEqual(['RecipientLinked', 'RecipientUnlinked']);
      const head = await headOf(service);
      expect(await unlink()).toMatchObject({ status: 200, body: { type: 'RecipientUnlinked', recipientId: oneId } });
      expect(await headOf(service)).toBe(head);
    });

    it('unlinking: sent again it says the same time in both streams', async () => {
      const { one, other, oneId, otherId } = await pairOf();
      const body = bodyOf(one, other, 'same_person');
      await must(businessOf(service).post('/links', body));
      // A clock that is a minute ahead: what it says counts as now, and the second attempt has another now.
      const ahead = { ...body, occurredAt: new Date(clock.now() + 60_000).toISOString() };
      failAfter(service.running.parts.store, 1);
      const unlink = () => businessOf(service).delete('/links', ahead, withKey('unlink-ahead'));
      expectProblem(await unlink(), 503, 'LEDGER_UNAVAILABLE');
      clock.setTo(clock.now() + 1_000);
      await must(unlink());
      const [mine, theirs] = [await eventsOf(service, oneId), await eventsOf(service, otherId)].map((all) =>
        all.at(-1),
      );
      expect(mine).toMatchObject({ type: 'RecipientUnlinked', occurredAt: theirs?.occurredAt });
    });

    it('is completed by the next start too, and by the same request before that', async () => {
      const pair = await pairOf();
      const { one, other, otherId } = pair;
      const body = bodyOf(one, other, 'same_person');
      failAfter(service.running.parts.store, 1);
      const link = () => businessOf(service).post('/links', body, withKey('restart'));
      expectProblem(await link(), 503, 'LEDGER_UNAVAILABLE');
      service = await service.restart();
      await until('the other half is there', async () => (await typesOf(service, otherId)).length === 1);
      expect(await link()).toMatchObject({ status: 200, body: { recipientId: pair.oneId } });
      expect([await reason(one), await reason(other)]).toEqual(['CONSENTED', 'CONSENTED']);
    });
  },
);

describe('a link that is broken off by kill -9', () => {
  afterEach(async () => {
    await killLaunched();
    removeDataDirectories();
  });

  const AT_ONCE = 8;
  const ROUNDS = FULL ? 40 : 4;
  const MOST_ROUNDS = 50;

  it('is whole after the next start or was never begun, and answers right on both sides', async () => {
    const random = chance('links that are broken off');
    const dataDir = newDataDirectory();
    let service = await launchService(dataDir);
    await registerAcme(service);
    const all: { readonly body: Json; readonly ids: readonly string[]; readonly answered: unknown }[] = [];
    const tell = (body: Json, n: number) => businessOf(service).post('/links', body, withKey(`killed-${n}`));
    let halves = 0;
    let rounds = 0;
    // So many rounds, and more of them where by chance no kill has come between two halves yet.
    for (; rounds < ROUNDS || (halves === 0 && rounds < MOST_ROUNDS); rounds += 1) {
      const links = Array.from({ length: AT_ONCE }, () => changeOfNumber(somebody(), somebody()));
      const people = links.flatMap(({ recipient, other }) => [recipient, other]);
      const ids = await recipientIdsOf(service, people);
      await must(businessOf(service).grant(grantBody(people[0]?.phone as string)));
      const sent = links.map((body, n) =>
        tell(body, all.length + n).then(
          ({ status }) => status,
          () => 'no answer',
        ),
      );
      await Promise.race(sent);
      for (let turns = random.between(0, 20); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      await service.process.kill('SIGKILL');
      const answered = await Promise.all(sent);
      halves += halvesIn(await scanOf(dataDir));
      service = await launchService(dataDir);
      await until('there are no halves', async () => halvesIn(await scanOf(dataDir)) === 0);
      all.push(...links.map((body, n) => ({ body, ids: ids.slice(2 * n, 2 * n + 2), answered: answered[n] })));
    }
    expect(halves).toBeGreaterThan(0);
    const reasonsOf = (ids: readonly string[]) =>
      Promise.all(ids.map(async (recipientId) => (await businessOf(service).check({ recipientId }, 'offers')).reason));
    for (const [n, { body, ids, answered }] of all.entries()) {
      const [ofOne = [], ofOther = []] = await Promise.all(ids.map((id) => typesOf(service, id)));
      const isLinked = ofOther.includes('RecipientLinked');
      const isGranted = ofOne.includes('ConsentGranted');
      expect(ofOne.filter((type) => type === 'RecipientLinked')).toHaveLength(isLinked ? 1 : 0);
      if (answered === 201) expect(isLinked).toBe(true);
      const before = isGranted ? ['CONSENTED', 'NO_CONSENT'] : ['NO_CONSENT', 'NO_CONSENT'];
      const after = isGranted ? ['REVOKED', 'CONSENTED'] : ['REVOKED', 'NO_CONSENT'];
      expect(await reasonsOf(ids)).toEqual(isLinked ? after : before);
      expect((await must(tell(body, n))).status).toBe(isLinked ? 200 : 201);
      expect(await reasonsOf(ids)).toEqual(after);
    }
    expect(halvesIn(await scanOf(dataDir))).toBe(0);
    figure(`links killed: ${rounds} kills, ${all.length} links, ${halves} halves completed`);
    expect(await service.process.kill('SIGTERM')).toMatchObject({ code: 0 });
  }, 300_000);
});

/** Far enough ahead that the grant before it is of the old number's time. */
function changeOfNumber(from: string, to: string) {
  const occurredAt = new Date(Date.now() + 60_000).toISOString();
  return { recipient: { phone: from }, other: { phone: to }, kind: 'changed_number', occurredAt };
}

/** How many link events stand in one stream and have no counterpart of the same command in another. */
function halvesIn(events: Awaited<ReturnType<typeof scanOf>>): number {
  const commands = events
    .filter(({ type }) => type === 'RecipientLinked')
    .map(({ metadata }) => (JSON.parse(Buffer.from(metadata).toString()) as { commandId: string }).commandId);
  return commands.filter((id) => commands.indexOf(id) === commands.lastIndexOf(id)).length;
}
