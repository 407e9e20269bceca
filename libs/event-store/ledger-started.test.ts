import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { someEvent } from './contract.js';
import { LedgerMismatch, SYSTEM_STREAM, openSqliteStore, startLedger, type SqliteStore } from './index.js';

const now = new Date('2026-03-01T10:00:00.000Z');
const fingerprints = { pepper: 'p1', 'key-encryption-key': 'k1', vault: 'v1' };

let dataDir = '';
let store: SqliteStore;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'started-'));
  store = await openSqliteStore({ dataDir, diskReserveMb: 0 });
});
afterEach(async () => {
  await store.close();
  rmSync(dataDir, { recursive: true });
});

describe('startLedger', () => {
  it('begins an empty ledger with its id, the fingerprints and the time', async () => {
    const started = await startLedger(store, { fingerprints, now });
    expect(started).toEqual({ ledgerId: store.ledgerId, fingerprints, startedAt: '2026-03-01T10:00:00.000Z' });
    const [event] = await store.readStream(SYSTEM_STREAM, { limit: 2 });
    expect(event?.type).toBe('LedgerStarted');
    expect(JSON.parse(Buffer.from(event?.data ?? []).toString())).toEqual(started);
  });

  it('accepts the same secrets again and writes nothing', async () => {
    const first = await startLedger(store, { fingerprints, now });
    expect(await startLedger(store, { fingerprints, now: new Date(now.getTime() + 5_000) })).toEqual(first);
    expect(await store.readStream(SYSTEM_STREAM, { limit: 5 })).toHaveLength(1);
  });

  it.each([
    ['another pepper', { ...fingerprints, pepper: 'p2' }, ['pepper']],
    [
      'another vault and key',
      { ...fingerprints, vault: 'v2', 'key-encryption-key': 'k2' },
      ['key-encryption-key', 'vault'],
    ],
    ['a secret too few', { pepper: 'p1', vault: 'v1' }, ['key-encryption-key']],
    ['a secret too many', { ...fingerprints, seal: 's1' }, ['seal']],
  ])('refuses %s by name and without values', async (_what, ours: Record<string, string>, names) => {
    await startLedger(store, { fingerprints, now });
    const refused: unknown = await startLedger(store, { fingerprints: ours, now }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LedgerMismatch);
    expect(refused).toMatchObject({ code: 'LEDGER_MISMATCH', names });
    expect(String(refused)).not.toMatch(/[pkvs][12]/);
  });

  it('lets one of two that begin at once be the first, and the other check', async () => {
    const both = [fingerprints, { ...fingerprints, pepper: 'p2' }];
    const outcomes = await Promise.allSettled(both.map((one) => startLedger(store, { fingerprints: one, now })));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await store.readStream(SYSTEM_STREAM, { limit: 5 })).toHaveLength(1);
  });

  it('does not begin anew over a first event that it cannot read', async () => {
    await store.append(SYSTEM_STREAM, [{ ...someEvent(), type: 'LedgerStarted', data: Buffer.from('{') }], 'none');
    await expect(startLedger(store, { fingerprints, now })).rejects.toThrow(/not a readable LedgerStarted/);
  });
});
