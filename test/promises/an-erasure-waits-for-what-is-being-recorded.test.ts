import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { depthOf } from '#event-store';
import { SettableClock } from '#platform';
import { businessOf, type Json } from '../http/support/acme.js';
import { deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { people } from './support/people.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const somebody = people(65);

describe('what is recorded of somebody who is being erased', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService({ clock });
    await registerAcme(service);
  });
  afterAll(() => service.stop());

  const erase = (phone: string) => must(businessOf(service).post('/erasures', { recipient: { phone } }));
  /** Two whole ones, one after the other: one that was begun before and waits for nobody is through by then. */
  const eraseOthers = async () => {
    for (const other of [somebody(), somebody()]) await erase(other);
  };
  /** Begins an erasure at the moment at which something is about to be sealed, and seals when it is through or waits. */
  const eraseBeforeSealing = (phone: string) => {
    const { vault } = service.running.parts;
    const seal = vault.seal.bind(vault);
    let erasing: Promise<unknown> = Promise.resolve();
    const spy = jest.spyOn(vault, 'seal').mockImplementation(async (...args) => {
      spy.mockRestore();
      erasing = erase(phone);
      await Promise.race([erasing, eraseOthers()]);
      return seal(...args);
    });
    return { done: () => erasing };
  };
  const readable = async (id: string) => {
    const { body } = await must(businessOf(service).get(`/recipients/${id}/timeline`));
    const events = body.events as unknown as readonly (Json & { readonly position: string })[];
    const inOrder = [...events].sort((a, b) => depthOf(a.position) - depthOf(b.position));
    return inOrder.map(({ type, personal }) => [type, personal !== undefined]);
  };

  it.each([
    ['a message', 'Hello', ['UserMessaged']],
    ['an opt-out', 'STOP', ['ConsentRevoked', 'UserMessaged']],
  ])('%s of before the erasure is not readable after it', async (_, text, recorded) => {
    const phone = somebody();
    const { body } = await must(businessOf(service).grant(grantBody(phone)));
    clock.setTo(clock.now() + 60_000);
    const { done } = eraseBeforeSealing(phone);
    const said = { from: phone.slice(1), id: `wamid.${text}-${phone}`, text, at: clock.now() - 30_000 };
    await must(deliver(service, deliveryOf(said)));
    await done();
    const told = await readable(String(body.recipientId));
    expect(told.map(([type]) => type)).toEqual(expect.arrayContaining([...recorded, 'RecipientErased']));
    expect(told.filter(([, isReadable]) => isReadable)).toEqual([]);
    expect(await businessOf(service).check({ phone }, 'offers')).toMatchObject({ reason: 'REVOKED' });
  });

  it('an opt-out that comes while the erasure is begun is not readable after it either', async () => {
    const phone = somebody();
    const { body } = await must(businessOf(service).grant(grantBody(phone)));
    clock.setTo(clock.now() + 60_000);
    const { vault } = service.running.parts;
    const [announce, seal] = [vault.announceErasure.bind(vault), vault.seal.bind(vault)];
    let told: Promise<unknown> = Promise.resolve();
    let sealing = (): void => undefined;
    const isSealing = new Promise<void>((resolve) => (sealing = resolve));
    const stop = { recipient: { phone }, reason: 'private', occurredAt: new Date(clock.now() - 30_000).toISOString() };
    const announced = jest.spyOn(vault, 'announceErasure').mockImplementation(async (...args) => {
      announced.mockRestore();
      told = must(businessOf(service).revoke(stop));
      await isSealing;
      return announce(...args);
    });
    const erasing = erase(phone);
    const sealed = jest.spyOn(vault, 'seal').mockImplementation(async (...args) => {
      sealed.mockRestore();
      sealing();
      await erasing;
      return seal(...args);
    });
    await erasing;
    await told;
    expect(await readable(String(body.recipientId))).toEqual([
      ['ConsentGranted', false],
      ['RecipientErased', false],
      ['ConsentRevoked', false],
    ]);
  });
});
