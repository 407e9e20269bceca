import { expect, it } from '@jest/globals';
import { GRANT_METHODS } from '#consent';
import { SettableClock } from '#platform';
import { grantBody, registerAcme } from '../support/client.js';
import { startTestService } from '../support/service.js';
import { businessOf, expectProblem, fieldsOf } from '../http/support/acme.js';
import { people } from './support/people.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const somebody = people(10);

/** An import is flagged, and what a provider shows is its own; no other method may do without, a correction least. */
const FREE: readonly string[] = ['import', 'in_app_signup'];

it('a grant that cites no wording is refused, and leaves nothing, unless it is an import or the provider’s own', async () => {
  const service = await startTestService({ clock: new SettableClock(NOON) });
  try {
    await registerAcme(service);
    const acme = businessOf(service);
    for (const method of GRANT_METHODS) {
      const phone = somebody();
      const body = grantBody(phone, { method, occurredAt: '2026-05-04T10:00:00Z' });
      const answer = await acme.grant({ ...body, disclosure: undefined });
      const decision = await acme.check({ phone }, 'offers');
      if (FREE.includes(method)) {
        expect({ method, status: answer.status }).toEqual({ method, status: 201 });
        continue;
      }
      expectProblem(answer, 422, 'DISCLOSURE_REQUIRED');
      expect(fieldsOf(answer)).toEqual(['disclosure']);
      expect(decision).toMatchObject({ eligible: false, reason: 'NO_CONSENT' });
      expect((await acme.grant(body)).status).toBe(201);
      expect(await acme.check({ phone }, 'offers')).toMatchObject({ eligible: true, basis: { method } });
    }
  } finally {
    await service.stop();
  }
});
