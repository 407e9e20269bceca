import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Relay } from '../eventstore/relay.js';
import { until } from '../faults/until.js';
import { businessOf, expectProblem, keyFor, type Json } from '../http/support/acme.js';
import { deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { decided, phone, ReplicaScene, type Replica } from './scene.js';

/** Probed so seldom that what is read of the ledger meanwhile was read for a request. */
const SELDOM = { VIEW_PROBE_INTERVAL_MS: '60000', VIEW_MAX_LAG_MS: '120000' };

const LEDGER = { consistency: 'ledger' };

let scene: ReplicaScene;
let relay: Relay;
let one: Replica;
/** Hears of the ledger through the relay, which may keep it from hearing. */
let behind: Replica;
beforeAll(async () => {
  scene = await ReplicaScene.found();
  relay = await Relay.before(scene.ledger);
  one = await scene.launch();
  behind = await scene.launch({ EVENTSTORE_URL: relay.url, ...SELDOM });
  await registerAcme(one);
}, 120_000);
afterEach(() => relay.letGo());
afterAll(async () => {
  await scene.remove();
  await relay.close();
});

/** Lets the replica hear once it has looked how far the ledger is: it waits then. */
async function hearsWhileItWaits<T>(asked: () => Promise<T>): Promise<T> {
  const before = relay.reads;
  const answer = asked();
  await until('it looks how far the ledger is', () => (relay.reads > before ? true : undefined));
  relay.letGo();
  return answer;
}

it('two replicas that bind one id at once do not both succeed', async () => {
  await registerAcme(one, 'rival', '790');
  await until('the other knows', async () =>
    (await businessOf(behind, 'rival').get('/senders')).status === 200 ? true : undefined,
  );
  const sender = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234569' };
  for (let id = 800; id < 830; id += 1) {
    const bound = { ...sender, providerId: String(id) };
    const answers = await Promise.all([
      businessOf(one).put(`/senders/s-${id}`, bound),
      businessOf(behind, 'rival').put(`/senders/s-${id}`, bound),
    ]);
    expect({ id, answers: answers.map(({ status }) => status).sort() }).toEqual({ id, answers: [201, 409] });
  }
});

describe('a replica that is behind', () => {
  it('says of what it does not know that it is to be asked again, not that there is none', async () => {
    relay.hold();
    await registerAcme(one, 'late', '778');
    await businessOf(one).put('/purposes/late', { category: 'marketing', title: 'Late' });
    const refused = await businessOf(behind, 'late').get('/purposes');
    expectProblem(refused, 503, 'LEDGER_UNAVAILABLE');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const question = { recipient: { phone: phone(1) }, channel: 'whatsapp', purpose: 'late' };
    const batch = await businessOf(behind).post('/eligibility/batch', { checks: [question] });
    expect(batch.body.results).toMatchObject([{ error: { code: 'LEDGER_UNAVAILABLE' } }]);
    relay.letGo();
    await until('it knows', async () =>
      (await businessOf(behind, 'late').get('/purposes')).status === 200 ? true : undefined,
    );
    expect((await businessOf(behind).post('/eligibility', question)).status).toBe(200);
    expectProblem(await businessOf(behind, 'nowhere').get('/purposes'), 404, 'BUSINESS_NOT_FOUND');
  });

  it.each([
    ['revocations', '779'],
    ['erasures', '780'],
  ])('waits for the register before it names whom %s are of', async (route, providerId) => {
    relay.hold();
    await registerAcme(one, route, providerId);
    const { secret } = await keyFor(one, ['consent:write', 'business:admin'], route);
    // As it is dialled in the country of the business, which the register names.
    const recipient = { phone: phone(2).slice(3) };
    const { body } = await businessOf(one, route).post('/recipients/lookup', { recipients: [recipient] });
    const [{ recipientId }] = body.results as unknown as [{ recipientId: string }];
    const asked = () => businessOf(behind, route).post(`/${route}`, { recipient }, { key: secret });
    expect(await hearsWhileItWaits(asked)).toMatchObject({ status: 201, body: { recipientId } });
  });

  it('records an opt-out also where it does not hear of the register in time', async () => {
    relay.hold();
    await registerAcme(one, 'silent', '781');
    const { secret } = await keyFor(one, ['consent:write'], 'silent');
    const revoked = await businessOf(behind, 'silent').revoke({ recipient: { phone: phone(3) } }, { key: secret });
    expect(revoked).toMatchObject({ status: 201, body: { recipientId: expect.any(String) } });
  });

  it('says no at once of whoever was linked, at another, to who stops here: it has not heard of the links', async () => {
    const [agreed, between, stops] = [phone(11), phone(12), phone(13)].map((number) => ({ phone: number }));
    await must(businessOf(one).grant(grantBody(phone(11))));
    await until('it knows', async () => (await decided(behind, phone(11))).eligible || undefined);
    relay.hold();
    const occurredAt = new Date().toISOString();
    const link = { kind: 'same_person', occurredAt };
    await must(businessOf(one).post('/links', { recipient: agreed, other: between, ...link }));
    await must(businessOf(one).post('/links', { recipient: between, other: stops, ...link }));
    const { body } = await must(businessOf(behind).revoke({ recipient: stops }));
    expect(await decided(behind, phone(11))).toMatchObject({ reason: 'REVOKED', basis: { eventId: body.eventId } });
  });

  it('takes a message to a sender that was registered at another', async () => {
    relay.hold();
    const sender = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234569', providerId: '782' };
    await businessOf(one).put('/senders/late', sender);
    const message = {
      recipient: { phone: phone(4) },
      channel: 'whatsapp',
      sender: 'late',
      messageId: 'm-1',
      occurredAt: new Date().toISOString(),
    };
    expect((await hearsWhileItWaits(() => businessOf(behind).message(message))).status).toBe(201);
  });

  it('binds no id of a provider that another business has taken up meanwhile', async () => {
    relay.hold();
    await registerAcme(one, 'first', '783');
    const sender = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234569', providerId: '783' };
    const bound = await hearsWhileItWaits(() => businessOf(behind).put('/senders/second', sender));
    expectProblem(bound, 409, 'SENDER_TAKEN');
  });

  it('records an opt-out for whoever took up the id that it came for, as well as for whoever gave it up', async () => {
    const sender = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234569', providerId: '784' };
    await must(businessOf(one).put('/senders/given-up', sender));
    await must(businessOf(one).delete('/senders/given-up'));
    await until('it knows', async () => {
      const { senders = [] } = (await businessOf(behind).get('/senders')).body as { senders?: readonly Json[] };
      return senders.some(({ senderId, retired }) => senderId === 'given-up' && retired === true) ? true : undefined;
    });
    relay.hold();
    await registerAcme(one, 'heir', '784');
    const stop = { from: phone(5).slice(1), id: 'wamid.heir', text: 'STOP', at: Date.now(), phoneNumberId: '784' };
    expect((await hearsWhileItWaits(() => deliver(behind, deliveryOf(stop)))).status).toBe(200);
    for (const businessId of ['acme', 'heir']) {
      const { reason } = await businessOf(one, businessId).check({ phone: phone(5) }, 'offers', LEDGER);
      expect({ businessId, reason }).toEqual({ businessId, reason: 'REVOKED' });
    }
  });
});
