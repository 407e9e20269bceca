import { expect } from '@jest/globals';
import { ask, must, type Answer, type Ask, type Reachable } from '../../support/client.js';
import type { TestService } from '../../support/service.js';

export const ACME = '/v1/businesses/acme';

export type Json = Readonly<Record<string, unknown>>;

/** Requests to one business, by the part of the path that stands behind its id. */
export function businessOf(service: Reachable, businessId = 'acme') {
  const base = `/v1/businesses/${businessId}`;
  const send =
    (method: string) =>
    (path: string, body?: unknown, options: Ask = {}) =>
      ask(service, method, base + path, { ...(body === undefined ? {} : { body }), ...options });
  const post = send('POST');
  return {
    get: (path: string, options: Ask = {}) => ask(service, 'GET', base + path, options),
    put: send('PUT'),
    post,
    delete: send('DELETE'),
    grant: (body: unknown, options: Ask = {}) => post('/grants', body, options),
    revoke: (body: unknown, options: Ask = {}) => post('/revocations', body, options),
    message: (body: unknown, options: Ask = {}) => post('/messages', body, options),
    /** The decision; fails where the check is refused. */
    check: async (recipient: unknown, purpose: string, more: Json = {}): Promise<Json> =>
      (await must(post('/eligibility', { recipient, channel: 'whatsapp', purpose, ...more }))).body,
  };
}

/** The secret of a new key of one business, or of all where none is named. */
export async function keyFor(
  service: Reachable,
  scopes: readonly string[],
  businessId?: string,
): Promise<{ readonly keyId: string; readonly secret: string }> {
  const path = businessId === undefined ? '/v1/keys' : `/v1/businesses/${businessId}/keys`;
  const { body } = await must(ask(service, 'POST', path, { body: { name: 'test', scopes } }));
  return { keyId: String(body.keyId), secret: String(body.secret) };
}

/** How far the ledger is; the same before and after means that nothing was written. */
export function headOf(service: TestService): Promise<string> {
  return service.running.parts.store.head();
}

/** Fails unless the answer is a problem as RFC 9457 has it, with this status and code. */
export function expectProblem(answer: Answer, status: number, code: string): Json {
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.body).toMatchObject({
    type: `urn:consent-ledger:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: expect.any(String),
    status,
    detail: expect.any(String),
    instance: expect.stringMatching(/^urn:request:[0-9a-f-]{36}$/),
  });
  return answer.body;
}

/** The names of the fields that a problem or a command's answer complains of. */
export function fieldsOf(answer: Pick<Answer, 'body'>, list: 'errors' | 'warnings' = 'errors'): readonly string[] {
  const found = (answer.body[list] ?? []) as readonly { readonly field: string }[];
  return found.map(({ field }) => field);
}
