import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { hasReached, writeEvent } from '#event-store';
import { SettableClock } from '#platform';
import { businessOf, expectProblem, headOf, type Json } from '../http/support/acme.js';
import { grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { failAfter } from './support/failing.js';
import { people } from './support/people.js';
import { until } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const somebody = people(64);

describe('an erasure that is broken off', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
  });
  afterAll(() => service.stop());

  const later = () => clock.setTo(clock.now() + 1_000);
  const granted = async (phone: string) =>
    String((await must(businessOf(service).grant(grantBody(phone)))).body.recipientId);
  const toldOf = async (id: string) => {
    const { body } = await must(businessOf(service).get(`/recipients/${id}/timeline`));
    return (body.events as unknown as readonly Json[]).map(({ type, personal }) => [type, personal !== undefined]);
  };
  /** Resolves once everything that is in the ledger by now has been looked at for what is missing. */
  const completed = async () => {
    const head = await headOf(service);
    const isDone = () => hasReached(service.running.parts.completion.status()?.position ?? '', head);
    await until('all is looked through', isDone);
  };
  const linked = async () => {
    const phones = [somebody(), somebody(), somebody()] as const;
    const ids: string[] = [];
    for (const phone of phones) ids.push(await granted(phone));
    const occurredAt = new Date(clock.now()).toISOString();
    for (const other of phones.slice(1)) {
      const body = { recipient: { phone: phones[0] }, other: { phone: other }, kind: 'same_person', occurredAt };
      await must(businessOf(service).post('/links', body));
    }
    later();
    return { phones, ids };
  };
  const ERASED = [
    ['ConsentGranted', false],
    ['RecipientLinked', false],
    ['RecipientErased', false],
  ];

  it('after some of a person’s linked addresses is completed for the others, once for each', async () => {
    const { phones, ids } = await linked();
    failAfter(service.running.parts.store, 2);
    const body = { recipient: { phone: phones[0] }, requestedBy: 'person' };
    const erase = () => businessOf(service).post('/erasures', body, { headers: { 'Idempotency-Key': 'some' } });
    expectProblem(await erase(), 503, 'LEDGER_UNAVAILABLE');
    const others = ids.slice(1);
    await until('all are erased', async () =>
      (await Promise.all(others.map(toldOf))).every((told) => told.length === 3),
    );
    const erasuresOf = async (id: string) => {
      const { body: timeline } = await must(businessOf(service).get(`/recipients/${id}/timeline`));
      return (timeline.events as unknown as readonly Json[]).at(-1);
    };
    const [one, two] = await Promise.all(others.map(erasuresOf));
    expect([one?.actor, two?.actor].sort()).toEqual(['admin', 'system']);
    for (const { data } of [one, two] as Json[]) expect(data).toMatchObject({ requestedBy: 'person' });
    await completed();
    await completed();
    expect(await toldOf(ids[0] as string)).toEqual([ERASED[0], ERASED[1], ERASED[1], ERASED[2]]);
    for (const id of ids.slice(1)) expect(await toldOf(id)).toEqual(ERASED);
    // They have come back by the time the caller sends the request again: that is the erasure of then, not another.
    later();
    for (const phone of phones.slice(1)) await granted(phone);
    expect((await must(erase())).body).toMatchObject({ type: 'RecipientErased', recipientId: ids[0] });
    for (const id of ids.slice(1)) expect(await toldOf(id)).toEqual([...ERASED, ['ConsentGranted', true]]);
  });

  it('is not taken for broken off because of a link that was heard of later, whatever date that bears', async () => {
    const [one, other] = [somebody(), somebody()];
    await granted(one);
    const before = new Date(clock.now()).toISOString();
    later();
    const body = { recipient: { phone: one }, requestedBy: 'person' };
    const erase = () => businessOf(service).post('/erasures', body, { headers: { 'Idempotency-Key': 'before' } });
    await must(erase());
    later();
    const otherId = await granted(other);
    const link = { recipient: { phone: one }, other: { phone: other }, kind: 'same_person', occurredAt: before };
    await must(businessOf(service).post('/links', link));
    const told = [
      ['ConsentGranted', true],
      ['RecipientLinked', true],
    ];
    await must(erase());
    expect(await toldOf(otherId)).toEqual(told);
    // A place that is lost: the whole ledger is looked through again.
    await completed();
    rmSync(join(service.dataDir, 'completion.position'));
    service = await service.restart();
    await completed();
    expect(await toldOf(otherId)).toEqual(told);
  });

  it('is not taken for broken off where it is whole, even if the person has come back', async () => {
    const { phones, ids } = await linked();
    await must(businessOf(service).post('/erasures', { recipient: { phone: phones[0] } }));
    later();
    for (const phone of phones) await granted(phone);
    await completed();
    await completed();
    service = await service.restart();
    expect(await service.running.parts.vault.listAnnouncedErasures()).toEqual([]);
    await completed();
    for (const id of ids.slice(1)) expect(await toldOf(id)).toEqual([...ERASED, ['ConsentGranted', true]]);
    for (const phone of phones) {
      expect(await businessOf(service).check({ phone }, 'offers')).toMatchObject({ reason: 'CONSENTED' });
    }
  });

  it('after its event, before its key is destroyed, is completed though nobody asks again', async () => {
    const phone = somebody();
    const id = await granted(phone);
    const backup = new Database(join(service.dataDir, 'vault.db'), { readonly: true, fileMustExist: true });
    backup.exec('BEGIN');
    backup.prepare('SELECT count(*) FROM data_keys').get();
    const body = { recipient: { phone }, requestedBy: 'person' };
    expectProblem(await businessOf(service).post('/erasures', body), 503, 'LEDGER_UNAVAILABLE');
    const { vault } = service.running.parts;
    expect(await vault.listAnnouncedErasures()).toHaveLength(1);
    backup.close();
    await until('it is complete', async () => (await vault.listAnnouncedErasures()).length === 0);
    expect(await toldOf(id)).toEqual([ERASED[0], ERASED[2]]);
  });

  it('and cannot be completed at the start either, is tried again until it can', async () => {
    const phone = somebody();
    const id = await granted(phone);
    const { vault, store } = service.running.parts;
    const eventId = '00000000-0000-4000-8000-00000000000a';
    const times = { occurredAt: new Date(NOON).toISOString(), recordedAt: new Date(NOON).toISOString() };
    await vault.announceErasure(id, eventId);
    const trail = { $correlationId: eventId, $causationId: eventId, commandId: eventId, actor: 'test', schema: 1 };
    const data = { businessId: 'acme', occurredAt: times.occurredAt };
    await store.append(`consent-${id}`, [writeEvent(eventId, 'RecipientErased', data, { ...trail, ...times })], 'any');
    const backup = new Database(join(service.dataDir, 'vault.db'), { readonly: true, fileMustExist: true });
    backup.exec('BEGIN');
    backup.prepare('SELECT count(*) FROM data_keys').get();
    service = await service.restart();
    expect(await service.running.parts.vault.listAnnouncedErasures()).toHaveLength(1);
    expect(service.log()).toMatch(/could not be completed yet/);
    backup.close();
    await until('it is complete', async () => (await service.running.parts.vault.listAnnouncedErasures()).length === 0);
    expect(await toldOf(id)).toEqual([ERASED[0], ERASED[2]]);
  });

  it('is completed for what was sealed under a younger key before its event, and not for who came back behind it', async () => {
    const ids = { before: await granted(somebody()), behind: await granted(somebody()) };
    const { vault, store } = service.running.parts;
    const times = { occurredAt: new Date(NOON).toISOString(), recordedAt: new Date(NOON).toISOString() };
    const data = { businessId: 'acme', occurredAt: times.occurredAt };
    const erase = async (id: string, eventId: string) => {
      const trail = { $correlationId: eventId, $causationId: eventId, commandId: eventId, actor: 'test', schema: 1 };
      await store.append(
        `consent-${id}`,
        [writeEvent(eventId, 'RecipientErased', data, { ...trail, ...times })],
        'any',
      );
    };
    const comeBack = async (id: string, eventId: string) => {
      const sealed = await vault.seal(id, eventId, { address: 'somewhere' });
      const trail = { $correlationId: eventId, $causationId: eventId, commandId: eventId, actor: 'test', schema: 1 };
      const messaged = { ...data, channel: 'whatsapp', sender: 'main', kind: 'message', sealed };
      await store.append(
        `conversation-${id}`,
        [writeEvent(eventId, 'UserMessaged', messaged, { ...trail, ...times })],
        'any',
      );
    };
    const eventId = (n: number) => `00000000-0000-4000-8000-0000000000${n}`;
    for (const [n, id] of Object.values(ids).entries()) {
      await vault.announceErasure(id, eventId(20 + n));
      await vault.eraseRecipient(id, eventId(30 + n));
    }
    await comeBack(ids.before, eventId(40));
    await erase(ids.before, eventId(20));
    await erase(ids.behind, eventId(21));
    await comeBack(ids.behind, eventId(41));
    service = await service.restart();
    expect(await service.running.parts.vault.listAnnouncedErasures()).toEqual([]);
    expect(await toldOf(ids.before)).toContainEqual(['UserMessaged', false]);
    expect(await toldOf(ids.behind)).toContainEqual(['UserMessaged', true]);
  });
});
