import { randomUUID } from 'node:crypto';
import { openSqliteStore, summaryOf, type LedgerSummary, type NewEvent } from '#event-store';
import type { Chance } from '../faults/full.js';

const AT_ONCE = 1_000;

/**
 * Makes an embedded ledger of so many events: many people with few, a few with very many, and bytes as no JSON writer of
 * ours would write them.
 */
export async function fillLedger(dataDir: string, count: number, random: Chance): Promise<void> {
  const store = await openSqliteStore({ dataDir, diskReserveMb: 0 });
  try {
    await store.append('system-ledger', [{ ...someEvent(0, random), type: 'LedgerStarted' }], 'none');
    for (let n = 1; n < count; n += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, count - n) }, (_, index) => n + index);
      await Promise.all(
        batch.map((one) => store.append(someStream(one, count, random), [someEvent(one, random)], 'any')),
      );
    }
  } finally {
    await store.close();
  }
}

function someStream(n: number, count: number, random: Chance): string {
  const person = random.between(0, 20) === 0 ? n % 5 : random.between(0, count / 4);
  return `${random.oneOf(['consent', 'conversation'])}-${person}`;
}

export function someEvent(n: number, random: Chance): NewEvent {
  const data = Buffer.from(`{ "businessId":"acme", "n":${n}.0, "filler":"${'é'.repeat(random.between(0, 150))}"}`);
  const metadata = n % 100 === 1 ? Buffer.from([0, 255, n % 256]) : Buffer.from(`{"schema":1,"n":${n}}`);
  return { id: randomUUID(), type: 'ConsentGranted', data, metadata };
}

export async function summaryIn(dataDir: string): Promise<LedgerSummary> {
  const store = await openSqliteStore({ dataDir, readOnly: true });
  try {
    return await summaryOf(store);
  } finally {
    await store.close();
  }
}
