import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rebuildView } from '#view';
import { SettableClock } from '#platform';
import { grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, type Json } from '../http/support/acme.js';
import { people } from './support/people.js';
import { dropView, until, viewFileOf } from './support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const somebody = people(2);

/** Ends that lie behind: what an unset time becomes in many languages, its neighbours, and this very millisecond. */
const ENDS = [
  '1970-01-01T00:00:00Z',
  '1970-01-01T00:00:00.000Z',
  '1970-01-01T00:00:00.001Z',
  '1970-01-01T02:00:00+02:00',
  '2026-05-04T12:00:00.000Z',
].map((expiresAt) => ({ expiresAt, phone: somebody() }));

describe('a grant that has ended is never a yes', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ clock, env: { VIEW_PROBE_INTERVAL_MS: '20' } });
    await registerAcme(service);
  });
  afterAll(() => service.stop());

  const expectEnded = async (more: Json = {}) => {
    for (const { phone, expiresAt } of ENDS) {
      for (const consistency of ['fast', 'ledger']) {
        const decision = await businessOf(service).check({ phone }, 'offers', { consistency, ...more });
        const { eligible, reason } = decision;
        expect({ expiresAt, consistency, eligible, reason }).toEqual({
          expiresAt,
          consistency,
          eligible: false,
          reason: 'EXPIRED',
        });
      }
    }
  };

  it('from the moment that it is acknowledged, and once the view has it', async () => {
    for (const { phone, expiresAt } of ENDS) {
      const granted = await must(businessOf(service).grant(grantBody(phone, { expiresAt })));
      expect(granted.body).toMatchObject({ effective: false, ineffectiveBecause: 'ALREADY_EXPIRED' });
      expect(await businessOf(service).check({ phone }, 'offers')).toMatchObject({ reason: 'EXPIRED' });
    }
    await expectEnded({ atLeast: await service.running.parts.store.head() });
  });

  it('after a restart', async () => {
    service = await service.restart();
    await expectEnded();
  });

  it('from a view that was made anew, by the service and by view:rebuild', async () => {
    await service.running.close();
    dropView(service.dataDir);
    service = await startTestService({ clock, dataDir: service.dataDir, env: { VIEW_PROBE_INTERVAL_MS: '20' } });
    await expectEnded();
    const { dataDir, running } = service;
    await rebuildView({ store: running.parts.store, dataDir, onProgress: () => undefined });
    const rebuilt = viewFileOf(dataDir);
    service = await service.restart();
    await until('the service uses the rebuilt view', () => viewFileOf(dataDir) === rebuilt);
    await expectEnded();
  });
});
