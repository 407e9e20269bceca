import { cpSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConsentEvent } from '#consent';
import type { StoredEvent } from '#event-store';
import { SettableClock } from '#platform';
import { rememberForLinked } from '../../apps/ledger/commands/remember-linked.js';
import { grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, keyFor } from '../http/support/acme.js';
import { inLanes, people } from './support/people.js';
import { append, holdView, recipientIdsOf, releaseView } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const PAIRS = 500;
const LANES = 16;
const somebody = people(4);

describe('after a revocation is acknowledged no check says yes', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  beforeAll(async () => {
    service = await startTestService({ clock, env: { WAIT_FOR_POSITION_MS: '10000' } });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  /** A grant must be later than the no before it, or it would do nothing. */
  const grant = (phone: string) => {
    clock.setTo(clock.now() + 1);
    return must(acme.grant(grantBody(phone)));
  };
  const revoke = async (phone: string) => String((await must(acme.revoke({ recipient: { phone } }))).body.position);
  const reasonOf = async (phone: string, more = {}) => String((await acme.check({ phone }, 'offers', more)).reason);

  it(`with its position and without, ${PAIRS} times, ${LANES} at once`, async () => {
    const free = Array.from({ length: LANES * 2 }, somebody);
    const seen: Record<string, number> = {};
    const count = (label: string) => (seen[label] = (seen[label] ?? 0) + 1);
    await inLanes(PAIRS, LANES, async () => {
      const phone = free.shift() as string;
      await grant(phone);
      count(`granted: ${await reasonOf(phone)}`);
      const atLeast = await revoke(phone);
      const [without, withIt] = await Promise.all([reasonOf(phone), reasonOf(phone, { atLeast })]);
      count(`revoked: ${without}`);
      count(`revoked, by position: ${withIt}`);
      free.push(phone);
    });
    expect(seen).toEqual({
      'granted: CONSENTED': PAIRS,
      'revoked: REVOKED': PAIRS,
      'revoked, by position: REVOKED': PAIRS,
    });
  });

  it('of anybody who is linked by then, though it was recorded elsewhere and the view has not heard of it', async () => {
    const { parts } = service.running;
    const [phone, linked, elsewhere] = [somebody(), somebody(), somebody()];
    for (const one of [phone, elsewhere]) await grant(one);
    const as = (one: string) => ({ recipient: { phone: one } });
    const occurredAt = new Date(clock.now()).toISOString();
    await must(acme.post('/links', { ...as(phone), other: { phone: linked }, kind: 'same_person', occurredAt }));
    const [r, m, o] = (await recipientIdsOf(
      service,
      [phone, linked, elsewhere].map((one) => ({ phone: one })),
    )) as [string, string, string];
    const facts = { businessId: 'acme', occurredAt };
    const data = { ...facts, channels: ['*'], purposes: [], categories: ['*'], method: 'api' };
    const position = await append(service, `consent-${r}`, 'ConsentRevoked', data);
    await reasonOf(phone, { atLeast: position });
    holdView(service.dataDir);
    for (const [one, other] of [
      [m, o],
      [o, m],
    ])
      await append(service, `consent-${one}`, 'RecipientLinked', { ...facts, other, kind: 'same_person' });
    const [stored] = await parts.store.readStream(`consent-${r}`, { direction: 'backwards', limit: 1 });
    const { id: eventId, stream, revision } = stored as StoredEvent;
    const place = { eventId, stream, revision, position, recordedAt: facts.occurredAt };
    const event = { type: 'ConsentRevoked', data } as unknown as ConsentEvent;
    await rememberForLinked(parts, { businessId: 'acme', recipientId: r, event, place });
    expect(await reasonOf(elsewhere)).toBe('REVOKED');
    releaseView(service.dataDir);
  });

  it('also where the same request is told several times at once: each that was answered is heard', async () => {
    await inLanes(40, 4, async (n) => {
      const phone = somebody();
      await grant(phone);
      const options = { headers: { 'Idempotency-Key': `stop-${n}` } };
      const tell = async () => {
        await must(acme.revoke({ recipient: { phone } }, options));
        return reasonOf(phone);
      };
      expect(await Promise.all([tell(), tell(), tell()])).toEqual(['REVOKED', 'REVOKED', 'REVOKED']);
    });
  });

  it('for people who are linked with the one who said it', async () => {
    await inLanes(30, 5, async () => {
      const [one, other] = [somebody(), somebody()];
      const [oneId = '', otherId = ''] = await recipientIdsOf(service, [{ phone: one }, { phone: other }]);
      const link = { businessId: 'acme', occurredAt: new Date(clock.now()).toISOString(), kind: 'same_person' };
      await append(service, `consent-${oneId}`, 'RecipientLinked', { ...link, other: otherId });
      const atLeast = await append(service, `consent-${otherId}`, 'RecipientLinked', { ...link, other: oneId });
      await grant(one);
      expect(await reasonOf(other, { atLeast })).toBe('CONSENTED');
      const revokedAt = await revoke(one);
      expect(await Promise.all([reasonOf(other), reasonOf(other, { atLeast: revokedAt })])).toEqual([
        'REVOKED',
        'REVOKED',
      ]);
    });
  });

  it('while the view cannot move: not even one that asks for a position that it has not reached', async () => {
    const phone = somebody();
    await grant(phone);
    const { secret } = await keyFor(service, ['eligibility:read'], 'acme');
    expect(await reasonOf(phone, { atLeast: await service.running.parts.store.head() })).toBe('CONSENTED');
    holdView(service.dataDir);
    try {
      const atLeast = await revoke(phone);
      expect(await reasonOf(phone)).toBe('REVOKED');
      clock.advance(60_000);
      const asking = { recipient: { phone }, channel: 'whatsapp', purpose: 'offers', atLeast };
      const answer = await must(acme.post('/eligibility', asking, { key: secret }));
      expect(answer).toMatchObject({ status: 200, body: { eligible: false, reason: 'VIEW_STALE' } });
      expect(answer.body.retryAfterMs).toBeGreaterThan(0);
    } finally {
      releaseView(service.dataDir);
    }
    await service.running.parts.view.whenReady();
    expect(await reasonOf(phone)).toBe('REVOKED');
  });
});

it('also not where only a retry is acknowledged, of a request that got as far as the disk', async () => {
  const clock = new SettableClock(NOON);
  const recipient = { phone: somebody() };
  const stop = (service: TestService) =>
    businessOf(service).revoke({ recipient }, { headers: { 'Idempotency-Key': 'cut-off' } });
  const first = await startTestService({ clock });
  await registerAcme(first);
  await must(businessOf(first).grant(grantBody(recipient.phone)));
  await first.running.close();

  const twinDir = `${first.dataDir}-twin`;
  cpSync(first.dataDir, twinDir, { recursive: true });
  const twin = await startTestService({ clock, dataDir: twinDir });
  const { body } = await must(stop(twin));
  const [event] = await twin.running.parts.store.readStream(String(body.stream), { direction: 'backwards', limit: 1 });
  await twin.stop();

  const service = await startTestService({ clock, dataDir: first.dataDir });
  try {
    holdView(service.dataDir);
    // What a request leaves whose answer has not been given yet: on disk, and nowhere in this process.
    await service.running.parts.store.append(String(body.stream), [event as StoredEvent], 'any');
    const retried = await stop(service);
    expect({ status: retried.status, eventId: retried.body.eventId }).toEqual({ status: 200, eventId: body.eventId });
    expect(await businessOf(service).check(recipient, 'offers')).toMatchObject({ eligible: false, reason: 'REVOKED' });
  } finally {
    await service.stop();
  }
});
