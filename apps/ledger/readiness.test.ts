import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { readConfig } from '#platform';
import { openSqliteVault, type Vault } from '#vault';
import type { Parts } from './parts.js';
import { readinessOf } from './readiness.js';

const CALLERS = 50;

let dataDir: string;
let vault: Vault;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'readiness-'));
  vault = await openSqliteVault({ dataDir, keyEncryptionKey: Buffer.alloc(32, 1) });
});
afterEach(async () => {
  await vault.close();
  rmSync(dataDir, { recursive: true });
});

it('looks at the vault once for all who ask meanwhile, and anew for who asks later', async () => {
  let [looks, callers] = [0, 0];
  let allAsk = (): void => undefined;
  const whenAllAsk = new Promise<void>((resolve) => (allAsk = resolve));
  const isEmpty = async () => {
    looks += 1;
    await whenAllAsk;
    return vault.isEmpty();
  };
  // Whoever has looked at the view looks at the vault in the same turn.
  const status = () => {
    callers += 1;
    if (callers === CALLERS) setImmediate(allAsk);
    return { ready: true, lagMs: 0 };
  };
  const parts = {
    config: readConfig({ DATA_DIR: dataDir, DISK_RESERVE_MB: '1' }),
    store: { status: () => ({ writable: true }) },
    view: { status },
    vault: Object.assign(Object.create(vault) as Vault, { isEmpty }),
  } as unknown as Parts;
  const told = await Promise.all(Array.from({ length: CALLERS }, () => readinessOf(parts)));
  expect(told.map(({ ready }) => ready)).toEqual(told.map(() => true));
  expect(looks).toBe(1);
  await readinessOf(parts);
  expect(looks).toBe(2);
});
