import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { depthOf, writeEvent } from '#event-store';
import { SettableClock } from '#platform';
import { newDataDirectory, removeDataDirectories } from '../faults/data-directory.js';
import { chance } from '../faults/full.js';
import { EventStoreProcess } from '../eventstore/server-process.js';
import { businessOf, expectProblem, fieldsOf, headOf, type Json } from '../http/support/acme.js';
import { grantBody, must, registerAcme, type Answer, type Reachable } from '../support/client.js';
import { killLaunched, launchService } from '../support/process.js';
import { startTestService, type TestService } from '../support/service.js';
import { people } from './support/people.js';
import { append, recipientIdsOf } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const somebody = people(13);
const withKey = (key: string) => ({ headers: { 'Idempotency-Key': key } });
const secret = () => randomBytes(32).toString('base64');

interface Told {
  readonly type: string;
  readonly eventId: string;
  readonly position: string;
  readonly personal?: Json;
}

async function timelineOf(service: Reachable, recipientId: unknown): Promise<readonly Told[]> {
  const { body } = await must(businessOf(service).get(`/recipients/${String(recipientId)}/timeline`));
  return [...(body.events as unknown as readonly Told[])].sort((a, b) => depthOf(a.position) - depthOf(b.position));
}

/** What can be read of what stands before the last erasure. */
function readableBefore(events: readonly Told[]): readonly Told[] {
  const last = events.findLastIndex(({ type }) => type === 'RecipientErased');
  return events.slice(0, last + 1).filter(({ personal }) => personal !== undefined);
}

describe.each(['the embedded ledger', 'EventStoreDB'])('who is erased, on %s', (ledger) => {
  const clock = new SettableClock(NOON);
  let server: EventStoreProcess | undefined;
  let service: TestService;
  beforeAll(async () => {
    server = ledger === 'EventStoreDB' ? await EventStoreProcess.launch() : undefined;
    const secrets = { PEPPER: secret(), KEY_ENCRYPTION_KEY: secret() };
    const env = server ? { ...secrets, EVENTSTORE_URL: server.url } : secrets;
    service = await startTestService({ clock, env });
    await registerAcme(service);
  });
  afterAll(async () => {
    await service.stop();
    await server?.remove();
  });

  it('leaves nothing readable behind, whatever else is recorded of them at that moment', async () => {
    const acme = businessOf(service);
    const ids: unknown[] = [];
    for (let round = 0; round < 12; round += 1) {
      const phone = somebody();
      const recipient = { phone };
      const message = { recipient, channel: 'whatsapp', sender: 'main', occurredAt: '2026-05-04T11:00:00Z' };
      const answers = await Promise.all([
        acme.grant(grantBody(phone, { evidence: { form: 'one' } })),
        acme.message({ ...message, messageId: `one-${round}` }),
        acme.post('/erasures', { recipient }, withKey(`race-${round}`)),
        acme.grant(grantBody(phone, { evidence: { form: 'two' } })),
        acme.revoke({ recipient, channels: ['sms'], reason: 'a reason' }),
        acme.message({ ...message, messageId: `two-${round}` }),
        acme.post('/erasures', { recipient }),
      ]);
      const refused = answers.filter(({ status }) => status >= 300).map(({ body }) => body.code);
      // A grant that lost the race too often may be told so; an opt-out never.
      expect(refused.filter((code) => code !== 'CONFLICT')).toEqual([]);
      ids.push(answers[2]?.body.recipientId);
      expect(await acme.check(recipient, 'news')).toMatchObject({ reason: 'REVOKED' });
    }
    for (const id of ids) expect(readableBefore(await timelineOf(service, id))).toEqual([]);
    service = await service.restart();
    for (const id of ids) expect(readableBefore(await timelineOf(service, id))).toEqual([]);
  });

  it('is erased under every address that is linked as the same person, and under none that is somebody else’s', async () => {
    const acme = businessOf(service);
    const names = [somebody(), somebody(), somebody(), somebody()];
    for (const phone of names) await must(acme.grant(grantBody(phone)));
    const ids = await recipientIdsOf(
      service,
      names.map((phone) => ({ phone })),
    );
    const [one = '', two = '', three = '', before = ''] = ids;
    const link = { businessId: 'acme', kind: 'same_person', occurredAt: new Date(NOON).toISOString() };
    const bothWays = async (a: string, b: string, of: Json, back: Json) => {
      await append(service, `consent-${a}`, 'RecipientLinked', { ...link, ...of, other: b });
      await append(service, `consent-${b}`, 'RecipientLinked', { ...link, ...back, other: a });
    };
    await bothWays(one, two, {}, {});
    await bothWays(two, three, {}, {});
    await bothWays(before, one, { kind: 'changed_number', role: 'old' }, { kind: 'changed_number', role: 'new' });
    const body = { recipient: { recipientId: one } };
    const erased = await must(acme.post('/erasures', body, withKey('linked')));
    expect(fieldsOf(erased, 'warnings')).toEqual(['recipient']);
    for (const id of [one, two, three]) {
      const events = await timelineOf(service, id);
      expect(events.some(({ type }) => type === 'RecipientErased')).toBe(true);
      expect(readableBefore(events)).toEqual([]);
    }
    expect((await timelineOf(service, before)).map(({ type, personal }) => [type, personal !== undefined])).toEqual([
      ['ConsentGranted', true],
      ['RecipientLinked', false],
    ]);
    const head = await headOf(service);
    expect((await acme.post('/erasures', body, withKey('linked'))).status).toBe(200);
    expect(await headOf(service)).toBe(head);
  });

  it('is erased under them too where the clock was set back since they were linked', async () => {
    const acme = businessOf(service);
    const names = [somebody(), somebody(), somebody()];
    for (const phone of names) await must(acme.grant(grantBody(phone)));
    const [one, two, three] = names.map((phone) => ({ phone }));
    clock.setTo(NOON + 30_000);
    const link = { kind: 'same_person', occurredAt: new Date(clock.now()).toISOString() };
    await must(acme.post('/links', { ...link, recipient: one, other: two }));
    await must(acme.post('/links', { ...link, recipient: two, other: three }));
    clock.setTo(NOON - 60_000);
    try {
      await must(acme.post('/erasures', { recipient: one }));
    } finally {
      clock.setTo(NOON);
    }
    for (const id of await recipientIdsOf(
      service,
      names.map((phone) => ({ phone })),
    )) {
      expect(readableBefore(await timelineOf(service, id))).toEqual([]);
      expect((await timelineOf(service, id)).at(-1)).toMatchObject({ type: 'RecipientErased' });
    }
  });
});

