import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeEventStoreContract } from '../contract.js';
import { openSqliteStore } from './store.js';

describeEventStoreContract('the embedded store', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ledger-'));
  const open = () => openSqliteStore({ dataDir, diskReserveMb: 1 });
  let store = await open();
  return {
    store,
    reopen: async () => {
      await store.close();
      return (store = await open());
    },
    cleanup: async () => {
      await store.close();
      rmSync(dataDir, { recursive: true });
    },
  };
});
