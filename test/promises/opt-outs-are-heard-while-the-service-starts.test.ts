import { afterEach, describe, expect, it } from '@jest/globals';
import { writeEvent } from '#event-store';
import { SettableClock } from '#platform';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, keyFor } from '../http/support/acme.js';
import { inLanes, people } from './support/people.js';
import { dropView, holdView, releaseView, startListening, type Listening } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const STREAMS = 500;
const EVENTS_A_STREAM = 20;

const somebody = people(1);
const national = (phone: string) => phone.replace('+39', '');

/** Ten thousand messages of people of another business: the register of acme stands behind them in the ledger. */
async function fill(service: TestService): Promise<void> {
  const occurredAt = new Date(NOON).toISOString();
  const data = { businessId: 'other', occurredAt, channel: 'whatsapp', sender: 'main', kind: 'message' };
  await inLanes(STREAMS, 50, async (n) => {
    const events = Array.from({ length: EVENTS_A_STREAM }, (_, index) => {
      const id = `00000000-0000-4000-9000-${String(n * EVENTS_A_STREAM + index).padStart(12, '0')}`;
      const ids = { $correlationId: id, $causationId: id, commandId: id };
      return writeEvent(id, 'UserMessaged', data, {
        ...ids,
        actor: 'test',
        occurredAt,
        recordedAt: occurredAt,
        schema: 1,
      });
    });
    await service.running.parts.store.append(`conversation-filler${n}`, events, 'none');
  });
}

/** What is said while the view is not ready: by the provider, by the business in its own way, and by the operator. */
async function tellStops(service: Listening, key: string, stops: Stops) {
  const acme = businessOf(service);
  const message = { from: stops.byWebhook.slice(1), id: 'wamid.starting', text: 'STOP', at: NOON + 1_000 };
  return Promise.all([
    deliver(service, deliveryOf(message)),
    acme.revoke({ recipient: { phone: national(stops.byNationalNumber) } }, { key }),
    acme.revoke({ recipient: { phone: stops.byAdminKey } }),
  ]);
}

interface Stops {
  readonly byWebhook: string;
  readonly byNationalNumber: string;
  readonly byAdminKey: string;
}

describe('a service that listens before its view is ready', () => {
  const clock = new SettableClock(NOON);
  const stops = { byWebhook: somebody(), byNationalNumber: somebody(), byAdminKey: somebody() };
  let stop: () => Promise<unknown> = async () => undefined;
  afterEach(() => stop());

  /** A ledger in which everybody has agreed, with a key of the business. */
  const begin = async (service: TestService): Promise<string> => {
    await fill(service);
    await registerAcme(service);
    for (const phone of Object.values(stops)) await must(businessOf(service).grant(grantBody(phone)));
    return (await keyFor(service, ['consent:write'], 'acme')).secret;
  };
  const reasonOf = async (service: Listening, phone: string) => {
    const body = { recipient: { phone }, channel: 'whatsapp', purpose: 'offers' };
    const { status, body: decision } = await ask(service, 'POST', '/v1/businesses/acme/eligibility', { body });
    return `${status} ${String(decision.reason)}`;
  };
  const reasonsOf = (service: Listening) => Promise.all(Object.values(stops).map((phone) => reasonOf(service, phone)));
  const restartWith = async (first: TestService, spoil: () => void): Promise<Listening> => {
    await first.running.close();
    spoil();
    clock.setTo(NOON + 2_000);
    const service = await startListening(first.dataDir, clock);
    stop = async () => {
      await service.running.close();
      await first.stop();
    };
    return service;
  };

  it('over a view that cannot move yet: answers no, never 404, and records every opt-out under its person', async () => {
    const first = await startTestService({ clock });
    holdView(first.dataDir);
    const key = await begin(first);
    const service = await restartWith(first, () => undefined);
    expect(await reasonsOf(service)).toEqual(Array(3).fill('200 VIEW_STALE'));
    const answers = await tellStops(service, key, stops);
    expect(answers.map(({ status }) => status)).toEqual([200, 201, 201]);
    expect(await reasonsOf(service)).toEqual(Array(3).fill('200 VIEW_STALE'));
    releaseView(first.dataDir);
    await service.running.parts.view.whenReady();
    expect(await reasonsOf(service)).toEqual(Array(3).fill('200 REVOKED'));
    expect((await must(ask(service, 'GET', '/v1/unrouted'))).body.unrouted).toEqual([]);
  });

  it('over a view that was deleted: hears them from the first moment on', async () => {
    clock.setTo(NOON);
    const first = await startTestService({ clock });
    const key = await begin(first);
    const service = await restartWith(first, () => dropView(first.dataDir));
    const [before, answers] = await Promise.all([reasonsOf(service), tellStops(service, key, stops)]);
    for (const reason of before) expect(['200 VIEW_STALE', '200 CONSENTED', '200 REVOKED']).toContain(reason);
    expect(answers.map(({ status }) => status)).toEqual([200, 201, 201]);
    await service.running.parts.view.whenReady();
    expect(await reasonsOf(service)).toEqual(Array(3).fill('200 REVOKED'));
  });
});
