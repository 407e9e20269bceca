import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { grantBody, must, registerAcme, type Answer } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { holdView, recipientIdsOf, releaseView } from '../promises/support/service.js';
import { people } from '../promises/support/people.js';
import { businessOf, expectProblem, fieldsOf, headOf, type Json } from './support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const somebody = people(61);
const withKey = (key: string) => ({ headers: { 'Idempotency-Key': key } });

describe('linking over HTTP', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  const now = () => new Date(clock.now()).toISOString();
  const bodyOf = (one: string, other: string, more: Json = {}) => ({
    recipient: { phone: one },
    other: { phone: other },
    kind: 'same_person',
    occurredAt: now(),
    ...more,
  });
  const link = (one: string, other: string, more: Json = {}, options = {}) =>
    acme.post('/links', bodyOf(one, other, more), options);
  const unlink = (one: string, other: string, more: Json = {}, options = {}) =>
    acme.delete('/links', bodyOf(one, other, more), options);
  const reason = async (phone: string, purpose = 'offers') => (await acme.check({ phone }, purpose)).reason;
  const idsOf = (...phones: string[]) =>
    recipientIdsOf(
      service,
      phones.map((phone) => ({ phone })),
    );
  const eventsOf = async (id: unknown) =>
    (await must(acme.get(`/recipients/${String(id)}/timeline`))).body.events as unknown as readonly Json[];
  const stateOf = async (id: unknown) => (await must(acme.get(`/recipients/${String(id)}`))).body;
  /** Each step is later than the one before, as it is for people. */
  const later = () => clock.setTo(clock.now() + 1_000);

  it('is answered as a command on the recipient, and stands in both streams and both states', async () => {
    const [one, other] = [somebody(), somebody()];
    const [oneId, otherId] = await idsOf(one, other);
    const answer = await link(one, other, { kind: 'changed_number', occurredAt: '2026-05-03T10:00:00+02:00' });
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      ...{ eventId: expect.any(String), type: 'RecipientLinked', recipientId: oneId, stream: `consent-${oneId}` },
      ...{ revision: '0', position: await headOf(service), recordedAt: now(), effective: true },
      occurredAt: '2026-05-03T08:00:00.999Z',
    });
    const [ofOne, ofOther] = [await eventsOf(oneId), await eventsOf(otherId)];
    expect(ofOne).toMatchObject([
      {
        ...{ eventId: answer.body.eventId, type: 'RecipientLinked', claimedAt: '2026-05-03T10:00:00+02:00' },
        data: { businessId: 'acme', other: otherId, kind: 'changed_number', role: 'old' },
        personal: { address: one },
      },
    ]);
    expect(ofOther).toMatchObject([
      {
        ...{ type: 'RecipientLinked', occurredAt: '2026-05-03T08:00:00.000Z' },
        data: { businessId: 'acme', other: oneId, kind: 'changed_number', role: 'new' },
        personal: { address: other },
      },
    ]);
    const cell = {
      ...{ recipientId: otherId, kind: 'changed_number', role: 'old' },
      ...{ linkedAt: '2026-05-03T08:00:00.999Z', linkEventId: answer.body.eventId },
    };
    expect((await stateOf(oneId)).links).toEqual([cell]);
    later();
    const undone = await unlink(one, other, { kind: 'changed_number', occurredAt: '2026-05-03T10:00:00+02:00' });
    expect(undone).toMatchObject({ status: 201, body: { type: 'RecipientUnlinked', effective: true } });
    const unlinkedAt = '2026-05-03T08:00:01.000Z';
    expect((await stateOf(oneId)).links).toEqual([{ ...cell, unlinkedAt, unlinkEventId: undone.body.eventId }]);
    expect((await stateOf(otherId)).links).toMatchObject([{ recipientId: oneId, unlinkedAt }]);
  });

  it.each(['same_person', 'changed_number'])(
    'of the kind %s leaves a grant without effect which that denies, and its repetition is told the same',
    async (kind) => {
      const [one, other] = [somebody(), somebody()];
      const occurredAt = now();
      later();
      await must(link(one, other, { kind }));
      if (kind === 'same_person') await must(acme.revoke({ recipient: { phone: other } }));
      const grant = () => acme.grant(grantBody(one, { occurredAt }), withKey(`outdone by ${kind}`));
      const { body } = await must(grant());
      expect(body).toMatchObject({ effective: false, ineffectiveBecause: 'REVOKED_LATER' });
      expect(await reason(one)).toBe('REVOKED');
      later();
      await must(unlink(one, other, { kind }));
      expect(await must(grant())).toMatchObject({ status: 200, body });
      expect(await reason(one)).toBe('CONSENTED');
    },
  );

  it('counts at once for both, without a position, and what stops one stops the other until they are unlinked', async () => {
    const [one, other] = [somebody(), somebody()];
    await must(acme.grant(grantBody(one)));
    later();
    await must(link(one, other));
    expect([await reason(one), await reason(other)]).toEqual(['CONSENTED', 'CONSENTED']);
    later();
    await must(acme.revoke({ recipient: { phone: other } }));
    expect([await reason(one), await reason(other)]).toEqual(['REVOKED', 'REVOKED']);
    later();
    await must(unlink(one, other));
    expect([await reason(one), await reason(other)]).toEqual(['CONSENTED', 'REVOKED']);
    later();
    await must(acme.grant(grantBody(other)));
    expect([await reason(one), await reason(other)]).toEqual(['CONSENTED', 'CONSENTED']);
  });

  it('counts while the view cannot move, for whoever hangs together with the two as well', async () => {
    const [one, two, three] = [somebody(), somebody(), somebody()];
    await must(acme.grant(grantBody(one)));
    await must(link(two, three));
    await acme.check({ phone: one }, 'offers', { atLeast: await headOf(service) });
    holdView(service.dataDir);
    try {
      later();
      await must(link(one, two));
      expect([await reason(one), await reason(two), await reason(three)]).toEqual(Array(3).fill('CONSENTED'));
      later();
      await must(acme.revoke({ recipient: { phone: three } }));
      expect([await reason(one), await reason(two), await reason(three)]).toEqual(Array(3).fill('REVOKED'));
      later();
      await must(unlink(two, three));
      expect([await reason(one), await reason(two), await reason(three)]).toEqual([
        'CONSENTED',
        'CONSENTED',
        'REVOKED',
      ]);
    } finally {
      releaseView(service.dataDir);
    }
  });

  it('answers the same request again as the first time, with a header, and writes nothing', async () => {
    const [one, other] = [somebody(), somebody()];
    const body = bodyOf(one, other);
    const replayed = (again: Answer, first: Answer) => {
      expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: first.body });
      expect(again.headers.get('idempotent-replayed')).toBe('true');
    };
    const linked = await must(acme.post('/links', body, withKey('twice')));
    later();
    const unlinked = await must(acme.delete('/links', body, withKey('twice')));
    expect(unlinked.body.eventId).not.toBe(linked.body.eventId);
    const head = await headOf(service);
    later();
    replayed(await acme.post('/links', body, withKey('twice')), linked);
    replayed(await acme.delete('/links', body, withKey('twice')), unlinked);
    expect(await headOf(service)).toBe(head);
  });

  it.each(['post', 'delete'] as const)(
    'refuses a key that came with another body, and writes neither half (%s)',
    async (method) => {
      const [one, other, third] = [somebody(), somebody(), somebody()];
      const send = (body: Json) => acme[method]('/links', body, withKey(`reused-${method}`));
      await must(send(bodyOf(one, other)));
      const head = await headOf(service);
      for (const body of [bodyOf(one, third), bodyOf(third, other), bodyOf(one, other, { kind: 'changed_number' })]) {
        expectProblem(await send(body), 422, 'IDEMPOTENCY_KEY_REUSED');
      }
      const elsewhere = await service.restart();
      service = elsewhere;
      acme = businessOf(service);
      expectProblem(await send(bodyOf(one, third)), 422, 'IDEMPOTENCY_KEY_REUSED');
      expect(await headOf(service)).toBe(head);
    },
  );

  it('refuses what makes no link, with the field that is wrong', async () => {
    const [one, other] = [somebody(), somebody()];
    const head = await headOf(service);
    const wrong: readonly (readonly [Json, number, string, string])[] = [
      [{ other: { phone: one } }, 400, 'VALIDATION_FAILED', 'other'],
      [{ other: { phone: one.replace('+', '00') } }, 400, 'VALIDATION_FAILED', 'other'],
      [{ kind: 'cousin' }, 400, 'VALIDATION_FAILED', 'kind'],
      [{ recipient: { phone: '12 34' } }, 400, 'ADDRESS_INVALID', 'recipient.phone'],
      [{ other: { phone: '12 34' } }, 400, 'ADDRESS_INVALID', 'other.phone'],
      [{ other: { phone: other, email: 'a@b.example' } }, 400, 'VALIDATION_FAILED', 'other'],
      [{ occurredAt: new Date(clock.now() + 300_001).toISOString() }, 422, 'OCCURRED_IN_FUTURE', 'occurredAt'],
      [{ occurredAt: undefined }, 400, 'VALIDATION_FAILED', 'occurredAt'],
    ];
    for (const [more, status, code, field] of wrong) {
      for (const act of [link, unlink]) {
        const answer = await act(one, other, more);
        expectProblem(answer, status, code);
        expect(fieldsOf(answer)).toEqual([field]);
      }
    }
    expect(await headOf(service)).toBe(head);
  });

  it('knows nobody of another business by an id', async () => {
    await registerAcme(service, 'beta', '2002');
    const [one, stranger] = [somebody(), somebody()];
    const { body } = await must(businessOf(service, 'beta').grant(grantBody(stranger)));
    const head = await headOf(service);
    const named = { recipientId: body.recipientId };
    expectProblem(await link(one, stranger, { other: named }), 404, 'RECIPIENT_NOT_FOUND');
    expectProblem(await link(one, stranger, { recipient: named }), 404, 'RECIPIENT_NOT_FOUND');
    expect(await headOf(service)).toBe(head);
  });

  it('says what has no effect, and what takes the place of what was said before', async () => {
    const [one, other] = [somebody(), somebody()];
    const before = now();
    later();
    expect(fieldsOf(await must(unlink(one, other)), 'warnings')).toEqual(['other']);
    later();
    expect((await must(link(one, other, { occurredAt: before }))).body).toMatchObject({
      ...{ effective: false, ineffectiveBecause: 'UNLINKED_LATER' },
    });
    const linked = await must(link(one, other));
    expect(linked.body).toMatchObject({ effective: true });
    expect(linked.body).not.toHaveProperty('warnings');
    expect((await must(unlink(one, other, { occurredAt: before }))).body).toMatchObject({
      ...{ effective: false, ineffectiveBecause: 'LINKED_LATER' },
    });
    later();
    expect(fieldsOf(await must(link(one, other, { kind: 'changed_number' })), 'warnings')).toEqual(['kind']);
    later();
    expect(fieldsOf(await must(link(other, one, { kind: 'changed_number' })), 'warnings')).toEqual(['kind']);
    later();
    expect(fieldsOf(await must(link(other, one, { kind: 'changed_number' })), 'warnings')).toEqual([]);
  });

  it('goes on in loops and long chains: beyond eight only noes cross, and beyond sixty-four it is refused', async () => {
    const chain = Array.from({ length: 66 }, somebody);
    const [first = '', second = '', last = ''] = [chain[0], chain[1], chain[63]];
    await must(acme.grant(grantBody(first)));
    later();
    for (let n = 1; n < 64; n += 1) await must(link(chain[n - 1] as string, chain[n] as string));
    await must(link(last, first));
    expect(await Promise.all([2, 3, 5, 62].map((n) => reason(chain[n] as string)))).toEqual([
      'CONSENTED',
      'CONSENTED',
      'NO_CONSENT',
      'CONSENTED',
    ]);
    later();
    await must(acme.revoke({ recipient: { phone: chain[32] } }));
    for (const phone of [first, second, last]) expect(await reason(phone)).toBe('REVOKED');
    const head = await headOf(service);
    const refused = await link(last, chain[64] as string);
    expectProblem(refused, 409, 'CONFLICT');
    expect(fieldsOf(refused)).toEqual(['other']);
    expectProblem(await link(chain[64] as string, last), 409, 'CONFLICT');
    expect(await headOf(service)).toBe(head);
    await must(unlink(last, first));
    later();
    await must(unlink(chain[62] as string, last));
    await must(link(last, chain[64] as string));
    expect(await reason(last)).toBe('NO_CONSENT');
  });
});
