import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { makeApiKey, parseApiKey, verifyApiKey } from './api-keys.js';

const DETAILS = { name: 'shop', scopes: ['consent:write'], createdAt: '2026-03-01T00:00:00.000Z' } as const;

describe('API keys', () => {
  it('are kept as a hash, and know their secret', () => {
    const { key, secret } = makeApiKey({ ...DETAILS, businessId: 'acme' });
    expect(key).toEqual({
      ...DETAILS,
      businessId: 'acme',
      keyId: parseApiKey(secret)?.keyId,
      secretSha256: createHash('sha256').update(secret).digest('hex'),
    });
    expect(JSON.stringify(key)).not.toContain(secret.slice(-43));
    expect(verifyApiKey(key, secret)).toBe(true);
  });

  it('know no other secret', () => {
    const [one, other] = [makeApiKey(DETAILS), makeApiKey(DETAILS)];
    expect(one.secret).not.toBe(other.secret);
    const altered = `${one.secret.slice(0, -1)}${one.secret.endsWith('A') ? 'B' : 'A'}`;
    for (const secret of [other.secret, altered, '', one.secret.slice(0, -1)]) {
      expect(verifyApiKey(one.key, secret)).toBe(false);
    }
    expect(verifyApiKey({ ...one.key, secretSha256: '' }, one.secret)).toBe(false);
  });

  it.each([
    '',
    'clk_',
    'clk_0011223344556677_short',
    `CLK_0011223344556677_${'a'.repeat(43)}`,
    `clk_x_${'a'.repeat(43)}`,
  ])('%j has not their shape', (secret) => expect(parseApiKey(secret)).toBeUndefined());
});
