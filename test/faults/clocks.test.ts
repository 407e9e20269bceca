import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { RevokeConsent, RevokeConsentHandler } from '../../apps/ledger/commands/revoke-consent.js';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { recipientIdsOf } from './record.js';
import { decide } from './verdicts.js';
import { phoneNumbers } from './writers.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const YEARS = 10 * 365 * DAY;

describe('clocks that are wrong: the STOP wins', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let person = 0;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
  });
  afterAll(() => service.stop());

  const somebody = async () => {
    const [phone = ''] = phoneNumbers(1, ++person);
    const [recipientId = ''] = await recipientIdsOf(service, [phone]);
    return { phone, recipientId, wamid: `wamid.clock-${person}` };
  };
  type Somebody = Awaited<ReturnType<typeof somebody>>;
  const at = (ms: number) => new Date(ms).toISOString();
  const grant = ({ phone }: Somebody, more = {}) =>
    must(ask(service, 'POST', '/v1/businesses/acme/grants', { body: grantBody(phone, more) }));
  const revoke = ({ phone }: Somebody, more = {}) =>
    must(ask(service, 'POST', '/v1/businesses/acme/revocations', { body: { recipient: { phone }, ...more } }));
  const write = ({ phone, wamid }: Somebody, text: string, sentAt: number) =>
    must(deliver(service, deliveryOf({ from: phone.slice(1), id: wamid, text, at: sentAt })));

  /** The same from the view and from the streams themselves. */
  const answers = async ({ recipientId }: Somebody, purpose: string) => {
    const fast = await decide(service, recipientId, { channel: 'whatsapp', purpose });
    const ledger = await decide(service, recipientId, { channel: 'whatsapp', purpose, consistency: 'ledger' });
    const { position: _fast, ...one } = fast;
    const { position: _ledger, ...other } = ledger;
    expect(one).toEqual(other);
    return fast as typeof fast & { readonly validUntil?: string };
  };
  const expectStopped = async (one: Somebody) => {
    expect(await answers(one, 'offers')).toMatchObject({ eligible: false, reason: 'REVOKED' });
    expect(await answers(one, 'service')).toMatchObject({ eligible: false, reason: 'REVOKED' });
  };

  /** However a STOP may be told: by the provider with its own time, or by a caller who gives none. */
  const STOPS: readonly (readonly [string, (one: Somebody, sentAt: number) => Promise<unknown>])[] = [
    ['by a webhook', (one, sentAt) => write(one, 'STOP', sentAt)],
    ['by a caller without a time', (one) => revoke(one)],
    ['by a caller with a time', (one, sentAt) => revoke(one, { occurredAt: at(sentAt) })],
  ];

  it.each(STOPS)('a grant dated four minutes ahead, a STOP one minute later %s', async (_how, stop) => {
    clock.setTo(NOON);
    const one = await somebody();
    const granted = await grant(one, { occurredAt: at(NOON + 4 * MINUTE) });
    expect(granted.body).toMatchObject({ occurredAt: at(NOON), effective: true });
    clock.setTo(NOON + MINUTE);
    await stop(one, NOON + MINUTE);
    await expectStopped(one);
    clock.setTo(NOON + 10 * MINUTE);
    await expectStopped(one);
  });

  it('a grant dated further ahead is refused, and so leaves nothing', async () => {
    clock.setTo(NOON);
    const one = await somebody();
    const body = grantBody(one.phone, { occurredAt: at(NOON + 6 * MINUTE) });
    const refused = await ask(service, 'POST', '/v1/businesses/acme/grants', { body });
    expect([refused.status, refused.body.code]).toEqual([422, 'OCCURRED_IN_FUTURE']);
    expect(await answers(one, 'offers')).toMatchObject({ eligible: false, reason: 'NO_CONSENT' });
  });

  it('a message from 2099 opens the window for 24 hours from now', async () => {
    clock.setTo(NOON);
    const one = await somebody();
    await write(one, 'Are you open?', Date.parse('2099-01-01T00:00:00Z'));
    expect(await answers(one, 'service')).toMatchObject({ eligible: true, validUntil: at(NOON + DAY) });
    clock.setTo(NOON + DAY);
    expect(await answers(one, 'service')).toMatchObject({ eligible: false, reason: 'SERVICE_WINDOW_CLOSED' });
    clock.setTo(NOON);
    await write({ ...one, wamid: `${one.wamid}-stop` }, 'STOP', NOON);
    await expectStopped(one);
  });

  const SET_BACK: readonly (readonly [string, number])[] = [
    ['the true time', 30 * SECOND],
    ['the set-back time', -30 * SECOND],
    ['the second of the grant', 0],
  ];
  const MATRIX = STOPS.flatMap(([how, stop]) => SET_BACK.map(([when, afterMs]) => ({ how, when, afterMs, stop })));

  it.each(MATRIX)('the clock set back by a minute after a grant, a STOP $how at $when', async ({ afterMs, stop }) => {
    clock.setTo(NOON);
    const one = await somebody();
    await grant(one);
    await write({ ...one, wamid: `${one.wamid}-hello` }, 'Hello', NOON);
    clock.setTo(NOON - MINUTE + Math.max(0, afterMs));
    await stop(one, NOON + afterMs);
    await expectStopped(one);
    clock.setTo(NOON + 2 * MINUTE);
    await expectStopped(one);
    await grant(one);
    expect(await answers(one, 'offers')).toMatchObject({ eligible: true, reason: 'CONSENTED' });
  });

  it('the clock set back by a minute after a grant, an erasure of the number that its person took up', async () => {
    clock.setTo(NOON);
    const [old, taken] = [await somebody(), await somebody()];
    await grant(old);
    const change = { recipient: { phone: old.phone }, other: { phone: taken.phone }, kind: 'changed_number' };
    await must(ask(service, 'POST', '/v1/businesses/acme/links', { body: { ...change, occurredAt: at(NOON) } }));
    expect(await answers(taken, 'offers')).toMatchObject({ eligible: true, reason: 'CONSENTED' });
    clock.setTo(NOON - MINUTE);
    await must(ask(service, 'POST', '/v1/businesses/acme/erasures', { body: { recipient: { phone: taken.phone } } }));
    await expectStopped(taken);
    clock.setTo(NOON + MINUTE);
    await expectStopped(taken);
  });

  it.each(STOPS)('the clock ten years ahead for a while, a STOP after it is right again %s', async (_how, stop) => {
    clock.setTo(NOON + YEARS);
    const one = await somebody();
    await grant(one);
    expect(await answers(one, 'offers')).toMatchObject({ eligible: true });
    clock.setTo(NOON + MINUTE);
    await stop(one, NOON + MINUTE);
    await expectStopped(one);
    clock.setTo(NOON - YEARS);
    await expectStopped(one);
    expect((await fetch(`${service.base}/health/ready`)).status).toBe(200);
  });

  it('a STOP, and the process ends before its message: told again, it opens no window', async () => {
    for (const laterMs of [0, 90 * SECOND, -MINUTE]) {
      clock.setTo(NOON);
      const one = await somebody();
      await grant(one);
      clock.setTo(NOON + MINUTE);
      await stopWithoutMessage(one, NOON + MINUTE);
      await expectStopped(one);
      service = await service.restart();
      clock.setTo(NOON + MINUTE + laterMs);
      await write(one, 'STOP', NOON + MINUTE);
      await expectStopped(one);
      await write(one, 'STOP', NOON + MINUTE);
      clock.setTo(NOON + 3 * MINUTE);
      await expectStopped(one);
      expect(await typesOf(one)).toEqual(['ConsentGranted', 'ConsentRevoked', 'UserMessaged']);
    }
  });

  const typesOf = async ({ recipientId }: Somebody) => {
    const path = `/v1/businesses/acme/recipients/${recipientId}/timeline`;
    const { body } = await must(ask(service, 'GET', path));
    return (body.events as unknown as readonly { type: string }[]).map(({ type }) => type);
  };

  /** The first half of what a delivery does, under the ids that the whole of it has. */
  const stopWithoutMessage = async ({ recipientId, phone, wamid }: Somebody, sentAt: number) => {
    const handler = new RevokeConsentHandler(service.running.parts);
    await handler.execute(
      new RevokeConsent({
        businessId: 'acme',
        recipientId,
        operation: 'whatsapp',
        channels: ['whatsapp'],
        purposes: [],
        categories: ['*'],
        method: 'keyword',
        sender: 'main',
        claimed: { precision: 'second', at: at(sentAt) },
        claimedText: at(sentAt),
        personal: { address: phone.slice(1), addressKind: 'phone', messageId: wamid, text: 'STOP' },
        warnings: [],
        key: wamid,
        request: { operation: 'whatsapp', messageId: wamid, categories: ['*'] },
        caller: { actor: 'webhook:whatsapp', requestId: 'request-of-the-first-delivery' },
      }),
    );
  };
});
