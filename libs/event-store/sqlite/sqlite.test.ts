import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { describeEventStoreContract, someEvent, type OpenedStore } from '../contract.js';
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

describe('the embedded store', () => {
  it.each([
    ['no UTF-8 at all', 'ff00c0af'],
    ['cut off within a character', '7b22f09f98'],
    ['half of a pair', 'eda080'],
    ['marked as UTF-8', 'efbbbf7b7d'],
    ['the very character that stands in for others', '22efbfbd22'],
    ['text that ends in a NUL', '7b7d00'],
    ['nothing', ''],
  ])('keeps bytes as they came: %s', async (_, hex) => {
    const under = await opened({ tail: { events: 0, bytes: 0 } })();
    const { store } = under;
    const bytes = Buffer.from(hex, 'hex');
    await store.append('consent-a', [{ ...someEvent(), data: bytes, metadata: Buffer.from('{}') }], 'none');
    await store.append('consent-a', [{ ...someEvent(), data: Buffer.from('{}'), metadata: bytes }], '0');
    const read = [
      await store.readStream('consent-a', { limit: 2 }),
      (await store.readAll({ limit: 3 })).events.slice(-2),
    ];
    const hexOf = (text: Uint8Array) => Buffer.from(text).toString('hex');
    for (const events of read) {
      expect(events.map(({ data, metadata }) => [hexOf(data), hexOf(metadata)])).toEqual([
        [hex, '7b7d'],
        ['7b7d', hex],
      ]);
    }
    await under.cleanup();
  });
});
