import { EventStoreDBClient } from '@eventstore/db-client';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreUnavailable, openEventStoreDb } from '#event-store';
import { EventStoreProcess } from './server-process.js';
import { newEvent } from './writers.js';

describe('a ledger on EventStoreDB that is opened for reading only', () => {
  let server: EventStoreProcess;
  beforeEach(async () => {
    server = await EventStoreProcess.launch();
  });
  afterEach(() => server.remove());

  it('reads and follows, refuses appends, and says that it does', async () => {
    const writer = await openEventStoreDb({ url: server.url });
    const { position } = await writer.append('consent-a', [newEvent()], 'none');
    await writer.close();
    const store = await openEventStoreDb({ url: server.url, readOnly: true });
    expect(await store.readStream('consent-a', { limit: 5 })).toHaveLength(1);
    await expect(store.append('consent-a', [newEvent()], 'any')).rejects.toThrow(StoreUnavailable);
    expect(store.status()).toMatchObject({ writable: false, problem: 'the ledger is open for reading only' });
    expect(await store.head()).toBe(position);
    await store.close();
  });

  it('is not begun by it where there is none', async () => {
    const client = EventStoreDBClient.connectionString(server.url);
    await client.setStreamMetadata('system-ledger', {});
    const opening = openEventStoreDb({ url: server.url, readOnly: true, timeouts: { openMs: 1_000 } });
    await expect(opening).rejects.toThrow('no ledger was begun');
    const { metadata } = await client.getStreamMetadata('system-ledger');
    expect(metadata).toEqual({});
    await client.dispose();
  });
});
