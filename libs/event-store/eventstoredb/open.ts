import type { EventStoreDb } from './store.js';
import type { EventStoreDbOptions } from './terms.js';

/**
 * Opens the ledger on EventStoreDB. Resolves once it is known which ledger it is. Rejects with `StoreUnavailable`, in
 * plain words and without credentials, where no server answers within `openMs`, and with a `RangeError` where the
 * connection string cannot be read. Whoever wants to wait for longer tries again.
 */
export async function openEventStoreDb(options: EventStoreDbOptions): Promise<EventStoreDb> {
  // Its client and the network behind it are loaded where they are used: each thread of a rebuild would hold 35 MB.
  const { openStore } = await import('./store.js');
  return openStore(options);
}
