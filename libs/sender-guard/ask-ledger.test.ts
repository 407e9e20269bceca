import { getEventListeners } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Asker, ledgerOver, type AskLedger } from './ask-ledger.js';

const QUESTION = { businessId: 'acme', recipientId: 'r'.repeat(43), channel: 'whatsapp', purpose: 'offers' } as const;

let server: Server;
let answer: { readonly status: number; readonly body: unknown };
const asked: { readonly url: string | undefined; readonly key: string | undefined }[] = [];

beforeEach(async () => {
  asked.length = 0;
  server = createServer((request, response) => {
    asked.push({ url: request.url, key: request.headers.authorization });
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => new Promise((resolve) => server.close(resolve)));

function asker(timeoutMs = 5_000, maxAsking = 2): Asker {
  const { port } = server.address() as AddressInfo;
  return new Asker(ledgerOver({ url: `http://127.0.0.1:${port}`, apiKey: 'secret' }), timeoutMs, maxAsking);
}

describe('asking the ledger', () => {
  it('asks for the recipient as of what the guard knows, and takes the answer', async () => {
    const basis = { eventId: 'e1' };
    answer = { status: 200, body: { eligible: true, reason: 'CONSENTED', basis, position: 'ledger.9', other: 1 } };
    await expect(asker().answer({ ...QUESTION, sender: 'shop' }, 'ledger.7')).resolves.toEqual({
      ...{ eligible: true, reason: 'CONSENTED', basisEventId: 'e1', position: 'ledger.9' },
    });
    const path = `/v1/businesses/acme/recipients/${QUESTION.recipientId}/eligibility`;
    const query = '?channel=whatsapp&purpose=offers&sender=shop&atLeast=ledger.7';
    expect(asked).toEqual([{ url: path + query, key: 'Bearer secret' }]);
  });

  it.each([
    ['an error', { status: 503, body: {} }],
    ['a reason that is not known', { status: 200, body: { eligible: true, reason: 'BECAUSE' } }],
    ['something else', { status: 200, body: { eligible: 'yes', reason: 'CONSENTED' } }],
    ['nothing', { status: 200, body: null }],
  ])('has no answer in %s', async (_, given) => {
    answer = given;
    const one = asker();
    await expect(one.answer(QUESTION, undefined)).resolves.toBeUndefined();
    expect(one.outcomes).toEqual({ yes: 0, no: 0, failed: 1, overload: 0 });
  });

  it('waits no longer than it may, also for a function that heeds no signal', async () => {
    const one = new Asker(() => new Promise(() => undefined), 30, 2);
    await expect(one.answer(QUESTION, undefined)).resolves.toBeUndefined();
    expect(one.outcomes.failed).toBe(1);
  });

  it('has no answer of a function that throws, and leaves nothing behind that would be late', async () => {
    const signals: AbortSignal[] = [];
    const throws: AskLedger = (_question, { signal }) => {
      signals.push(signal);
      throw new Error('not even a promise');
    };
    const one = new Asker(throws, 5_000, 2);
    await expect(one.answer(QUESTION, undefined)).resolves.toBeUndefined();
    expect(one.outcomes.failed).toBe(1);
    // Whoever waited for it would reject with nobody there to hear, which ends the process.
    expect(signals.map((signal) => getEventListeners(signal, 'abort'))).toEqual([[]]);
  });

  it('asks for no more at once than it may', async () => {
    let settle: (answer: { eligible: boolean; reason: 'NO_CONSENT' }) => void = () => undefined;
    const one = new Asker(() => new Promise((resolve) => (settle = resolve)), 5_000, 1);
    const first = one.answer(QUESTION, undefined);
    await expect(one.answer(QUESTION, undefined)).resolves.toBeUndefined();
    settle({ eligible: false, reason: 'NO_CONSENT' });
    await expect(first).resolves.toEqual({ eligible: false, reason: 'NO_CONSENT' });
    expect(one.outcomes).toEqual({ yes: 0, no: 1, failed: 0, overload: 1 });
  });
});
