import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { rebuildView } from '#view';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, type Json } from '../http/support/acme.js';
import { inLanes, people } from './support/people.js';
import { append, appendBytes, dropView, recipientIdsOf, until, viewFileOf } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (ms: number) => new Date(ms).toISOString();
const somebody = people(11);
const ENV = { VIEW_PROBE_INTERVAL_MS: '20', WAIT_FOR_POSITION_MS: '10000' };

type Acme = ReturnType<typeof businessOf>;
/** Something that happens to a person, so many minutes after noon. */
type Deed = (acme: Acme, service: TestService, phone: string, when: number) => Promise<unknown>;

const DEEDS: readonly Deed[] = [
  (acme, _, phone, when) => acme.grant(grantBody(phone, { occurredAt: at(when), purposes: ['offers', 'receipts'] })),
  (acme, _, phone, when) =>
    acme.grant(grantBody(phone, { occurredAt: at(when), expiresAt: at(when + HOUR), channels: ['whatsapp', 'sms'] })),
  (acme, _, phone, when) => acme.revoke({ recipient: { phone }, occurredAt: at(when), categories: ['marketing'] }),
  (acme, _, phone, when) =>
    acme.revoke({ recipient: { phone }, occurredAt: at(when), channels: ['whatsapp'], method: 'block' }),
  (_acme, service, phone, when) =>
    deliver(service, deliveryOf({ from: phone.slice(1), id: `wamid.${phone}-${when}`, text: 'STOP', at: when })),
  (_acme, service, phone, when) =>
    deliver(service, deliveryOf({ from: phone.slice(1), id: `wamid.${phone}-${when}`, text: 'Hello', at: when })),
];

/** Every way in which three of the deeds can follow each other. */
const STORIES = DEEDS.flatMap((one) => DEEDS.flatMap((two) => DEEDS.map((three) => [one, two, three] as const)));

/** Minutes after noon at which a story's three things happened, as the ledger hears of them: not always in order. */
const ORDERS = [
  [1, 4, 7],
  [2, 9, 5],
  [6, 6, 3],
] as const;

const QUESTIONS = [
  ['whatsapp', 'offers'],
  ['sms', 'offers'],
  ['whatsapp', 'service'],
  ['whatsapp', 'opt_out_confirmation'],
  ['sms', 'receipts'],
] as const;

/** What an answer says of the person; its position is that of the copy, and tells how far that one was. */
function said({ position: _position, ...rest }: Json): Json {
  return rest;
}

describe('a view that is dropped and made anew', () => {
  const clock = new SettableClock(NOON);
  const phones = STORIES.map(somebody);
  const unreadable = somebody();
  const linked = [somebody(), somebody()] as const;
  const everybody = [...phones, unreadable, ...linked, somebody()];
  let service: TestService;
  let before: readonly Json[];

  const answers = async (consistency = 'fast'): Promise<readonly Json[]> => {
    const found: Json[] = [];
    for (const [channel, purpose] of QUESTIONS) {
      const checks = everybody.map((phone) => ({ recipient: { phone } }));
      const atLeast = await service.running.parts.store.head();
      const asking = { channel, purpose, checks, ...(consistency === 'ledger' ? { consistency } : { atLeast }) };
      const { body } = await must(businessOf(service).post('/eligibility/batch', asking));
      found.push(...(body.results as unknown as readonly Json[]).map(said));
    }
    return found;
  };

  beforeAll(async () => {
    service = await startTestService({ clock, env: ENV });
    await registerAcme(service);
    const acme = businessOf(service);
    clock.setTo(NOON + 30 * MINUTE);
    await inLanes(STORIES.length, 8, async (n) => {
      for (const [step, deed] of (STORIES[n] ?? []).entries()) {
        const minutes = ORDERS[n % ORDERS.length]?.[step] ?? 0;
        await deed(acme, service, phones[n] as string, NOON + minutes * MINUTE);
      }
    });
    const ids = await recipientIdsOf(
      service,
      [unreadable, ...linked].map((phone) => ({ phone })),
    );
    await appendBytes(service, `consent-${ids[0]}`, 'ConsentPaused', '{}');
    const link = { businessId: 'acme', occurredAt: at(NOON), kind: 'same_person' };
    await append(service, `consent-${ids[1]}`, 'RecipientLinked', { ...link, other: ids[2] });
    await append(service, `consent-${ids[2]}`, 'RecipientLinked', { ...link, other: ids[1] });
    await must(acme.grant(grantBody(linked[0])));
    before = await answers();
  });
  afterAll(() => service.stop());

  it('is worth asking: the stories end in every answer that they can', () => {
    expect([...new Set(before.map(({ reason }) => String(reason)))].sort()).toEqual([
      'BLOCKED',
      'CONSENTED',
      'NO_CONSENT',
      'NO_OBJECTION',
      'NO_RECENT_OPT_OUT',
      'REVOKED',
      'SERVICE_WINDOW_CLOSED',
      'SERVICE_WINDOW_OPEN',
      'STATE_UNREADABLE',
    ]);
  });

  it('said the same as the streams themselves all along', async () => {
    expect(await answers('ledger')).toEqual(before);
  });

  it('answers field by field as before, for everybody', async () => {
    await service.running.close();
    dropView(service.dataDir);
    service = await startTestService({ clock, dataDir: service.dataDir, env: ENV });
    expect(await answers()).toEqual(before);
  });

  it('also where view:rebuild made it beside the running service, and after a restart on it', async () => {
    const old = viewFileOf(service.dataDir);
    const { running, dataDir } = service;
    await rebuildView({ store: running.parts.store, dataDir, onProgress: () => undefined, eventsPerPart: 100 });
    await until('the service takes the rebuilt view up', () => !existsSync(join(dataDir, old)));
    expect(viewFileOf(dataDir)).not.toBe(old);
    expect(await answers()).toEqual(before);
    service = await service.restart();
    expect(await answers()).toEqual(before);
    expect((await ask(service, 'GET', '/health/ready', { key: '' })).status).toBe(200);
  });
});

