import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreUnavailable } from '#event-store';
import { SettableClock } from '#platform';
import { makeApiKey, openSqliteVault, type NewApiKey, type Vault } from '#vault';
import { Authenticator } from './authenticate.js';
import { mayReadAll } from './esdb-side.js';

let dataDir: string;
let vault: Vault;
let authenticator: Authenticator;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'esdb-side-'));
  vault = await openSqliteVault({ dataDir, keyEncryptionKey: Buffer.alloc(32, 1) });
  authenticator = new Authenticator(vault, 'the-admin-key', { capacity: 10, clock: new SettableClock(0) });
});
afterEach(async () => {
  await vault.close();
  rmSync(dataDir, { recursive: true });
});

async function secretOf(facts: Pick<NewApiKey, 'scopes' | 'businessId'>): Promise<string> {
  const { key, secret } = makeApiKey({ name: 'test', createdAt: '2026-01-01T00:00:00.000Z', ...facts });
  await vault.putApiKey(key);
  return secret;
}

describe('a password of who reads the ledger', () => {
  it('is a key that may read the audit of all businesses', async () => {
    expect(await mayReadAll(authenticator, await secretOf({ scopes: ['audit:read'] }))).toBe(true);
    expect(await mayReadAll(authenticator, await secretOf({ scopes: ['eligibility:read'] }))).toBe(false);
    expect(await mayReadAll(authenticator, await secretOf({ scopes: ['audit:read'], businessId: 'acme' }))).toBe(false);
    expect(await mayReadAll(authenticator, 'unknown')).toBe(false);
  });

  it('is not called a wrong one while the vault cannot be asked', async () => {
    const secret = await secretOf({ scopes: ['audit:read'] });
    await vault.close();
    await expect(mayReadAll(authenticator, secret)).rejects.toThrow(StoreUnavailable);
  });
});
