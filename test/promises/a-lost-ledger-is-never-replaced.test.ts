import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openSqliteStore, type NewEvent } from '#event-store';
import { SettableClock } from '#platform';
import { grantBody, must, registerAcme } from '../support/client.js';
import { startTestService } from '../support/service.js';
import { businessOf } from '../http/support/acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const STOPPED = { phone: '+393330009001' };
const KNOWN = { phone: '+393330009002' };

describe('of ledger and vault, which belong together, one is gone', () => {
  it.each(['ledger.db', 'vault.db'])(
    '%s: the start is refused by its name, each time, until it is back',
    async (file) => {
      const clock = new SettableClock(NOON);
      const first = await startTestService({ clock });
      await registerAcme(first);
      for (const { phone } of [STOPPED, KNOWN]) await must(businessOf(first).grant(grantBody(phone)));
      await must(businessOf(first).revoke({ recipient: STOPPED }));
      await first.running.close();

      const { dataDir } = first;
      const parts = readdirSync(dataDir).filter((name) => name.startsWith(file));
      for (const name of parts) renameSync(join(dataDir, name), join(dataDir, `kept-${name}`));
      const reason = `${join(dataDir, file)} is missing or empty, but there is a`;
      for (const time of ['first', 'second']) {
        const outcome = await startTestService({ clock, dataDir }).then(
          (started) => started.running.close().then(() => 'it started'),
          (error: Error) => error.message,
        );
        expect({ time, outcome }).toEqual({ time, outcome: expect.stringContaining(reason) });
      }
      expect(existsSync(join(dataDir, 'admin.key'))).toBe(true);

      for (const name of parts) renameSync(join(dataDir, `kept-${name}`), join(dataDir, name));
      const again = await startTestService({ clock, dataDir });
      try {
        expect(await businessOf(again).check(STOPPED, 'offers')).toMatchObject({ reason: 'REVOKED' });
        expect(await businessOf(again).check(KNOWN, 'offers')).toMatchObject({ reason: 'CONSENTED' });
      } finally {
        await again.stop();
      }
    },
  );
});

describe('a ledger in which others had kept more than a page of events of their own', () => {
  it('is not taken for a lost one when the service starts again', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'consent-ledger-test-'));
    const store = await openSqliteStore({ dataDir, diskReserveMb: 0 });
    for (let n = 0; n <= 100; n++) await store.append('invoices-1', Array.from({ length: 100 }, anInvoice), 'any');
    await store.close();
    const first = await startTestService({ dataDir });
    await registerAcme(first);
    await must(businessOf(first).grant(grantBody(KNOWN.phone)));
    const again = await first.restart();
    await again.stop();
  });
});

function anInvoice(): NewEvent {
  return { id: randomUUID(), type: 'Invoiced', data: Buffer.from('{}'), metadata: Buffer.from('{}') };
}