describe('a ledger that lost its end', () => {
  const levelOf = (service: TestService, words: string): unknown => {
    const lines = service
      .log()
      .split('\n')
      .filter((line) => line.includes(words));
    return lines.map((line) => (JSON.parse(line) as Json).level);
  };

  it('is not passed over for its view, which is told of, kept, and never answered from', async () => {
    const [clock, phone] = [new SettableClock(NOON), somebody()];
    let service = await startTestService({ clock, env: ENV });
    try {
      await registerAcme(service);
      await must(businessOf(service).grant(grantBody(phone)));
      const ledger = join(service.dataDir, 'ledger.db');
      await service.running.close();
      copyFileSync(ledger, `${ledger}.older`);
      service = await startTestService({ clock, dataDir: service.dataDir, env: ENV });
      await must(businessOf(service).revoke({ recipient: { phone } }));
      const head = await service.running.parts.store.head();
      await until('the view holds the opt-out', () => service.running.parts.view.status().position === head);
      await service.running.close();
      for (const beside of ['-wal', '-shm']) rmSync(`${ledger}${beside}`, { force: true });
      copyFileSync(`${ledger}.older`, ledger);

      service = await startTestService({ clock, dataDir: service.dataDir, env: ENV });
      expect(levelOf(service, 'the ledger ends before its view')).toEqual(['error']);
      expect(levelOf(service, 'view-1.past-head')).toEqual(['error']);
      expect(service.log()).not.toContain('could not follow');
      service = await service.restart();
      expect(readdirSync(service.dataDir)).toContain('view-1.past-head');
      expect(viewFileOf(service.dataDir)).toBe('view-2.db');
      expect(levelOf(service, 'the ledger ends before its view')).toEqual([]);
    } finally {
      await service.stop();
    }
  });

  it('is not suspected where the view is another ledger’s, as after a move', async () => {
    const clock = new SettableClock(NOON);
    const [one, other] = [await startTestService({ clock, env: ENV }), await startTestService({ clock, env: ENV })];
    await one.running.close();
    await other.running.close();
    copyFileSync(join(other.dataDir, viewFileOf(other.dataDir)), join(one.dataDir, viewFileOf(one.dataDir)));
    const moved = await startTestService({ clock, dataDir: one.dataDir, env: ENV });
    expect(levelOf(moved, 'of another ledger or form')).toEqual(['warn']);
    expect(levelOf(moved, 'view')).not.toContain('error');
    await moved.stop();
    await other.stop();
  });
});
