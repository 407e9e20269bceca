import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf } from '../http/support/acme.js';
import { people } from './support/people.js';
import { appendBytes, dropView, recipientIdsOf } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const somebody = people(8);

const FACTS = '"businessId":"acme","occurredAt":"2026-05-04T11:00:00.000Z"';
/** What a ledger may hold that this version cannot read, by its type and its bytes. */
const UNREADABLE: readonly (readonly [string, string, string])[] = [
  ['an event of a type that comes later', 'ConsentPaused', `{${FACTS}}`],
  ['bytes that are no JSON', 'ConsentRevoked', '\u0000\u0001 not JSON'],
  ['JSON that was cut off', 'ConsentGranted', `{${FACTS},"channels":["wha`],
  ['nothing', 'ConsentRevoked', 'null'],
  [
    'a channel that nobody knows',
    'ConsentGranted',
    `{${FACTS},"channels":["telepathy"],"purposes":["offers"],"method":"api"}`,
  ],
  ['a revocation without its scope', 'ConsentRevoked', `{${FACTS},"method":"api"}`],
  [
    'a grant without its time',
    'ConsentGranted',
    '{"businessId":"acme","channels":["whatsapp"],"purposes":["offers"],"method":"api"}',
  ],
];

describe('what cannot be read is a no', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ clock, env: { WAIT_FOR_POSITION_MS: '10000' } });
    for (const [businessId, providerId] of Object.entries({ acme: '1001', beta: '2002' })) {
      await registerAcme(service, businessId, providerId);
    }
  });
  afterAll(() => service.stop());

  const reasonOf = async (phone: string, more = {}, businessId = 'acme') => {
    const { eligible, reason } = await businessOf(service, businessId).check({ phone }, 'offers', more);
    return `${String(eligible)} ${String(reason)}`;
  };
  const agreed = async (businessId = 'acme') => {
    const phone = somebody();
    await must(businessOf(service, businessId).grant(grantBody(phone)));
    return phone;
  };
  /** By the view that has come past this position, and by the streams themselves. */
  const everyReasonOf = async (phone: string, atLeast: string, businessId?: string) => [
    await reasonOf(phone, { atLeast }, businessId),
    await reasonOf(phone, { consistency: 'ledger' }, businessId),
  ];
  const both = (reason: string) => [reason, reason];
  const restartAnew = async () => {
    await service.running.close();
    dropView(service.dataDir);
    service = await startTestService({ clock, dataDir: service.dataDir, env: { WAIT_FOR_POSITION_MS: '10000' } });
  };

  it.each(UNREADABLE)('for its recipient alone: %s', async (_what, type, data) => {
    const [spoilt, neighbour] = [await agreed(), await agreed()];
    const [recipientId] = await recipientIdsOf(service, [{ phone: spoilt }]);
    const position = await appendBytes(service, `consent-${recipientId}`, type, data);
    expect(await everyReasonOf(spoilt, position)).toEqual(both('false STATE_UNREADABLE'));
    expect(await everyReasonOf(neighbour, position)).toEqual(both('true CONSENTED'));
    const later = await agreed();
    const head = await service.running.parts.store.head();
    expect(await everyReasonOf(later, head)).toEqual(both('true CONSENTED'));
    expect(await reasonOf(spoilt)).toBe('false STATE_UNREADABLE');
    expect((await ask(service, 'GET', '/health/ready', { key: '' })).status).toBe(200);
  });

  it('in a conversation too, and its STOPs are still recorded', async () => {
    const spoilt = await agreed();
    const [recipientId] = await recipientIdsOf(service, [{ phone: spoilt }]);
    const position = await appendBytes(service, `conversation-${recipientId}`, 'UserMessaged', '{"');
    expect(await everyReasonOf(spoilt, position)).toEqual(both('false STATE_UNREADABLE'));
    const stop = { from: spoilt.slice(1), id: 'wamid.doubt', text: 'STOP', at: NOON, phoneNumberId: '1001' };
    await must(deliver(service, deliveryOf(stop)));
    const { events } = (await must(businessOf(service).get(`/recipients/${recipientId}/timeline`))).body;
    expect((events as unknown as { type: string }[]).map(({ type }) => type)).toContain('ConsentRevoked');
  });

  it('still after a restart with a view made anew, and still for nobody else', async () => {
    const [spoilt, neighbour] = [await agreed(), await agreed()];
    const [recipientId] = await recipientIdsOf(service, [{ phone: spoilt }]);
    const position = await appendBytes(service, `consent-${recipientId}`, 'ConsentPaused', '{}');
    await restartAnew();
    expect(await everyReasonOf(spoilt, position)).toEqual(both('false STATE_UNREADABLE'));
    expect(await everyReasonOf(neighbour, position)).toEqual(both('true CONSENTED'));
  });

  it('in the register of a business: for that business alone, whose opt-outs are still taken', async () => {
    const [ours, theirs] = [await agreed(), await agreed('beta')];
    const position = await appendBytes(service, 'business-acme', 'PurposePaused', '{"purposeId":"offers"}');
    const expectBoth = async () => {
      expect(await everyReasonOf(ours, position)).toEqual(both('false STATE_UNREADABLE'));
      expect(await everyReasonOf(theirs, position, 'beta')).toEqual(both('true CONSENTED'));
    };
    await expectBoth();
    await restartAnew();
    await expectBoth();
    expect((await businessOf(service).revoke({ recipient: { phone: ours } })).status).toBe(201);
    const heard = { from: theirs.slice(1), id: 'wamid.doubt-2', text: 'STOP', at: NOON + 1_000, phoneNumberId: '2002' };
    await must(deliver(service, deliveryOf(heard)));
    expect(await reasonOf(theirs, {}, 'beta')).toBe('false REVOKED');
  });
});
