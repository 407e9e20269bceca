import { openEventStoreDb } from '#event-store';
import { describeEventStoreContract } from '../../libs/event-store/contract.js';
import { EventStoreProcess } from './server-process.js';

describeEventStoreContract('EventStoreDB', async () => {
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
});
