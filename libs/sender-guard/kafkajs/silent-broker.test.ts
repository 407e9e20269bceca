import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { startGuard } from '../guard.js';

/** kafkajs gives up by itself after more than four seconds; a guard closes within about one. */
const MOMENTS_MS = 3_000;

let silent: Server;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  silent.close();
  await once(silent, 'close');
});

it('a guard that is closed does not wait for a broker that takes connections and says nothing', async () => {
  silent = createServer((socket) => void sockets.push(socket.resume().on('error', () => undefined)));
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const guard = startGuard({ brokers: [`127.0.0.1:${port}`] });
  await once(silent, 'connection');
  const beganMs = performance.now();
  await guard.close();
  expect(performance.now() - beganMs).toBeLessThan(MOMENTS_MS);
}, 60_000);
