import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { SettableClock } from '#platform';
import { businessOf, type Json } from '../http/support/acme.js';
import { deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { phone, ReplicaScene } from './scene.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');

describe('a message that one replica records while another erases its person', () => {
  const clock = new SettableClock(NOON);
  let scene: ReplicaScene;
  let one: TestService;
  let other: TestService;

  beforeAll(async () => {
    scene = await ReplicaScene.found();
    const start = () => startTestService({ clock, env: scene.servers });
    [one, other] = await Promise.all([start(), start()]);
    await registerAcme(one);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([one.stop(), other.stop()]);
    await scene.remove();
  });

  /** Begins the erasure at the one when the other is about to seal, and seals once it is through. */
  const eraseBeforeSealing = (who: string) => {
    const { vault } = other.running.parts;
    const seal = vault.seal.bind(vault);
    const spy = jest.spyOn(vault, 'seal').mockImplementation(async (...args) => {
      spy.mockRestore();
      await must(businessOf(one).post('/erasures', { recipient: { phone: who } }));
      return seal(...args);
    });
  };

  /** The other goes on answering from what it knows now. */
  const hearNothing = async (recipientId: string) => {
    const { view } = other.running.parts;
    const known = await view.lookUp('acme', [recipientId]);
    const meeting = jest.spyOn(view, 'meetOthers').mockResolvedValue(false);
    return [meeting, jest.spyOn(view, 'lookUp').mockResolvedValue(known)];
  };

  it.each([
    ['and has heard of everything since', 1, true],
    ['and cannot hear of anything', 2, false],
  ])('%s is not readable afterwards', async (_, n, hears) => {
    const { body } = await must(businessOf(one).grant(grantBody(phone(n))));
    await other.running.parts.view.meetOthers();
    clock.setTo(clock.now() + 60_000);
    eraseBeforeSealing(phone(n));
    const deaf = hears ? [] : await hearNothing(String(body.recipientId));
    const said = { from: phone(n).slice(1), id: `wamid.${n}`, text: 'Hello', at: clock.now() - 30_000 };
    await must(deliver(other, deliveryOf(said)));
    for (const spy of deaf) spy.mockRestore();
    const timeline = await must(businessOf(one).get(`/recipients/${String(body.recipientId)}/timeline`));
    const events = timeline.body.events as unknown as readonly Json[];
    expect(events.map(({ type }) => type).sort()).toEqual(['ConsentGranted', 'RecipientErased', 'UserMessaged']);
    expect(events.filter(({ personal }) => personal !== undefined)).toEqual([]);
  });
});
