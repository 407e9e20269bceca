import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { CheckEligibilityHandler, type Check } from '../../apps/ledger/queries/check-eligibility.js';
import { readCheck } from '../../apps/ledger/requests/check-body.js';
import { grantBody, must, registerAcme, type Answer } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, expectProblem, fieldsOf, type Json } from './support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const CONSENTED = { phone: '+393335000001' };
const UNKNOWN = { phone: '+393335000002' };

describe('checks', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let acme: ReturnType<typeof businessOf>;
  let granted: Answer;

  beforeAll(async () => {
    service = await startTestService({ clock, env: { WAIT_FOR_POSITION_MS: '50' } });
    await registerAcme(service);
    acme = businessOf(service);
    granted = await must(acme.grant(grantBody(CONSENTED.phone)));
  });
  afterAll(() => service.stop());

  const question = (more: Json = {}) => ({ recipient: CONSENTED, channel: 'whatsapp', purpose: 'offers', ...more });
  const byId = (query: string) => acme.get(`/recipients/${String(granted.body.recipientId)}/eligibility?${query}`);

  it('answer in full, and are not to be kept', async () => {
    const answer = await acme.post('/eligibility', question());
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { eventId, stream, recipientId, position } = granted.body;
    expect(answer.body).toEqual({
      eligible: true,
      reason: 'CONSENTED',
      explanation: expect.stringMatching(/^[A-Z].*\.$/),
      recipientId,
      channel: 'whatsapp',
      purpose: 'offers',
      category: 'marketing',
      basis: {
        eventId,
        type: 'ConsentGranted',
        stream,
        revision: '0',
        occurredAt: '2026-05-04T12:00:00.000Z',
        recordedAt: '2026-05-04T12:00:00.000Z',
        method: 'web_form',
        disclosure: { id: 'web', version: 1 },
      },
      position: expect.stringMatching(/^[A-Za-z0-9_-]+\.\d+$/),
      decidedAt: '2026-05-04T12:00:00.000Z',
      policyVersion: expect.any(String),
      rulesVersion: '1',
    });
    expect(String(position).split('.')[0]).toBe(String(answer.body.position).split('.')[0]);
  });

  it('wait for nothing where the view has come to the position that they carry', () => {
    const { parts } = service.running;
    const [handler, check] = [new CheckEligibilityHandler(parts), readCheck(parts, 'acme', question()) as Check];
    const asked = (atLeast: string) => handler.answer({ businessId: 'acme', checks: [check], atLeast });
    expect(asked(parts.view.status().position as string)).toMatchObject([{ eligible: true, reason: 'CONSENTED' }]);
    expect(asked(`${parts.store.ledgerId}.1000000`)).toHaveProperty('then');
  });

  it('say the same by address, by id in the body, by id in the path, from the view and from the ledger', async () => {
    const { recipientId } = granted.body;
    const asked = [
      acme.post('/eligibility', question()),
      acme.post('/eligibility', question({ recipient: { recipientId } })),
      acme.post('/eligibility', question({ consistency: 'ledger' })),
      acme.post('/eligibility', question({ consistency: 'fast' })),
      acme.post('/eligibility', question({ atLeast: granted.body.position })),
      byId('channel=whatsapp&purpose=offers'),
      byId('channel=whatsapp&purpose=offers&consistency=ledger'),
      byId(`channel=whatsapp&purpose=offers&consistency=atLeast&atLeast=${String(granted.body.position)}`),
    ];
    for (const answer of await Promise.all(asked)) {
      expect(answer).toMatchObject({ status: 200, body: { eligible: true, basis: { eventId: granted.body.eventId } } });
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }
  });

  it('tell a caller what it got wrong', async () => {
    const refusals: [Json, number, string, string][] = [
      [{ channel: 'fax' }, 400, 'CHANNEL_UNKNOWN', 'channel'],
      [{ purpose: 'nothing' }, 404, 'PURPOSE_NOT_FOUND', 'purpose'],
      [{ sender: 'nobody' }, 404, 'SENDER_NOT_FOUND', 'sender'],
      [{ sender: 'main', channel: 'sms' }, 404, 'SENDER_NOT_FOUND', 'sender'],
      [{ recipient: { phone: 'x' } }, 400, 'ADDRESS_INVALID', 'recipient.phone'],
      [{ recipient: {} }, 400, 'VALIDATION_FAILED', 'recipient'],
      [{ recipient: { ...CONSENTED, email: 'a@b.example' } }, 400, 'VALIDATION_FAILED', 'recipient'],
      [{ recipient: { ...CONSENTED, whatsappUserID: 'IT.1' } }, 400, 'VALIDATION_FAILED', 'recipient.whatsappUserID'],
      [{ atLeast: 'yesterday' }, 400, 'VALIDATION_FAILED', 'atLeast'],
      [{ consistency: 'atLeast' }, 400, 'VALIDATION_FAILED', 'atLeast'],
      [{ consistency: 'soon' }, 400, 'VALIDATION_FAILED', 'consistency'],
      [{ category: 'utility' }, 400, 'VALIDATION_FAILED', 'category'],
    ];
    for (const [more, status, code, field] of refusals) {
      const answer = await acme.post('/eligibility', question(more));
      expectProblem(answer, status, code);
      expect(fieldsOf(answer)).toEqual([field]);
    }
  });

  it('say VIEW_BEHIND, with when to ask again, for a position that is not reached or of another ledger', async () => {
    const [ledger = '', n] = String(granted.body.position).split('.');
    for (const atLeast of [`${ledger}.${Number(n) + 1_000}`, `another.${n}`, `another.0`]) {
      for (const consistency of ['atLeast', 'ledger']) {
        const answer = await acme.post('/eligibility', question({ atLeast, consistency }));
        expect(answer).toMatchObject({ status: 200, body: { eligible: false, reason: 'VIEW_BEHIND' } });
        expect(answer.body.retryAfterMs).toBeGreaterThan(0);
        expect(answer.body.basis).toBeUndefined();
      }
    }
  });

  it('never say a stale yes once a revocation is acknowledged', async () => {
    for (let n = 0; n < 20; n++) {
      const recipient = { email: `person${n}@checks.example` };
      await must(acme.grant({ ...grantBody(''), recipient, channels: ['email'] }));
      const { position } = (await must(acme.revoke({ recipient }))).body;
      const fresh = { channel: 'email', atLeast: position };
      expect(await acme.check(recipient, 'offers', { channel: 'email' })).toMatchObject({ reason: 'REVOKED' });
      expect(await acme.check(recipient, 'offers', fresh)).toMatchObject({ reason: 'REVOKED' });
    }
  });

  it('answer a batch in order, item by item, over one position', async () => {
    const body = {
      channel: 'whatsapp',
      purpose: 'offers',
      checks: [
        { ref: 'a', recipient: CONSENTED },
        { ref: 'b', recipient: { phone: 'nobody' } },
        { ref: 'c', recipient: UNKNOWN },
        { recipient: CONSENTED, purpose: 'nothing' },
        { ref: 7, recipient: CONSENTED, channel: 'fax' },
        'not an object',
        { ref: 'g', recipient: CONSENTED, channel: 'sms', purpose: 'receipts' },
        { ref: 'h', recipient: CONSENTED, sender: 'nobody' },
      ],
    };
    const answer = await acme.post('/eligibility/batch', body);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { position, results } = answer.body as unknown as { position: string; results: Json[] };
    expect(results).toMatchObject([
      { ref: 'a', eligible: true, reason: 'CONSENTED', position },
      { ref: 'b', error: { code: 'ADDRESS_INVALID', status: 400, errors: [{ field: 'recipient.phone' }] } },
      { ref: 'c', eligible: false, reason: 'NO_CONSENT', position },
      { error: { code: 'PURPOSE_NOT_FOUND', status: 404, errors: [{ field: 'purpose' }] } },
      { ref: 7, error: { code: 'CHANNEL_UNKNOWN', status: 400 } },
      { error: { code: 'VALIDATION_FAILED', status: 400, errors: [{ field: 'recipient' }] } },
      { ref: 'g', eligible: true, reason: 'NO_OBJECTION', position },
      { ref: 'h', error: { code: 'SENDER_NOT_FOUND', status: 404 } },
    ]);
    expect(results[3]).not.toHaveProperty('ref');
    const instances = results.map(({ error }) => error && (error as Json).instance);
    expect(new Set(instances).size).toBe(2);
    expect(instances[1]).toMatch(/^urn:request:./);
  });

  it('take a thousand at once, and not one more', async () => {
    const checks = (count: number) => ({
      channel: 'whatsapp',
      purpose: 'offers',
      checks: Array.from({ length: count }, (_, n) => ({ ref: n, recipient: { phone: `+39333600${1_000 + n}` } })),
    });
    const { body } = await must(acme.post('/eligibility/batch', checks(1_000)));
    expect((body.results as unknown as Json[]).map(({ ref }) => ref)).toEqual(
      Array.from({ length: 1_000 }, (_, n) => n),
    );
    expectProblem(await acme.post('/eligibility/batch', checks(1_001)), 413, 'BATCH_TOO_LARGE');
    const recipients = Array.from({ length: 1_001 }, () => UNKNOWN);
    expectProblem(await acme.post('/recipients/lookup', { recipients }), 413, 'BATCH_TOO_LARGE');
    expect(await must(acme.post('/eligibility/batch', { checks: [] }))).toMatchObject({ body: { results: [] } });
  });

  it('refuse an item with a field that no item has: it may be a position that would be passed by', async () => {
    const item = { ref: 'a', recipient: UNKNOWN, channel: 'whatsapp', purpose: 'offers' };
    const checks = ['atLeast', 'consistency', 'sendr', '+393331234567'].map((name) => ({ ...item, [name]: 'fast' }));
    const { results } = (await must(acme.post('/eligibility/batch', { checks: [...checks, item] }))).body;
    const answers = results as unknown as { ref: string; error?: Json & { errors: Json[] }; reason?: string }[];
    expect(answers.map(({ ref, error, reason }) => [ref, error?.code ?? reason, error?.errors[0]?.field])).toEqual([
      ['a', 'VALIDATION_FAILED', 'atLeast'],
      ['a', 'VALIDATION_FAILED', 'consistency'],
      ['a', 'VALIDATION_FAILED', 'sendr'],
      ['a', 'VALIDATION_FAILED', '*'],
      ['a', 'NO_CONSENT', undefined],
    ]);
  });

  it('call a field that is not there the same in a batch as in a single check', async () => {
    const item = { recipient: UNKNOWN, channel: 'whatsapp', purpose: 'offers' };
    const lacking = Object.keys(item).map((name) => ({ ...item, [name]: undefined }));
    const wrong = [...lacking, {}, { ...item, channel: 7 }, { ...item, sender: 7 }];
    const { results } = (await must(acme.post('/eligibility/batch', { checks: wrong }))).body;
    const faults = (results as unknown as { error: Json & { errors: Json[] } }[]).map(({ error }) => error.errors[0]);
    expect(faults.map((fault) => [fault?.field, fault?.code, fault?.message])).toEqual([
      ['recipient', 'REQUIRED', 'This field is required.'],
      ['channel', 'REQUIRED', 'This field is required.'],
      ['purpose', 'REQUIRED', 'This field is required.'],
      ['channel', 'REQUIRED', 'This field is required.'],
      ['channel', 'IS_STRING', 'Send channel as a text.'],
      ['sender', 'IS_STRING', 'Send sender as a text.'],
    ]);
    for (const [index, one] of lacking.entries()) {
      const single = await acme.post('/eligibility', one);
      expect(single.body.errors).toEqual([faults[index]]);
    }
  });

  it('answer a batch that asks for a position like a single check', async () => {
    const batch = (more: Json) =>
      acme.post('/eligibility/batch', {
        channel: 'whatsapp',
        purpose: 'offers',
        checks: [{ recipient: CONSENTED }],
        ...more,
      });
    const fresh = await must(batch({ atLeast: granted.body.position }));
    expect(fresh.body.results).toMatchObject([{ reason: 'CONSENTED' }]);
    const behind = await must(batch({ atLeast: 'another.5' }));
    expect(behind.body.results).toMatchObject([{ eligible: false, reason: 'VIEW_BEHIND' }]);
    const ledger = await must(batch({ consistency: 'ledger' }));
    expect(ledger.body.results).toMatchObject([{ reason: 'CONSENTED' }]);
    expectProblem(await batch({ atLeast: 'x' }), 400, 'VALIDATION_FAILED');
  });

  it('look ids up for people that nothing is known of too, and say which cannot be read', async () => {
    const recipients = [
      CONSENTED,
      { email: ' Person@Checks.Example ' },
      { phone: 'x' },
      {},
      { whatsappUserId: 'IT.1349' },
    ];
    const { body } = await must(acme.post('/recipients/lookup', { recipients }));
    expect(body.results).toMatchObject([
      { recipientId: granted.body.recipientId },
      { recipientId: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/) },
      { error: { code: 'ADDRESS_INVALID', errors: [{ field: 'recipient.phone' }] } },
      { error: { code: 'VALIDATION_FAILED' } },
      { recipientId: expect.any(String) },
    ]);
    const [, mail] = body.results as unknown as Json[];
    const again = await must(acme.post('/recipients/lookup', { recipients: [{ email: 'person@checks.example' }] }));
    expect(again.body.results).toEqual([mail]);
  });

  it('refuse an id or a query that cannot be one', async () => {
    const get = (path: string) => acme.get(`/recipients/${path}`);
    expectProblem(await get('short/eligibility?channel=sms&purpose=offers'), 400, 'VALIDATION_FAILED');
    expectProblem(await byId('channel=whatsapp'), 400, 'VALIDATION_FAILED');
    expectProblem(await byId('channel=whatsapp&purpose=offers&channel=sms'), 400, 'VALIDATION_FAILED');
    expectProblem(await byId('channel=whatsapp&purpose=offers&colour=red'), 400, 'VALIDATION_FAILED');
    expectProblem(await byId('channel=&purpose=offers'), 400, 'CHANNEL_UNKNOWN');
  });
});
