import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { SettableClock } from '#platform';
import { CheckEligibilityHandler, type Check } from '../../apps/ledger/queries/check-eligibility.js';
import { readCheck } from '../../apps/ledger/requests/check-body.js';
import { businessOf } from '../http/support/acme.js';
import { registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { people } from './support/people.js';
import { append, holdView, releaseView } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const FACTS = { businessId: 'acme', occurredAt: new Date(NOON).toISOString() };
const somebody = people(15);

/** Another process makes the register stricter, of which this one hears when its view goes on. */
describe('an answer is of the register that it names', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ clock, env: { WAIT_FOR_POSITION_MS: '20000' } });
    await registerAcme(service);
  });
  afterAll(() => service.stop());

  const purpose = (purposeId: string, requires: string) =>
    append(service, 'business-acme', 'PurposeRegistered', {
      ...{ ...FACTS, purposeId, requires, category: 'utility', title: 'Receipts' },
    });
  const retired = (purposeId: string) => append(service, 'business-acme', 'PurposeRetired', { ...FACTS, purposeId });
  const question = (purposeId: string) => ({ channel: 'email', purpose: purposeId, recipient: { phone: somebody() } });
  const ask = (purposeId: string, more = {}) => {
    const { recipient, purpose: asked, channel } = question(purposeId);
    return businessOf(service).check(recipient, asked, { channel, ...more });
  };

  it('also where it was asked before that and waited for the view', async () => {
    const { parts } = service.running;
    const before = await purpose('receipts', 'no_objection');
    expect(await ask('receipts', { atLeast: before })).toMatchObject({ reason: 'NO_OBJECTION' });
    holdView(service.dataDir);
    const check = readCheck(parts, 'acme', question('receipts')) as Check;
    const atLeast = await purpose('receipts', 'consent');
    const answer = new CheckEligibilityHandler(parts).answer({ businessId: 'acme', checks: [check], atLeast });
    releaseView(service.dataDir);
    const [decision] = await answer;
    expect(decision).toMatchObject({ eligible: false, reason: 'NO_CONSENT' });
    expect(decision?.policyVersion).toBe(parts.view.catalogue.business('acme')?.revision);
  });

  it('and says no, and when to ask again, where what was asked about is retired by then', async () => {
    const { parts } = service.running;
    await ask('offers', { atLeast: await purpose('passes', 'no_objection') });
    holdView(service.dataDir);
    const checks = [question('passes'), question('offers')].map((one) => readCheck(parts, 'acme', one) as Check);
    const atLeast = await retired('passes');
    const answer = new CheckEligibilityHandler(parts).answer({ businessId: 'acme', checks, atLeast });
    releaseView(service.dataDir);
    const [decision, other] = await answer;
    expect(decision).toMatchObject({ eligible: false, reason: 'VIEW_STALE', retryAfterMs: 1_000 });
    expect(other).toMatchObject({ eligible: false, reason: 'NO_CONSENT' });
    expect(other?.retryAfterMs).toBeUndefined();
  });

  it('from the ledger of the register as it is there, while the view is behind', async () => {
    const before = await purpose('receipts', 'no_objection');
    expect(await ask('receipts', { atLeast: before })).toMatchObject({ reason: 'NO_OBJECTION' });
    holdView(service.dataDir);
    try {
      await purpose('receipts', 'consent');
      expect(await ask('receipts', { consistency: 'ledger' })).toMatchObject({ eligible: false, reason: 'NO_CONSENT' });
    } finally {
      releaseView(service.dataDir);
    }
  });

  it.each([
    ['stopped', (ms: number) => clock.advance(ms)],
    ['suspended with its machine', (ms: number) => clock.setTo(clock.now() + ms)],
  ])('and not from streams that were read before the process was %s', async (_, pass) => {
    const { parts } = service.running;
    const checks = [question('offers'), question('offers')].map((one) => readCheck(parts, 'acme', one) as Check);
    const [first, last] = checks.map(({ recipientId }) => recipientId);
    const check = () =>
      new CheckEligibilityHandler(parts).answer({ businessId: 'acme', consistency: 'ledger', checks });
    const readStream = parts.store.readStream.bind(parts.store);
    const stopped = jest.spyOn(parts.store, 'readStream').mockImplementation(async (stream, options) => {
      if (stream === `conversation-${last}`) {
        await append(service, `consent-${first}`, 'ConsentRevoked', {
          ...{ ...FACTS, channels: ['*'], purposes: [], categories: ['*'], method: 'api' },
        });
        pass(parts.config.view.maxLagMs + 1);
      }
      return readStream(stream, options);
    });
    expect((await check()).map(({ reason }) => reason)).toEqual(['VIEW_STALE', 'VIEW_STALE']);
    stopped.mockRestore();
    expect((await check()).map(({ reason }) => reason)).toEqual(['REVOKED', 'NO_CONSENT']);
  });
});
