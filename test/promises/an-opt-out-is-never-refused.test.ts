import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StoreUnavailable } from '#event-store';
import { SettableClock } from '#platform';
import { ask, grantBody, must, registerAcme, type Answer, type Ask } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, fieldsOf, type Json } from '../http/support/acme.js';
import { people } from './support/people.js';
import { appendBytes, recipientIdsOf } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const MINUTE = 60_000;
const REVOCATIONS = '/v1/businesses/acme/revocations';
const somebody = people(7);

describe('an opt-out is recorded', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  const tell = (options: Ask) => ask(service, 'POST', REVOCATIONS, options);
  const reasonOf = async (recipient: Json, channel = 'whatsapp') =>
    (await acme.check(recipient, 'offers', { channel })).reason;
  const agreed = async (): Promise<string> => {
    const phone = somebody();
    await must(acme.grant(grantBody(phone)));
    return phone;
  };
  const agreedByMail = async (email: string) => {
    await must(acme.grant({ ...grantBody(''), recipient: { email }, channels: ['email'] }));
    return email;
  };
  const expectStopped = async (answer: Answer, recipient: Json, channel?: string) => {
    expect({ status: answer.status, body: answer.body }).toMatchObject({
      status: 201,
      body: { type: 'ConsentRevoked' },
    });
    const [recipientId] = await recipientIdsOf(service, [recipient]);
    expect(answer.body.recipientId).toBe(recipientId);
    expect(await reasonOf(recipient, channel)).toBe('REVOKED');
  };

  const STATES: readonly (readonly [string, (phone: string) => Promise<unknown>])[] = [
    ['nobody knows', async () => undefined],
    ['agreed', (phone) => must(acme.grant(grantBody(phone)))],
    ['said it already', (phone) => must(acme.revoke({ recipient: { phone } }))],
    ['blocked the business', (phone) => must(acme.revoke({ recipient: { phone }, method: 'block' }))],
    ['agreed to what has ended', (phone) => must(acme.grant(grantBody(phone, { expiresAt: '2026-05-04T12:00:00Z' })))],
    [
      'has something in the ledger that cannot be read',
      async (phone) => {
        const [recipientId] = await recipientIdsOf(service, [{ phone }]);
        await appendBytes(service, `consent-${recipientId}`, 'ConsentGranted', '{"businessId":"ac');
      },
    ],
  ];
  it.each(STATES)('of somebody who %s, by address and by id, and once more', async (_who, before) => {
    const phone = somebody();
    await before(phone);
    const [recipientId] = await recipientIdsOf(service, [{ phone }]);
    for (const [minute, recipient] of [{ recipientId }, { phone }, { recipientId }].entries()) {
      clock.setTo(NOON + minute * MINUTE);
      const answer = await acme.revoke({ recipient });
      expect(answer).toMatchObject({ status: 201, body: { type: 'ConsentRevoked', effective: true, recipientId } });
      expect(['REVOKED', 'BLOCKED', 'STATE_UNREADABLE']).toContain(await reasonOf({ phone }));
    }
  });

  const MAILED = [
    (email: string) => `Ann Example <${email}>`,
    (email: string) => `"Example, Ann" <${email.toUpperCase()}>`,
    (email: string) => `<${email}>`,
    (email: string) => `mailto:${email}`,
    (email: string) => `mailto:${email}?subject=unsubscribe`,
    (email: string) => `  ${email}\r\n`,
    (email: string) => `${email};`,
  ];
  it('under the address inside of what a mailer writes', async () => {
    for (const [index, write] of MAILED.entries()) {
      const email = await agreedByMail(`person${index}@promises.example`);
      await expectStopped(await acme.revoke({ recipient: { email: write(email) } }), { email }, 'email');
    }
  });

  it('where the person is named by a bare text or number', async () => {
    const [byNumber, byText] = [await agreed(), await agreed()];
    await expectStopped(await acme.revoke({ recipient: byText }), { phone: byText });
    await expectStopped(await acme.revoke({ recipient: Number(byNumber.slice(3)) }), { phone: byNumber });
    const email = await agreedByMail('bare@promises.example');
    await expectStopped(await acme.revoke({ recipient: `Ann <${email}>` }), { email }, 'email');
    const known = await agreed();
    const [recipientId] = await recipientIdsOf(service, [{ phone: known }]);
    await expectStopped(await acme.revoke({ recipient: recipientId }), { phone: known });
  });

  it('where the person is named in a list, alone', async () => {
    for (const named of [
      (phone: string) => [phone],
      (phone: string) => [{ phone }],
      (phone: string) => ({ phone: [phone] }),
    ]) {
      const phone = await agreed();
      await expectStopped(await acme.revoke({ recipient: named(phone) }), { phone });
    }
    const [one, other] = [await agreed(), await agreed()];
    expect((await acme.revoke({ recipient: [one, other] })).status).toBe(400);
    const misspelt = await acme.revoke({ recipient: [{ phone: one, emial: 'ada@promises.example' }] });
    expect(fieldsOf(misspelt, 'warnings')).toEqual(['recipient', 'recipient.emial']);
  });

  it('where the person is named twice: under what JSON takes for it, with a warning', async () => {
    const [first, second] = [await agreed(), await agreed()];
    for (const raw of [
      `{"recipient":{"phone":"${first}","phone":"${second}"}}`,
      `{"recipient":{"phone":"${first}"},"recipient":{"phone":"${second}"}}`,
    ]) {
      const answer = await tell({ raw });
      await expectStopped(answer, { phone: second });
      expect(fieldsOf(answer, 'warnings')).not.toEqual([]);
    }
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream', 'nonsense', ''])(
    'under the content type "%s"',
    async (type) => {
      const phone = await agreed();
      const raw = Buffer.from(JSON.stringify({ recipient: { phone } }));
      await expectStopped(await tell({ raw, headers: { 'content-type': type } }), { phone });
    },
  );

  it('of several addresses with a warning of each that could not be read, whichever stands first', async () => {
    const answer = await acme.revoke({ recipient: { phone: await agreed(), email: 'zaccaria at home' } });
    const warnings = answer.body.warnings as unknown as readonly { message: string }[];
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(/Several addresses/),
      expect.stringMatching(/could not be read/),
    ]);
  });

  it('with a reason of 2 MB', async () => {
    const phone = await agreed();
    await expectStopped(await acme.revoke({ recipient: { phone }, reason: 'x'.repeat(2_000_000) }), { phone });
  });
});