describe('an erasure that is broken off', () => {
  afterEach(async () => {
    await killLaunched();
    removeDataDirectories();
  });

  it('by kill -9 is whole after the next start if it is in the ledger, and whole once it is told again', async () => {
    const random = chance('an erasure that is broken off');
    const dataDir = newDataDirectory();
    let service = await launchService(dataDir);
    await registerAcme(service);
    const all: { readonly phone: string; readonly key: string; readonly id: unknown }[] = [];
    for (let round = 0; round < 4; round += 1) {
      const grants = await Promise.all(
        Array.from({ length: 12 }, async (_, index) => {
          const phone = somebody();
          const { body } = await must(businessOf(service).grant(grantBody(phone, { evidence: { form: 'f' } })));
          return { phone, key: `killed-${round}-${index}`, id: body.recipientId };
        }),
      );
      all.push(...grants);
      const { process } = service;
      const sent = grants.map(({ phone, key }) =>
        businessOf(service)
          .post('/erasures', { recipient: { phone } }, withKey(key))
          .then(({ status }) => status)
          .catch(() => 'no answer' as const),
      );
      await Promise.race(sent);
      for (let turns = random.between(0, 20); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      await process.kill('SIGKILL');
      const answered = await Promise.all(sent);
      service = await launchService(dataDir);
      for (const [index, { id }] of grants.entries()) {
        const events = await timelineOf(service, id);
        expect(readableBefore(events)).toEqual([]);
        if (answered[index] === 201) expect(events.at(-1)?.type).toBe('RecipientErased');
      }
    }
    for (const { phone, key, id } of all) {
      await must(businessOf(service).post('/erasures', { recipient: { phone } }, withKey(key)));
      const events = await timelineOf(service, id);
      expect(events.map(({ type, personal }) => [type, personal])).toEqual([
        ['ConsentGranted', undefined],
        ['RecipientErased', undefined],
      ]);
    }
    expect(await service.process.kill('SIGTERM')).toMatchObject({ code: 0 });
  }, 120_000);

  it('between the event and the key is completed by the next start; what never came to the ledger is forgotten', async () => {
    const clock = new SettableClock(NOON);
    let service = await startTestService({ clock });
    try {
      await registerAcme(service);
      const [done, undone, over] = [somebody(), somebody(), somebody()];
      const grants = new Map<string, Answer>();
      for (const phone of [done, undone, over])
        grants.set(phone, await must(businessOf(service).grant(grantBody(phone))));
      const idOf = (phone: string) => String(grants.get(phone)?.body.recipientId);
      const { vault, store } = service.running.parts;
      const eventId = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
      const times = { occurredAt: new Date(NOON).toISOString(), recordedAt: new Date(NOON).toISOString() };
      const record = async (phone: string, n: number) => {
        const ids = { $correlationId: eventId(n), $causationId: eventId(n), commandId: eventId(n) };
        const data = { businessId: 'acme', occurredAt: times.occurredAt };
        const event = writeEvent(eventId(n), 'RecipientErased', data, { ...ids, ...times, actor: 'test', schema: 1 });
        await store.append(`consent-${idOf(phone)}`, [event], 'any');
      };
      for (const [n, phone] of [done, undone, over].entries()) await vault.announceErasure(idOf(phone), eventId(n));
      await record(done, 0);
      await record(over, 2);
      // Another erasure has forestalled the last one, and the person has come back.
      await must(businessOf(service).post('/erasures', { recipient: { phone: over } }));
      clock.advance(1_000);
      await must(businessOf(service).grant(grantBody(over)));
      service = await service.restart();
      expect((await timelineOf(service, idOf(done))).filter(({ personal }) => personal)).toEqual([]);
      expect((await timelineOf(service, idOf(undone))).filter(({ personal }) => personal)).toHaveLength(1);
      expect((await timelineOf(service, idOf(over))).map(({ personal }) => personal !== undefined)).toEqual([
        false,
        false,
        false,
        true,
      ]);
      expect(await service.running.parts.vault.listAnnouncedErasures()).toEqual([]);
    } finally {
      await service.stop();
    }
  });

  it('by a vault that is away is not acknowledged, nor begun, and is carried out once it is told again', async () => {
    let service = await startTestService({ clock: new SettableClock(NOON) });
    try {
      await registerAcme(service);
      const phone = somebody();
      await must(businessOf(service).grant(grantBody(phone)));
      const before = await headOf(service);
      await service.running.parts.vault.close();
      const body = { recipient: { phone }, requestedBy: 'person' };
      const refused = await businessOf(service).post('/erasures', body, withKey('away'));
      expectProblem(refused, 503, 'LEDGER_UNAVAILABLE');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await headOf(service)).toBe(before);
      service = await service.restart();
      expect((await businessOf(service).post('/erasures', body, withKey('away'))).status).toBe(201);
      expect(await businessOf(service).check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
    } finally {
      await service.stop();
    }
  });

  it('by a backup that holds the key’s old pages is not acknowledged, though the stop counts, until the backup ends', async () => {
    const service = await startTestService({ clock: new SettableClock(NOON) });
    const acme = businessOf(service);
    try {
      await registerAcme(service);
      const phone = somebody();
      await must(acme.grant(grantBody(phone)));
      const backup = new Database(join(service.dataDir, 'vault.db'), { readonly: true, fileMustExist: true });
      backup.exec('BEGIN');
      backup.prepare('SELECT count(*) FROM data_keys').get();
      const erase = () => acme.post('/erasures', { recipient: { phone } }, withKey('held'));
      const refused = await erase();
      backup.close();
      expectProblem(refused, 503, 'LEDGER_UNAVAILABLE');
      expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
      const again = await erase();
      expect({ status: again.status, type: again.body.type }).toEqual({ status: 200, type: 'RecipientErased' });
      expect(await service.running.parts.vault.listAnnouncedErasures()).toEqual([]);
    } finally {
      await service.stop();
    }
  });
});
