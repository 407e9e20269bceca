import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { REASONS, type Reason } from '#consent';
import { isPosition } from '#event-store';
import { SettableClock } from '#platform';
import { deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, type Json } from '../http/support/acme.js';
import { people } from './support/people.js';
import { append, holdView, recipientIdsOf, releaseView } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (ms: number) => new Date(ms).toISOString();
const somebody = people(12);

interface Scene {
  readonly reason: Reason;
  /** What has happened, and what is asked beside channel `whatsapp` and purpose `offers`. */
  readonly given: (phone: string) => Promise<Json>;
  readonly restsOn?: string;
  /** How long a yes holds, in milliseconds; not given where it has no end of its own. */
  readonly holdsMs?: number;
}

describe('every answer explains itself', () => {
  const clock = new SettableClock(NOON);
  const met = new Set<string>();
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  beforeAll(async () => {
    service = await startTestService({ clock, env: { WAIT_FOR_POSITION_MS: '1000' } });
    await registerAcme(service);
    acme = businessOf(service);
  });
  afterAll(() => service.stop());

  const grant = (phone: string, more = {}) => must(acme.grant(grantBody(phone, more)));
  const revoke = (phone: string, more = {}) => must(acme.revoke({ recipient: { phone }, ...more }));
  const write = (phone: string, text: string) =>
    must(deliver(service, deliveryOf({ from: phone.slice(1), id: `wamid.${phone}`, text, at: clock.now() })));
  const after = async (asked: Json, ...deeds: readonly Promise<unknown>[]): Promise<Json> => {
    await Promise.all(deeds);
    return asked;
  };

  const SCENES: readonly Scene[] = [
    { reason: 'NO_CONSENT', given: () => after({}) },
    { reason: 'CONSENTED', given: (p) => after({}, grant(p)), restsOn: 'ConsentGranted' },
    {
      reason: 'CONSENTED',
      given: (p) => after({}, grant(p, { expiresAt: at(NOON + HOUR) })),
      restsOn: 'ConsentGranted',
      holdsMs: HOUR,
    },
    { reason: 'EXPIRED', given: (p) => after({}, grant(p, { expiresAt: at(NOON) })), restsOn: 'ConsentGranted' },
    { reason: 'REVOKED', given: (p) => after({}, revoke(p)), restsOn: 'ConsentRevoked' },
    { reason: 'REVOKED', given: (p) => after({}, write(p, 'STOP')), restsOn: 'ConsentRevoked' },
    { reason: 'BLOCKED', given: (p) => after({}, revoke(p, { method: 'block' })), restsOn: 'ConsentRevoked' },
    { reason: 'NO_OBJECTION', given: () => after({ channel: 'sms', purpose: 'receipts' }) },
    { reason: 'SERVICE_WINDOW_CLOSED', given: () => after({ purpose: 'service' }) },
    {
      reason: 'SERVICE_WINDOW_OPEN',
      given: (p) => after({ purpose: 'service', sender: 'main' }, write(p, 'Hello')),
      restsOn: 'UserMessaged',
      holdsMs: 24 * HOUR,
    },
    { reason: 'NO_RECENT_OPT_OUT', given: () => after({ purpose: 'opt_out_confirmation' }) },
    {
      reason: 'OPT_OUT_CONFIRMATION',
      given: (p) => after({ purpose: 'opt_out_confirmation' }, write(p, 'STOP')),
      restsOn: 'ConsentRevoked',
      holdsMs: 5 * MINUTE,
    },
    {
      reason: 'STATE_UNREADABLE',
      given: async (phone) => {
        const [recipientId] = await recipientIdsOf(service, [{ phone }]);
        const facts = { businessId: 'acme', occurredAt: at(NOON) };
        return { atLeast: await append(service, `consent-${recipientId}`, 'ConsentPaused', facts) };
      },
      restsOn: 'Unreadable',
    },
    {
      reason: 'VIEW_BEHIND',
      given: async () => {
        const [ledgerId, n] = (await service.running.parts.store.head()).split('.');
        return { atLeast: `${ledgerId}.${Number(n) + 1_000}` };
      },
    },
  ];

  /** What every answer carries, whatever it says. */
  const expectWhole = (decision: Json, { reason }: Scene, asked: Json) => {
    met.add(reason);
    expect(decision).toMatchObject({
      reason,
      channel: asked.channel ?? 'whatsapp',
      purpose: asked.purpose ?? 'offers',
      explanation: expect.stringMatching(/^["A-Z][^\n]{20,200}\.$/),
      recipientId: expect.stringMatching(/^[\w-]{43}$/),
      category: expect.stringMatching(/^(marketing|utility|service)$/),
      decidedAt: at(clock.now()),
      policyVersion: expect.stringMatching(/^\d+$/),
      rulesVersion: '1',
    });
    expect(isPosition(decision.position)).toBe(true);
  };
  /** The event that the answer names stands in the ledger where and when the answer says. */
  const expectBasis = async ({ basis, recipientId }: Json, restsOn: string | undefined) => {
    if (restsOn === undefined) return expect(basis).toBeUndefined();
    const { events } = (await must(acme.get(`/recipients/${String(recipientId)}/timeline`))).body;
    const { eventId } = basis as Json;
    const event = (events as unknown as readonly Json[]).find((one) => one.eventId === eventId) as Json;
    const { stream, revision, occurredAt, recordedAt } = event;
    expect(basis).toMatchObject({ eventId, type: restsOn, stream, revision, occurredAt, recordedAt });
  };

  it.each(SCENES)('$reason, resting on $restsOn', async (scene) => {
    clock.setTo(NOON);
    const phone = somebody();
    const asked = await scene.given(phone);
    const decide = () => acme.check({ phone }, 'offers', asked);
    const decision = await decide();
    expectWhole(decision, scene, asked);
    await expectBasis(decision, scene.restsOn);
    expect({ ...(await decide()), position: '' }).toEqual({ ...decision, position: '' });
    const isYes = ['CONSENTED', 'NO_OBJECTION', 'SERVICE_WINDOW_OPEN', 'OPT_OUT_CONFIRMATION'].includes(scene.reason);
    expect(decision.eligible).toBe(isYes);
    expect(decision.retryAfterMs === undefined).toBe(!scene.reason.startsWith('VIEW_'));
    if (scene.holdsMs === undefined) return expect(decision.validUntil).toBeUndefined();
    const end = Date.parse(String(decision.validUntil));
    expect(end).toBe(NOON + scene.holdsMs);
    clock.setTo(end - 1);
    expect(await decide()).toMatchObject({ eligible: true, reason: scene.reason, basis: decision.basis });
    clock.setTo(end);
    expect(await decide()).toMatchObject({ eligible: false });
  });

  it('VIEW_STALE and VIEW_UNAVAILABLE, with when to ask again', async () => {
    const phone = somebody();
    const asked = {};
    holdView(service.dataDir);
    await grant(phone);
    clock.advance(HOUR);
    const stale = await acme.check({ phone }, 'offers', asked);
    expectWhole(stale, { reason: 'VIEW_STALE', given: async () => asked }, asked);
    releaseView(service.dataDir);
    await service.running.parts.view.whenReady();
    expect(await acme.check({ phone }, 'offers')).toMatchObject({ reason: 'CONSENTED' });
    await service.running.parts.store.close();
    const away = await acme.check({ phone }, 'offers', { consistency: 'ledger' });
    expectWhole(away, { reason: 'VIEW_UNAVAILABLE', given: async () => asked }, asked);
    for (const decision of [stale, away]) {
      expect(decision).toMatchObject({ eligible: false });
      expect(decision.basis).toBeUndefined();
      expect(decision.retryAfterMs).toBeGreaterThan(0);
    }
  });

  it('and these are all the reasons that there are', () => {
    expect([...met].sort()).toEqual([...REASONS].sort());
  });
});