it.each([
  { WEBHOOK_LIMIT_KB: '1', BODY_LIMIT_KB: '1024' },
  { WEBHOOK_LIMIT_KB: '1024', BODY_LIMIT_KB: '1' },
])('an opt-out with a long reason is recorded under %j, since the wider limit is its own', async (env) => {
  const service = await startTestService({ clock: new SettableClock(NOON), env });
  try {
    const business = { legalName: 'Acme', displayName: 'Acme' };
    await must(ask(service, 'PUT', '/v1/businesses/acme', { body: business }));
    const answer = await businessOf(service).revoke({ recipient: { phone: somebody() }, reason: 'x'.repeat(100_000) });
    expect(answer.status).toBe(201);
  } finally {
    await service.stop();
  }
});

it('an opt-out of somebody new is recorded while the vault cannot be used, without its sealed part', async () => {
  const service = await startTestService({ clock: new SettableClock(NOON) });
  try {
    await registerAcme(service);
    const acme = businessOf(service);
    await service.running.parts.vault.close();
    const options = { headers: { 'Idempotency-Key': 'while-the-vault-is-away' } };
    for (const more of [{}, options]) {
      const recipient = { phone: somebody() };
      const answer = await acme.revoke({ recipient, reason: 'told us on the phone' }, more);
      expect(answer.status).toBe(201);
      expect(fieldsOf(answer, 'warnings')).toContain('recipient');
      expect(await acme.check(recipient, 'offers')).toMatchObject({ eligible: false, reason: 'REVOKED' });
    }
    expect((await ask(service, 'GET', '/health/ready', { key: '' })).status).toBe(503);
  } finally {
    await service.stop();
  }
});

async function whileNoStreamCanBeRead<T>({ running }: TestService, work: () => Promise<T>): Promise<T> {
  const { store } = running.parts;
  const readStream = store.readStream.bind(store);
  store.readStream = () => Promise.reject(new StoreUnavailable('the ledger cannot be read'));
  try {
    return await work();
  } finally {
    store.readStream = readStream;
  }
}

it('an opt-out is recorded while the streams of the person cannot be read, and sets off no confirmation then', async () => {
  const service = await startTestService({ clock: new SettableClock(NOON) });
  try {
    await registerAcme(service);
    const acme = businessOf(service);
    const recipient = { phone: somebody() };
    await must(acme.grant(grantBody(recipient.phone)));
    await whileNoStreamCanBeRead(service, async () => {
      const stop = { recipient, method: 'keyword', channels: ['whatsapp'] };
      const answer = await acme.revoke(stop, { headers: { 'Idempotency-Key': 'while-nothing-can-be-read' } });
      expect(answer.status).toBe(201);
      expect(await acme.check(recipient, 'offers')).toMatchObject({ eligible: false, reason: 'REVOKED' });
      expect(await acme.check(recipient, 'opt_out_confirmation')).toMatchObject({ reason: 'NO_RECENT_OPT_OUT' });
    });
  } finally {
    await service.stop();
  }
});

it('an opt-out from before an erasure makes nothing readable again, also where the streams cannot be read', async () => {
  const clock = new SettableClock(NOON);
  const service = await startTestService({ clock });
  try {
    await registerAcme(service);
    const acme = businessOf(service);
    const recipient = { phone: somebody() };
    await must(acme.grant(grantBody(recipient.phone)));
    clock.setTo(clock.now() + MINUTE);
    const { recipientId } = (await must(acme.post('/erasures', { recipient }))).body;
    clock.setTo(clock.now() + MINUTE);
    const stop = { recipient, reason: 'told us on the phone', occurredAt: new Date(NOON).toISOString() };
    const answer = await whileNoStreamCanBeRead(service, () =>
      acme.revoke(stop, { headers: { 'Idempotency-Key': 'late' } }),
    );
    expect(answer.status).toBe(201);
    expect(fieldsOf(answer, 'warnings')).toContain('recipient');
    const { events } = (await must(acme.get(`/recipients/${String(recipientId)}/timeline`))).body;
    const told = (events as unknown as readonly Json[]).map(({ type, personal }) => [type, personal]);
    expect(told).toEqual(['ConsentGranted', 'RecipientErased', 'ConsentRevoked'].map((type) => [type, undefined]));
  } finally {
    await service.stop();
  }
});
