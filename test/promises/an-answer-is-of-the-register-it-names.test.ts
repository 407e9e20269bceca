import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ clock: new SettableClock(NOON), env: { WAIT_FOR_POSITION_MS: '20000' } });
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
});
