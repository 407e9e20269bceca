import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { SettableClock } from '#platform';
import { deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, fieldsOf } from '../http/support/acme.js';
import { people } from './support/people.js';
import { dropView } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const at = (ms: number) => new Date(ms).toISOString();
const somebody = people(3);

describe('an older yes never beats a newer no', () => {
  const clock = new SettableClock(NOON);
  /** Everybody of these tests, with what the answer must be for ever. */
  const expected: { readonly phone: string; readonly reason: string }[] = [];
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  const grant = (phone: string, occurredAt: number, more = {}) =>
    must(acme.grant(grantBody(phone, { occurredAt: at(occurredAt), ...more })));
  const revoke = (phone: string, more = {}) => must(acme.revoke({ recipient: { phone }, ...more }));
  const reasonOf = async (phone: string, consistency = 'fast') =>
    (await acme.check({ phone }, 'offers', { consistency })).reason;
  const expectFor = async (phone: string, reason: string) => {
    expected.push({ phone, reason });
    expect([await reasonOf(phone), await reasonOf(phone, 'ledger')]).toEqual([reason, reason]);
  };

  const APART = [
    { what: 'a day before it', grantedAfterMs: -DAY, reason: 'REVOKED' },
    { what: 'a millisecond before it', grantedAfterMs: -1, reason: 'REVOKED' },
    { what: 'in the same millisecond', grantedAfterMs: 0, reason: 'REVOKED' },
    { what: 'a millisecond after it', grantedAfterMs: 1, reason: 'CONSENTED' },
  ];
  it.each(APART)('a yes $what, in whichever order the ledger hears: $reason', async ({ grantedAfterMs, reason }) => {
    const revokedAt = NOON - 2 * DAY;
    const grantedAt = revokedAt + grantedAfterMs;
    for (const yesFirst of [true, false]) {
      const phone = somebody();
      const deeds = [() => grant(phone, grantedAt), () => revoke(phone, { occurredAt: at(revokedAt) })];
      for (const deed of yesFirst ? deeds : deeds.reverse()) await deed();
      await expectFor(phone, reason);
    }
  });

  it('an old list imported late, and told again, undoes nothing', async () => {
    const phone = somebody();
    await revoke(phone, { occurredAt: at(NOON - DAY) });
    for (let again = 0; again < 3; again++) {
      const imported = await grant(phone, NOON - 40 * DAY, { method: 'import', disclosure: undefined });
      expect(imported.body).toMatchObject({ effective: false, ineffectiveBecause: 'REVOKED_LATER' });
    }
    await expectFor(phone, 'REVOKED');
  });

  it('a STOP that a provider tells late still stands where it was said', async () => {
    const [before, after] = [somebody(), somebody()];
    await grant(before, NOON - 2 * MINUTE);
    await grant(after, NOON);
    const stop = (phone: string) => ({ from: phone.slice(1), id: `wamid.${phone}`, text: 'STOP', at: NOON - MINUTE });
    await must(deliver(service, deliveryOf(stop(after), stop(before))));
    await expectFor(before, 'REVOKED');
    await expectFor(after, 'CONSENTED');
  });

  it('a yes that waits for the disk while a no overtakes it is still the older one, also when it is told again', async () => {
    const phone = somebody();
    const { store } = service.running.parts;
    const append = store.append.bind(store);
    jest.spyOn(store, 'append').mockImplementationOnce(async (...args) => {
      clock.advance(1);
      await revoke(phone);
      clock.advance(1);
      return append(...args);
    });
    const tell = () => must(acme.grant(grantBody(phone), { headers: { 'Idempotency-Key': 'overtaken' } }));
    const granted = await tell();
    expect(granted.body).toMatchObject({ effective: false, ineffectiveBecause: 'REVOKED_LATER' });
    await expectFor(phone, 'REVOKED');
    expect((await tell()).body).toEqual(granted.body);
  });

  const TOO_OLD = [
    '1970-01-01T00:00:00Z',
    '1970-01-01T00:00:00.000Z',
    '1970-01-01',
    '1969-12-31T23:59:59Z',
    '1970-01-21T13:37:55.200Z',
    '1999-12-31T23:59:59.999Z',
    '0001-01-01T00:00:00Z',
  ];
  it.each(TOO_OLD)('a no dated %s counts as now, and says so', async (occurredAt) => {
    const phone = somebody();
    await grant(phone, clock.now() - MINUTE);
    const revoked = await revoke(phone, { occurredAt });
    expect(revoked.status).toBe(201);
    expect(fieldsOf(revoked, 'warnings')).toEqual(['occurredAt']);
    expect(Date.parse(String(revoked.body.occurredAt))).toBeGreaterThanOrEqual(clock.now());
    await expectFor(phone, 'REVOKED');
  });

  it.each([MINUTE, DAY, 400 * DAY])('the clock set back by %d ms after a grant: an undated no wins', async (backMs) => {
    const phone = somebody();
    clock.setTo(NOON);
    await must(acme.grant(grantBody(phone)));
    const wroteAt = NOON + 30 * SECOND;
    clock.setTo(wroteAt);
    await must(deliver(service, deliveryOf({ from: phone.slice(1), id: `wamid.${phone}`, text: 'Hi', at: wroteAt })));
    clock.setTo(NOON - backMs);
    const { body } = await revoke(phone);
    expect(Date.parse(String(body.occurredAt))).toBeGreaterThanOrEqual(wroteAt);
    await expectFor(phone, 'REVOKED');
    clock.setTo(NOON + MINUTE);
    expect(await acme.check({ phone }, 'service')).toMatchObject({ reason: 'REVOKED' });
  });

  it('the clock set back after a grant: a no of somebody linked to the person wins too', async () => {
    clock.setTo(NOON - DAY);
    const [one, other] = [somebody(), somebody()];
    const link = {
      recipient: { phone: one },
      other: { phone: other },
      kind: 'same_person',
      occurredAt: at(clock.now()),
    };
    await must(acme.post('/links', link));
    clock.setTo(NOON);
    await must(acme.grant(grantBody(one)));
    const id = `wamid.${one}`;
    await must(deliver(service, deliveryOf({ from: one.slice(1), id, text: 'Hi', at: NOON })));
    clock.setTo(NOON - MINUTE);
    await revoke(other, { occurredAt: at(clock.now() - SECOND) });
    for (const phone of [one, other]) {
      await expectFor(phone, 'REVOKED');
      expect(await acme.check({ phone }, 'service')).toMatchObject({ reason: 'REVOKED' });
    }
    clock.setTo(NOON + MINUTE);
  });

  it('and so it stays after a restart, and in a view made anew', async () => {
    for (const spoil of [() => undefined, () => dropView(service.dataDir)]) {
      await service.running.close();
      spoil();
      service = await startTestService({ clock, dataDir: service.dataDir });
      acme = businessOf(service);
      for (const { phone, reason } of expected)
        expect({ phone, reason: await reasonOf(phone) }).toEqual({ phone, reason });
    }
  });
});
