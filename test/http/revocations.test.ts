import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasReached } from '#event-store';
import { SettableClock } from '#platform';
import { ask, grantBody, must, registerAcme, type Answer } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem, fieldsOf, headOf, type Json } from './support/acme.js';
import { WRONG_TYPES, WRONG_WORDS } from './support/bad-values.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const BAD = [...WRONG_TYPES, ...WRONG_WORDS].filter(({ what }) => what !== 'null');

describe('a revocation', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  let people = 0;
  const somebody = () => ({ email: `person${people++}@revocations.example` });

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  /** What was recorded: the scope, method and time of the event that the answer names. */
  const recorded = async ({ body }: Answer): Promise<Json> => {
    const { events } = (await must(acme.get(`/recipients/${String(body.recipientId)}/timeline`))).body;
    const event = (events as unknown as Json[]).find(({ eventId }) => eventId === body.eventId);
    return { ...(event?.data as Json), occurredAt: event?.occurredAt };
  };

  /** Whether a check that carries the position of the answer is sure to find an event. */
  const reaches = async ({ body }: Answer, eventId: string): Promise<boolean> => {
    const { events } = await service.running.parts.store.readAll({ limit: 1_000 });
    const event = events.find(({ id }) => id === eventId);
    return event !== undefined && hasReached(String(body.position), event.position);
  };

  const EVERYTHING = { channels: ['*'], purposes: [], categories: ['*'], method: 'api' };

  it('needs a person and nothing else, and then means everything everywhere', async () => {
    const answer = await acme.revoke({ recipient: somebody() });
    expect(answer.status).toBe(201);
    expect(answer.body.warnings).toBeUndefined();
    expect(await recorded(answer)).toMatchObject(EVERYTHING);
  });

  it('is read whatever its headers call it, and refused by name where it is packed', async () => {
    const send = (raw: Uint8Array, headers: Record<string, string>) =>
      ask(service, 'POST', '/v1/businesses/acme/revocations', { raw, headers });
    const raw = Buffer.from(JSON.stringify({ recipient: somebody() }));
    const gzip = { 'content-encoding': 'gzip' };
    expect((await send(raw, { ...gzip, 'content-type': 'no type' })).status).toBe(201);
    expectProblem(await send(gzipSync(raw), gzip), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });

  it.each([
    [
      { method: 'keyword', channels: ['sms'] },
      { channels: ['sms'], categories: ['*'] },
    ],
    [{ method: 'keyword' }, { channels: ['*'], categories: ['*'] }],
    [
      { method: 'one_click', channels: ['email'] },
      { channels: ['email'], categories: ['marketing'] },
    ],
    [{ method: 'preference_page' }, { channels: ['*'], categories: ['marketing'] }],
    [
      { method: 'phone_call', channels: [] },
      { channels: ['*'], categories: ['*'] },
    ],
    [{ channels: ['sms', 'sms'] }, { channels: ['sms'], categories: ['*'] }],
    [{ purposes: ['offers'] }, { channels: ['*'], purposes: ['offers'], categories: [] }],
    [
      { categories: ['marketing'], channels: null },
      { channels: ['*'], purposes: [], categories: ['marketing'] },
    ],
    [
      { purposes: ['*'], channels: ['*'] },
      { channels: ['*'], purposes: [], categories: ['*'] },
    ],
  ])('of %j means what it says, and what its method implies', async (said, meant) => {
    const answer = await acme.revoke({ recipient: somebody(), ...said });
    expect(answer.body.warnings).toBeUndefined();
    expect(await recorded(answer)).toMatchObject(meant);
  });

  it.each(['channels', 'purposes', 'categories'])(
    'whose %s cannot be understood widens that, and nothing else',
    async (field) => {
      const said = { channels: ['sms'], purposes: ['offers'], categories: ['utility'] };
      const meant = {
        channels: { channels: ['*'], purposes: ['offers'], categories: ['utility'] },
        purposes: { channels: ['sms'], purposes: [], categories: ['*'] },
        categories: { channels: ['sms'], purposes: [], categories: ['*'] },
      }[field];
      for (const { what, value } of BAD) {
        for (const [shape, bad] of [
          ['itself', value],
          ['in a list', [...(said[field as 'channels'] ?? []), value]],
        ] as const) {
          // A purpose may be anything that has the form of an id.
          if (field === 'purposes' && what === (shape === 'itself' ? 'a list' : 'another word')) continue;
          const answer = await acme.revoke({ recipient: somebody(), ...said, [field]: bad });
          const label = `${what} ${shape}`;
          expect({ label, status: answer.status }).toEqual({ label, status: 201 });
          expect({ label, named: fieldsOf(answer, 'warnings').every((name) => name.startsWith(field)) }).toEqual({
            label,
            named: true,
          });
          expect({ label, ...(await recorded(answer)) }).toMatchObject({ label, ...meant });
        }
      }
    },
  );

  it('may name a purpose that nobody has registered, and is warned of a misspelt one', async () => {
    const answer = await acme.revoke({ recipient: somebody(), purposes: ['offers', 'not-yet-registered'] });
    expect({ status: answer.status, named: fieldsOf(answer, 'warnings') }).toEqual({
      status: 201,
      named: ['purposes'],
    });
    expect(await recorded(answer)).toMatchObject({ purposes: ['offers', 'not-yet-registered'], categories: [] });
  });

  it('keeps its scope where its method, reason or time is broken', async () => {
    const said = { channels: ['sms'], categories: ['marketing'] };
    for (const field of ['method', 'occurredAt', 'reason']) {
      for (const { what, value } of BAD) {
        const answer = await acme.revoke({ recipient: somebody(), ...said, [field]: value });
        const label = `${field} as ${what}`;
        expect({ label, status: answer.status }).toEqual({ label, status: 201 });
        // Any text can be a reason, as long as it is text.
        const isReason = field === 'reason' && typeof value === 'string' && !/NUL|half|long/.test(what);
        const named = [...new Set(fieldsOf(answer, 'warnings'))];
        expect({ label, named }).toEqual({ label, named: isReason ? [] : [field] });
        expect({ label, ...(await recorded(answer)) }).toMatchObject({
          label,
          ...said,
          method: 'api',
          occurredAt: '2026-05-04T12:00:00.000Z',
        });
      }
    }
  });

  it('dated ahead counts as now, or as the newest thing known of the person', async () => {
    const recipient = { phone: '+393332100001' };
    await must(acme.grant(grantBody(recipient.phone, { occurredAt: '2026-05-04T12:04:00Z' })));
    const answer = await acme.revoke({ recipient, occurredAt: '2099-01-01T00:00:00Z' });
    expect(fieldsOf(answer, 'warnings')).toEqual(['occurredAt']);
    expect(answer.body.occurredAt).toBe('2026-05-04T12:00:00.000Z');
    expect(await acme.check(recipient, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('survives JSON that is not sound beside the person', async () => {
    const inside = (recipient: Json) => `"recipient":${JSON.stringify(recipient)}}`;
    const cases: [string, (person: string) => string | Buffer, string][] = [
      ['a key twice', (p) => `{"channels":["sms"],"channels":["email"],${p}`, 'channels'],
      ['__proto__', (p) => `{"__proto__":{"channels":["sms"]},${p}`, '__proto__'],
      ['constructor', (p) => `{"constructor":1,${p}`, 'constructor'],
      ['deep nesting', (p) => `{"channels":${'['.repeat(5_000)}${']'.repeat(5_000)},${p}`, 'channels'],
      ['NUL', (p) => `{"reason":"a\\u0000b",${p}`, 'reason'],
      ['half a surrogate pair', (p) => `{"reason":"\\ud83d",${p}`, 'reason'],
      ['Latin-1', (p) => Buffer.from(`{"reason":"per\u00f2",${p}`, 'latin1'), 'body'],
      ['an unknown field', (p) => `{"chanels":["sms"],${p}`, 'chanels'],
      ['a field named by a number', (p) => `{"+393331234567":["sms"],${p}`, '*'],
    ];
    for (const [what, bodyOf, field] of cases) {
      const answer = await acme.post('/revocations', undefined, { raw: bodyOf(inside(somebody())) });
      expect({ what, status: answer.status }).toEqual({ what, status: 201 });
      expect({ what, named: fieldsOf(answer, 'warnings').some((name) => name.startsWith(field)) }).toEqual({
        what,
        named: true,
      });
      expect({ what, ...(await recorded(answer)) }).toMatchObject({ what, channels: ['*'], categories: ['*'] });
    }
  });

  it('is in doubt in every field where the JSON has more faults than are looked for', async () => {
    const junk = Array.from(
      { length: 30 },
      (_, n) => `"junk${String.fromCharCode(97 + (n % 26))}${n}":"\\u0000"`,
    ).join();
    const raw = `{${junk},"channels":["sms"],"channels":["email"],"recipient":${JSON.stringify(somebody())}}`;
    const answer = await acme.post('/revocations', undefined, { raw });
    expect(answer.status).toBe(201);
    expect(await recorded(answer)).toMatchObject(EVERYTHING);
  });

  it('keeps a number that no plan explains by its digits, and says so', async () => {
    const answer = await acme.revoke({ recipient: { phone: 'tel. 12-34' } });
    expect(answer.status).toBe(201);
    expect(fieldsOf(answer, 'warnings')).toEqual(['recipient']);
    const again = await acme.revoke({ recipient: { phone: '1234' } });
    expect(again.body.recipientId).toBe(answer.body.recipientId);
  });

  it.each([
    ['a number as a JSON number', { phone: 393332100002 }, '+393332100002'],
    ['a NUL inside the number', { phone: '+39333\u00002100003' }, '+393332100003'],
    ['a broken address beside a good one', { phone: '+393332100004', email: {} }, '+393332100004'],
    ['null beside a good one', { phone: '+393332100005', email: null }, '+393332100005'],
    ['another field in the recipient', { phone: '+393332100006', name: '\u0000' }, '+393332100006'],
  ])('is recorded with %s', async (_what, recipient, phone) => {
    await must(acme.grant(grantBody(phone)));
    expect((await acme.revoke({ recipient })).status).toBe(201);
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ eligible: false, reason: 'REVOKED' });
  });

  it('of several addresses is recorded for each', async () => {
    const [phone, email] = ['+393332100007', 'both@revocations.example'];
    await must(acme.grant(grantBody(phone)));
    const mail = { ...grantBody(''), recipient: { email }, channels: ['email'] };
    await must(acme.grant(mail));
    const answer = await acme.revoke({ recipient: { phone, email } });
    expect(fieldsOf(answer, 'warnings')).toEqual(['recipient']);
    const checked = [
      await acme.check({ phone }, 'offers'),
      await acme.check({ email }, 'offers', { channel: 'email' }),
    ];
    expect(checked).toMatchObject([{ reason: 'REVOKED' }, { reason: 'REVOKED' }]);
    for (const { basis } of checked) expect(await reaches(answer, String((basis as Json).eventId))).toBe(true);
  });

  it('is recorded for the address beside an id of another business, which stops nobody', async () => {
    await registerAcme(service, 'beta', '2002');
    const [beta, phone] = [businessOf(service, 'beta'), '+393332100012'];
    const { body } = await must(beta.grant(grantBody(phone)));
    await must(acme.grant(grantBody(phone)));
    const answer = await acme.revoke({ recipient: { phone, recipientId: body.recipientId } });
    expect(answer.status).toBe(201);
    expect(fieldsOf(answer, 'warnings')).toEqual(['recipient.recipientId']);
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
    expect(await beta.check({ phone }, 'offers')).toMatchObject({ eligible: true });
    expectProblem(await acme.revoke({ recipient: { recipientId: body.recipientId } }), 404, 'RECIPIENT_NOT_FOUND');
  });

  it.each([
    ['a bare number', '+393332100010', '+393332100010'],
    ['a bare number as a JSON number', 393332100011, '+393332100011'],
  ])('is recorded for %s where the recipient should be', async (_what, recipient, phone) => {
    await must(acme.grant(grantBody(phone)));
    const answer = await acme.revoke({ recipient });
    expect(answer.status).toBe(201);
    expect(fieldsOf(answer, 'warnings')).toEqual(['recipient']);
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('warns of what in the recipient names nobody, so that a misspelt address is noticed', async () => {
    const recipient = { phone: '+393332100013', Email: 'a@b.example', '+393332100014': 1 };
    for (const route of ['/revocations', '/erasures']) {
      const answer = await acme.post(route, { recipient });
      expect(answer.status).toBe(201);
      expect(fieldsOf(answer, 'warnings')).toEqual(['recipient.Email', 'recipient.*']);
    }
  });

  it('that names its person twice is recorded for the last, with a warning', async () => {
    const raw = '{"recipient":{"phone":"+393332100008","phone":"+393332100009"}}';
    const answer = await acme.post('/revocations', undefined, { raw });
    expect(answer.status).toBe(201);
    expect(fieldsOf(answer, 'warnings')).toContain('recipient.phone');
    expect(await acme.check({ phone: '+393332100009' }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('is read whatever its media type says', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', '', 'json', '///']) {
      const raw = JSON.stringify({ recipient: somebody() });
      const answer = await acme.post('/revocations', undefined, { raw, headers: { 'content-type': type } });
      expect({ type, status: answer.status }).toEqual({ type, status: 201 });
    }
  });

  it('is turned away only where it names nobody', async () => {
    const before = await headOf(service);
    const nobody = [
      {},
      null,
      'nobody',
      [],
      { phone: '' },
      { phone: {} },
      { phone: 'no digits' },
      { other: 'x' },
      { recipientId: 'x' },
    ];
    for (const recipient of [undefined, ...nobody]) {
      const refused = await acme.revoke({ recipient, channels: ['sms'] });
      expect({ recipient, status: refused.status }).toEqual({ recipient, status: 400 });
      expectProblem(refused, 400, String(refused.body.code));
      expect(fieldsOf(refused).every((field) => field.startsWith('recipient'))).toBe(true);
    }
    expect(await headOf(service)).toBe(before);
  });
});
