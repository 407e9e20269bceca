import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DAY_MS } from '#consent';
import { SettableClock } from '#platform';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme, type InboundText } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem, type Json } from './support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const FAR_AHEAD = Date.parse('2099-01-01T00:00:00.000Z');
const STRANGER = '999000111';

/** As many messages as a page of a sender's unrouted parts holds, and more. */
const MORE_THAN_A_PAGE = 520;

describe('deliveries that cannot be routed', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  let people = 0;
  const somebody = () => `+39333510${String(1_000 + people++)}`;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());
  beforeEach(async () => {
    await service.running.parts.vault.dropUnroutedBefore('9999-01-01T00:00:00.000Z');
  });

  const stray = (phone: string, text: string, id: string, phoneNumberId = STRANGER): InboundText => {
    return { from: phone.slice(1), id, text, at: NOON, phoneNumberId };
  };
  const list = async (query = '') =>
    (await must(ask(service, 'GET', `/v1/unrouted${query}`))).body as unknown as { unrouted: Json[]; next?: string };
  const replay = (id: unknown) => ask(service, 'POST', `/v1/unrouted/${String(id)}/replay`);
  const bind = (senderId: string, providerId: string) =>
    acme.put(`/senders/${senderId}`, {
      channel: 'whatsapp',
      provider: 'whatsapp_cloud',
      address: '+390212345',
      providerId,
    });

  it('are listed without what they say, and once however often they come', async () => {
    const phone = somebody();
    for (let time = 0; time < 3; time++) await must(deliver(service, deliveryOf(stray(phone, 'STOP', 'wamid.u-1'))));
    const { unrouted } = await list();
    expect(unrouted).toEqual([
      {
        id: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
        provider: 'whatsapp_cloud',
        reason: 'unknown_sender',
        kind: 'message:text',
        providerId: STRANGER,
        receivedAt: '2026-05-04T12:00:00.000Z',
      },
    ]);
  });

  it('are listed in pages', async () => {
    const messages = Array.from({ length: 7 }, (_, n) => stray(somebody(), 'STOP', `wamid.page-${n}`));
    await must(deliver(service, deliveryOf(...messages)));
    const seen: unknown[] = [];
    for (let after: string | undefined = ''; after !== undefined;) {
      const page: { unrouted: Json[]; next?: string } = await list(`?limit=3${after === '' ? '' : `&after=${after}`}`);
      seen.push(...page.unrouted.map(({ id }) => id));
      after = page.next;
    }
    expect(new Set(seen).size).toBe(7);
    expect(seen).toHaveLength(7);
  });

  it('stay where they are when they are replayed too early, and go through later', async () => {
    const phone = somebody();
    await must(acme.grant(grantBody(phone)));
    await must(deliver(service, deliveryOf(stray(phone, 'STOP', 'wamid.u-2', '999000222'))));
    const [{ id } = {}] = (await list()).unrouted;
    expect(await replay(id)).toMatchObject({ status: 200, body: { id, outcome: 'still_unrouted' } });
    expect((await list()).unrouted).toHaveLength(1);
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ eligible: true });
    expect((await bind('second', '999000222')).status).toBe(201);
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ eligible: false, reason: 'REVOKED' });
    expect((await list()).unrouted).toEqual([]);
    expectProblem(await replay(id), 404, 'NOT_FOUND');
  });

  it('of an unknown type stay also when their sender is bound', async () => {
    const image = {
      from: '393335100001',
      id: 'wamid.image',
      timestamp: '1777896000',
      type: 'image',
      image: { id: '1' },
    };
    const value = { messaging_product: 'whatsapp', metadata: { phone_number_id: '999000333' }, messages: [image] };
    await must(deliver(service, { entry: [{ id: '1', changes: [{ field: 'messages', value }] }] }));
    await must(bind('third', '999000333'));
    const { unrouted } = await list();
    expect(unrouted).toMatchObject([{ reason: 'unsupported_type', kind: 'message:image', providerId: '999000333' }]);
    expect(await replay(unrouted[0]?.id)).toMatchObject({ body: { outcome: 'still_unrouted' } });
  });

  it('hold no opt-out back behind a page of what no binding helps', async () => {
    const phone = somebody();
    await must(acme.grant(grantBody(phone)));
    const metadata = { phone_number_id: '999000444' };
    const images = Array.from({ length: MORE_THAN_A_PAGE }, (_, n) => {
      return {
        from: `39333520${1_000 + n}`,
        id: `wamid.image-${n}`,
        timestamp: '1777896000',
        type: 'image',
        image: {},
      };
    });
    await must(
      deliver(service, { entry: [{ changes: [{ field: 'messages', value: { metadata, messages: images } }] }] }),
    );
    await must(deliver(service, deliveryOf(stray(phone, 'STOP', 'wamid.behind', '999000444'))));
    await must(bind('fourth', '999000444'));
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ eligible: false, reason: 'REVOKED' });
  });

  it('are replayed as of when the person wrote, not of when the sender was bound', async () => {
    const phone = somebody();
    await must(
      deliver(service, deliveryOf({ ...stray(phone, 'STOP', 'wamid.u-3', '999000555'), at: NOON - 3_600_000 })),
    );
    await must(acme.grant(grantBody(phone)));
    await must(bind('fifth', '999000555'));
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ eligible: true, reason: 'CONSENTED' });
    expect(await acme.check({ phone }, 'news')).toMatchObject({ reason: 'REVOKED' });
  });

  it('open no window later than when they came in, however far ahead they are dated', async () => {
    const phone = somebody();
    await must(deliver(service, deliveryOf({ ...stray(phone, 'Hello', 'wamid.u-4', '999000666'), at: FAR_AHEAD })));
    clock.setTo(NOON + 2 * DAY_MS);
    await must(bind('sixth', '999000666'));
    const asked = { recipient: { phone }, channel: 'whatsapp', purpose: 'service', sender: 'sixth' };
    expect((await must(acme.post('/eligibility', asked))).body).toMatchObject({ reason: 'SERVICE_WINDOW_CLOSED' });
    expect((await list()).unrouted).toEqual([]);
    clock.setTo(NOON);
  });

  it('are not there for an id that never was', async () => {
    expectProblem(await replay('never'), 404, 'NOT_FOUND');
  });
});
