import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { ask, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem, keyFor } from './support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');

describe('the recipient key of a business', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService({ clock: new SettableClock(NOON) });
    await registerAcme(service);
    await registerAcme(service, 'beta', '2002');
  });
  afterAll(() => service.stop());

  const get = (businessId: string, options = {}) =>
    ask(service, 'GET', `/v1/businesses/${businessId}/recipient-key`, options);
  const handOuts = async () =>
    (await service.running.parts.store.readStream('access-acme', { limit: 100 })).filter(
      ({ type }) => type === 'RecipientKeyHandedOut',
    );

  it('makes the ids of its people and nobody else’s, and each hand-out is on record', async () => {
    const { keyId, secret } = await keyFor(service, ['personal:read'], 'acme');
    const handed = await must(get('acme', { key: secret }));
    expect(handed.body).toEqual({ businessId: 'acme', key: expect.stringMatching(/^[\w-]{43}$/), version: 'v1' });
    expect(handed.headers.get('cache-control')).toBe('no-store');
    const theirs = (await must(get('beta'))).body.key;
    const people = [
      { recipient: { phone: '+39 02 1234567' }, text: 'phone:39021234567' },
      { recipient: { phone: '+52 1 55 1234 5678' }, text: 'phone:525512345678' },
      { recipient: { email: ' Ada@Example.ORG ' }, text: 'email:ada@example.org' },
      { recipient: { whatsappUserId: 'IT.1349001' }, text: 'whatsapp_user_id:IT.1349001' },
    ];
    const recipients = people.map(({ recipient }) => recipient);
    const looked = await must(businessOf(service).post('/recipients/lookup', { recipients }));
    const idsWith = (key: unknown) => people.map(({ text }) => ({ recipientId: idOf(String(key), text) }));
    expect(idsWith(handed.body.key)).toEqual(looked.body.results);
    expect(idsWith(theirs)).not.toEqual(looked.body.results);
    const [handOut, ...more] = await handOuts();
    expect(more).toEqual([]);
    expect(JSON.parse(Buffer.from(handOut?.metadata ?? '').toString())).toMatchObject({ actor: keyId });
    expect(Buffer.from(handOut?.data ?? '').toString()).not.toContain(handed.body.key);
  });

  it('is not handed out where that cannot be put on record', async () => {
    const { store } = service.running.parts;
    const before = (await handOuts()).length;
    expect(before).toBeGreaterThan(0);
    await store.close();
    const refused = await get('acme');
    expectProblem(refused, 503, 'LEDGER_UNAVAILABLE');
    expect(refused.body).not.toHaveProperty('key');
  });
});

/** As `docs/kafka.md` has it, and any sender can compute it. */
function idOf(key: string, text: string): string {
  return createHmac('sha256', Buffer.from(key, 'base64url')).update(text).digest('base64url');
}
