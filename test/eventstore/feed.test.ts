import { afterEach, expect, it } from '@jest/globals';
import { openEventStoreDb } from '#event-store';
import { describeFeedOver } from '../../libs/feed/contract.js';
import { must, registerAcme } from '../support/client.js';
import { systemClock } from '#platform';
import { EventSource } from '../feed/event-source.js';
import { businessOf } from '../http/support/acme.js';
import { startTestService } from '../support/service.js';
import { EventStoreProcess } from './server-process.js';

const servers: EventStoreProcess[] = [];
async function launch(): Promise<EventStoreProcess> {
  const server = await EventStoreProcess.launch();
  servers.push(server);
  return server;
}
afterEach(async () => {
  for (const server of servers.splice(0)) await server.remove();
});

describeFeedOver('EventStoreDB, our own server,', async () => {
  const store = await openEventStoreDb({ url: (await launch()).url });
  return { store, cleanup: () => store.close() };
});

it('a watcher stays while the server is away, and is then told what was missed', async () => {
  const server = await launch();
  const env = {
    EVENTSTORE_URL: server.url,
    PEPPER: Buffer.alloc(32, 1).toString('base64'),
    KEY_ENCRYPTION_KEY: Buffer.alloc(32, 2).toString('base64'),
  };
  const service = await startTestService({ clock: systemClock, env });
  await registerAcme(service);
  const source = await EventSource.open(service, { from: 'start' });
  const revoke = (phone: string) => businessOf(service).revoke({ recipient: { phone } });
  await must(revoke('+393331600001'));
  await source.untilChanges(1);
  const before = (await source.until('a proof', ({ data }) => data.at !== undefined)).data.at;
  await server.stop();
  await server.start();
  const again = await must(revoke('+393331600002'));
  const [, change] = await source.untilChanges(2);
  expect(change?.id).toBe(again.body.position);
  await source.until('a later proof', ({ data }) => String(data.at) > String(before) && data.at !== undefined);
  source.close();
  await service.stop();
});
