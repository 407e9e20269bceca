import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { makeApiKey, openSqliteVault, VaultUnavailable, type NewApiKey, type Vault } from '#vault';
import { Authenticator } from './authenticate.js';

const MAX_AGE_MS = 4_000;
const FACTS: NewApiKey = { name: 'test', scopes: ['eligibility:read'], createdAt: '2026-01-01T00:00:00.000Z' };

let dataDir: string;
let vault: Vault;
let elsewhere: Vault;
let clock: SettableClock;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'authenticate-'));
  clock = new SettableClock(0);
  vault = await open();
  elsewhere = await open();
});
afterEach(async () => {
  await Promise.all([vault.close(), elsewhere.close()]);
  rmSync(dataDir, { recursive: true });
});

const open = () => openSqliteVault({ dataDir, keyEncryptionKey: Buffer.alloc(32, 1) });
const over = (more: { readonly maxAgeMs?: number }) =>
  new Authenticator(vault, 'the-admin-key', { capacity: 10, clock, ...more });

async function knownKey(authenticator: Authenticator): Promise<{ authorization: string; keyId: string }> {
  const { key, secret } = makeApiKey(FACTS);
  await vault.putApiKey(key);
  const authorization = `Bearer ${secret}`;
  expect((await authenticator.principalOf(authorization)).keyId).toBe(key.keyId);
  return { authorization, keyId: key.keyId };
}

describe('a key that another process deleted', () => {
  it('is taken no longer than its age allows', async () => {
    const authenticator = over({ maxAgeMs: MAX_AGE_MS });
    const { authorization, keyId } = await knownKey(authenticator);
    await elsewhere.deleteApiKey(keyId);
    clock.advance(MAX_AGE_MS);
    expect(authenticator.remembered(authorization)).toBeDefined();
    clock.advance(1);
    expect(authenticator.remembered(authorization)).toBeUndefined();
    await expect(authenticator.principalOf(authorization)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('is found out behind the back of whoever goes on using it', async () => {
    const authenticator = over({ maxAgeMs: MAX_AGE_MS });
    const { authorization, keyId } = await knownKey(authenticator);
    await elsewhere.deleteApiKey(keyId);
    clock.advance(MAX_AGE_MS / 2 + 1);
    expect(authenticator.remembered(authorization)).toBeDefined();
    while (authenticator.remembered(authorization)) await new Promise((resolve) => setImmediate(resolve));
    await expect(authenticator.principalOf(authorization)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('a key that another process deleted while the vault was away', () => {
  it('is taken no longer once the vault is back, however long nobody used it', async () => {
    const authenticator = over({ maxAgeMs: MAX_AGE_MS });
    const { authorization, keyId } = await knownKey(authenticator);
    const findApiKey = vault.findApiKey.bind(vault);
    vault.findApiKey = () => Promise.reject(new VaultUnavailable('the vault is away'));
    clock.advance(2 * MAX_AGE_MS);
    expect((await authenticator.principalOf(authorization)).keyId).toBe(keyId);
    vault.findApiKey = findApiKey;
    await elsewhere.deleteApiKey(keyId);
    clock.advance(MAX_AGE_MS);
    const asked = authenticator.principalOf(authorization);
    // Nor while the first one to use it waits for what the vault says.
    expect(authenticator.remembered(authorization)).toBeUndefined();
    await expect(asked).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('a key that is there', () => {
  it('is never waited for as long as it is used', async () => {
    const authenticator = over({ maxAgeMs: MAX_AGE_MS });
    const { authorization } = await knownKey(authenticator);
    for (let n = 0; n < 20; n++) {
      clock.advance(MAX_AGE_MS / 3);
      expect(authenticator.remembered(authorization)).toBeDefined();
      await vault.isEmpty();
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it('is taken while the vault cannot be asked, however long that is', async () => {
    const authenticator = over({ maxAgeMs: MAX_AGE_MS });
    const { authorization, keyId } = await knownKey(authenticator);
    await vault.close();
    clock.advance(10 * MAX_AGE_MS);
    expect((await authenticator.principalOf(authorization)).keyId).toBe(keyId);
    clock.advance(10 * MAX_AGE_MS);
    expect((await authenticator.principalOf(authorization)).keyId).toBe(keyId);
    // Asked again and again behind the back of whoever goes on using it, so that nobody waits.
    for (let n = 0; n < 20; n++) {
      clock.advance(MAX_AGE_MS / 3);
      expect(authenticator.remembered(authorization)?.keyId).toBe(keyId);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect(authenticator.principalOf('Bearer unknown')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('has no age where this process alone deletes keys', async () => {
    const authenticator = over({});
    const { authorization, keyId } = await knownKey(authenticator);
    clock.advance(1_000 * MAX_AGE_MS);
    expect(authenticator.remembered(authorization)?.keyId).toBe(keyId);
    authenticator.forget(keyId);
    expect(authenticator.remembered(authorization)).toBeUndefined();
  });

  it('is not remembered again by a look that began before it was deleted', async () => {
    const authenticator = over({});
    const { authorization, keyId } = await knownKey(authenticator);
    authenticator.forget(keyId);
    const looking = authenticator.principalOf(authorization);
    authenticator.forget(keyId);
    await looking;
    expect(authenticator.remembered(authorization)).toBeUndefined();
  });
});
