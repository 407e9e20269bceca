import { randomBytes } from 'node:crypto';
import { openEventStoreDb } from '#event-store';
import { describeEventStoreContract, type OpenedStore } from '../../libs/event-store/contract.js';
import { EventStoreProcess } from './server-process.js';
import { SharedLedger } from './shared-ledger.js';

const named = process.env.EVENTSTORE_URL;

/** A server of our own for every test, as empty as the embedded store is. */
async function ownServer(): Promise<OpenedStore> {
  const server = await EventStoreProcess.launch();
  const open = () => openEventStoreDb({ url: server.url });
  let store = await open();
  return {
    store,
    reopen: async () => {
      await store.close();
      return (store = await open());
    },
    cleanup: async () => {
      await store.close();
      await server.remove();
    },
  };
}

/** A corner of its own for every test, in whatever the server holds. Nobody else may write there meanwhile. */
async function cornerOf(url: string): Promise<OpenedStore> {
  const opened = await openEventStoreDb({ url });
  let store = new SharedLedger(opened, `test${randomBytes(6).toString('hex')}.`, await opened.head());
  return {
    store,
    reopen: async () => {
      await store.close();
      return (store = store.over(await openEventStoreDb({ url })));
    },
    cleanup: () => store.close(),
  };
}

if (named === undefined) describeEventStoreContract('EventStoreDB, our own server,', ownServer);
else describeEventStoreContract('EventStoreDB, as EVENTSTORE_URL names it,', () => cornerOf(named));
