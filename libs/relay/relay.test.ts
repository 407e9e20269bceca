import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { RelayDatabase } from './relay-database.js';
import { RELAY_DEFAULTS, type RelayOptions } from './relay-options.js';
import { startRelay } from './relay.js';

let dataDir: string;
let database: RelayDatabase;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'relay-'));
  database = new RelayDatabase(join(dataDir, 'relay.db'));
});
afterEach(() => {
  database.close();
  rmSync(dataDir, { recursive: true });
});

it('a relay that is one of several and was stopped beyond its lease takes no other', async () => {
  let stoppedMs = 0;
  let isLost: () => void = () => undefined;
  const lost = new Promise<void>((resolve) => (isLost = resolve));
  let isAsked: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (isAsked = resolve));
  const describe = () => {
    isAsked();
    return new Promise<never>(() => undefined);
  };
  const relay = startRelay({
    ...{ database, holder: 'one', alone: false, topics: { create: false } },
    kafka: { cluster: { describe } },
    clock: { now: () => 0, monotonic: () => performance.now() + stoppedMs },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    limits: { ...RELAY_DEFAULTS, leaseMs: 100 },
    onLost: isLost,
  } as unknown as RelayOptions);
  await asked;
  expect(relay.status().leader).toBe(true);
  const { epoch } = database.lease();
  stoppedMs = 1_000;
  await lost;
  expect(relay.status().leader).toBe(false);
  await relay.close();
  expect(database.lease()).toMatchObject({ holder: null, epoch });
});
