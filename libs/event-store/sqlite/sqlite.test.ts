import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeEventStoreContract, type OpenedStore } from '../contract.js';
import { openSqliteStore, type SqliteStoreOptions } from './store.js';

const opened = (options: Partial<SqliteStoreOptions>) => async (): Promise<OpenedStore> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ledger-'));
  const open = () => openSqliteStore({ dataDir, diskReserveMb: 1, ...options });
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
};

describeEventStoreContract('the embedded store', opened({}));
describeEventStoreContract('the embedded store that keeps no end in memory', opened({ tail: { events: 0, bytes: 0 } }));
describeEventStoreContract(
  'the embedded store with an end of three events',
  opened({ tail: { events: 3, bytes: 1e6 } }),
);
