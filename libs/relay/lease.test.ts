import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { takeLease, type HeldLease } from './lease.js';
import { LeaseLost, RelayDatabase } from './relay-database.js';

const LEASE_MS = 100;

let dataDir: string;
const opened: RelayDatabase[] = [];
const held: HeldLease[] = [];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lease-'));
});
afterEach(async () => {
  for (const lease of held.splice(0)) await lease.release();
  for (const database of opened.splice(0)) database.close();
  rmSync(dataDir, { recursive: true });
});

/** A process of its own, with its own clock, which stands still while the process does. */
function relay(holder: string) {
  const database = new RelayDatabase(join(dataDir, 'relay.db'));
  opened.push(database);
  let stoppedMs = 0;
  const problems: unknown[] = [];
  const clock = { now: () => Date.now(), monotonic: () => performance.now() + stoppedMs };
  const onProblem = (error: unknown) => void problems.push(error);
  return {
    database,
    /** As a process notices that it was stopped: at once, and by its clock alone. */
    wasStopped: (ms: number) => (stoppedMs += ms),
    take: async (signal = new AbortController().signal) => {
      const lease = await takeLease({ database, holder, clock, leaseMs: LEASE_MS, alone: false, onProblem }, signal);
      held.push(lease);
      return lease;
    },
  };
}

describe('the lease of a relay', () => {
  it('is one process’s at a time, and the next one’s at once when it is given up', async () => {
    const [one, other] = [relay('one'), relay('other')];
    const first = await one.take();
    const patience = AbortSignal.timeout(3 * LEASE_MS);
    await expect(other.take(patience)).rejects.toThrow();
    expect(first.holds()).toBe(true);
    await first.release();
    const second = await other.take();
    expect(second.epoch).toBeGreaterThan(first.epoch);
  });

  it('is not held any more by who was stopped, before anything of it has been noticed', async () => {
    const one = relay('one');
    const lease = await one.take();
    one.wasStopped(0.7 * LEASE_MS);
    expect(lease.holds()).toBe(false);
    await new Promise<void>((resolve) => lease.signal.addEventListener('abort', () => resolve(), { once: true }));
    expect(lease.signal.reason).toBeInstanceOf(LeaseLost);
  });

  it('is taken from who is not heard of, whose writes are refused from then on', async () => {
    const [one, other] = [relay('one'), relay('other')];
    const stopped = await one.take();
    one.wasStopped(LEASE_MS);
    const lease = await other.take();
    expect(lease.epoch).toBeGreaterThan(stopped.epoch);
    const progress = { position: 'ledger.7', offsets: [] };
    expect(() => one.database.save(stopped.epoch, 'optouts', progress)).toThrow(LeaseLost);
    other.database.save(lease.epoch, 'optouts', progress);
    expect(one.database.checkpoint('optouts')).toBe('ledger.7');
  });
});
