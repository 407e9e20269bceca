import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { StoreUnavailable } from '#event-store';
import { SettableClock } from '#platform';
import { grantBody, must, registerAcme, type Answer } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, fieldsOf, type Json } from '../http/support/acme.js';
import { EventStoreProcess } from '../eventstore/server-process.js';
import { people } from './support/people.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const ROUNDS = Array.from({ length: 20 }, (_, round) => round);
const somebody = people(5);

const secret = () => randomBytes(32).toString('base64');

describe.each(['the embedded ledger', 'EventStoreDB'])(
  'requests under one idempotency key at once, on %s',
  (ledger) => {
    let server: EventStoreProcess | undefined;
    let service: TestService;
    let acme: ReturnType<typeof businessOf>;
    beforeAll(async () => {
      server = ledger === 'EventStoreDB' ? await EventStoreProcess.launch() : undefined;
      const secrets = { PEPPER: secret(), KEY_ENCRYPTION_KEY: secret() };
      const env = server ? { ...secrets, EVENTSTORE_URL: server.url } : secrets;
      service = await startTestService({ clock: new SettableClock(NOON), env });
      await registerAcme(service);
      acme = businessOf(service);
    });
    afterAll(async () => {
      await service.stop();
      await server?.remove();
    });

    const withKey = (key: string) => ({ headers: { 'Idempotency-Key': key } });
    const typesOf = async ({ body }: Answer): Promise<readonly string[]> => {
      const { events } = (await must(acme.get(`/recipients/${String(body.recipientId)}/timeline`))).body;
      return (events as unknown as readonly Json[]).map(({ type }) => String(type));
    };
    const isReplayed = ({ headers }: Answer) => headers.get('idempotent-replayed') === 'true';

    it('two revocations with different bodies are both recorded, one with a warning', async () => {
      for (const round of ROUNDS) {
        const recipient = { phone: somebody() };
        const bodies = [
          { recipient, channels: ['sms'] },
          { recipient, channels: ['whatsapp'] },
        ];
        const answers = await Promise.all(bodies.map((body) => acme.revoke(body, withKey(`two-stops-${round}`))));
        expect(answers.map(({ status }) => status)).toEqual([201, 201]);
        expect(answers.flatMap((answer) => fieldsOf(answer, 'warnings'))).toEqual(['Idempotency-Key']);
        expect(new Set(answers.map(({ body }) => body.eventId)).size).toBe(2);
        expect(await typesOf(answers[0] as Answer)).toEqual(['ConsentRevoked', 'ConsentRevoked']);
        for (const channel of ['sms', 'whatsapp']) {
          expect(await acme.check(recipient, 'offers', { channel })).toMatchObject({ reason: 'REVOKED' });
        }
      }
    });

    it('two grants with different bodies: one is taken, the other told that the key is another’s', async () => {
      for (const round of ROUNDS) {
        const phone = somebody();
        const bodies = [grantBody(phone), grantBody(phone, { purposes: ['news'] })];
        const answers = await Promise.all(bodies.map((body) => acme.grant(body, withKey(`two-grants-${round}`))));
        const [taken, refused] = [...answers].sort((one, other) => one.status - other.status) as [Answer, Answer];
        expect([taken.status, refused.status, refused.body.code]).toEqual([201, 422, 'IDEMPOTENCY_KEY_REUSED']);
        expect(await typesOf(taken)).toEqual(['ConsentGranted']);
        const purpose = answers[0] === taken ? 'offers' : 'news';
        expect(await acme.check({ phone }, purpose)).toMatchObject({ reason: 'CONSENTED' });
        expect(await acme.check({ phone }, purpose === 'news' ? 'offers' : 'news')).toMatchObject({ eligible: false });
      }
    });

    it.each([
      ['grants', (phone: string) => grantBody(phone)],
      ['revocations', (phone: string) => ({ recipient: { phone }, reason: 'asked us to' })],
    ])('%s with the same body are one event, answered alike', async (route, bodyOf) => {
      for (const round of ROUNDS) {
        const body = bodyOf(somebody());
        const options = withKey(`same-${route}-${round}`);
        const answers = await Promise.all([1, 2, 3].map(() => acme.post(`/${route}`, body, options)));
        expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
        expect(answers.map((answer) => [answer.status, isReplayed(answer)])).toEqual(
          answers.map(({ status }) => [status, status === 200]),
        );
        expect(answers.map((answer) => answer.body)).toEqual(answers.map(() => answers[0]?.body));
        expect(await typesOf(answers[0] as Answer)).toHaveLength(1);
      }
    });
  },
);

it('an opt-out under a used key is recorded also while its stream cannot be read', async () => {
  const service = await startTestService({ clock: new SettableClock(NOON) });
  try {
    await registerAcme(service);
    const acme = businessOf(service);
    const recipient = { phone: somebody() };
    const options = { headers: { 'Idempotency-Key': 'used' } };
    await must(acme.grant(grantBody(recipient.phone)));
    await must(acme.revoke({ recipient, channels: ['sms'] }, options));
    const { store } = service.running.parts;
    // The disk refuses what is read and takes what is written.
    const reading = jest.spyOn(store, 'readStream').mockRejectedValue(new StoreUnavailable('input/output error'));
    const { status, body } = await acme.revoke({ recipient, channels: ['whatsapp'] }, options);
    reading.mockRestore();
    expect(status).toBe(201);
    expect(await acme.check(recipient, 'offers')).toMatchObject({ reason: 'REVOKED' });
    expect(await typesIn(service, String(body.stream))).toEqual(['ConsentGranted', 'ConsentRevoked', 'ConsentRevoked']);
  } finally {
    await service.stop();
  }
});

async function typesIn({ running }: TestService, stream: string): Promise<readonly string[]> {
  return (await running.parts.store.readStream(stream, { limit: 10 })).map(({ type }) => type);
}
