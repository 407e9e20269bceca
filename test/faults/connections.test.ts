import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { startTestService, type TestService } from '../support/service.js';
import { GrpcClient } from '../grpc/support.js';
import { until } from './until.js';

const MOST = 3;

let service: TestService;
let sockets: Socket[];

beforeEach(async () => {
  service = await startTestService({ env: { CONNECTIONS_MAX: String(MOST) } });
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await service.stop();
});

type Door = 'http' | 'grpc';

async function open(door: Door): Promise<Socket> {
  const socket = connect(service.running.ports[door], '127.0.0.1').on('error', () => undefined);
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

async function counted(name: string, door: Door): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${service.running.ports.metrics}/metrics`)).text();
  return Number(new RegExp(`^${name}{door="${door}"} (\\d+)$`, 'm').exec(metrics)?.[1]);
}

const openAt = (door: Door, count: number) =>
  until(`${count} are open`, async () => (await counted('consent_connections', door)) === count || undefined);

it.each<Door>(['http', 'grpc'])('so many connections are let in over %s, and further ones closed', async (door) => {
  await Promise.all(Array.from({ length: MOST }, () => open(door)));
  await openAt(door, MOST);
  const beyond = await open(door);
  expect(await beyond.toArray()).toEqual([]);
  expect(await counted('consent_connections_refused', door)).toBe(1);
  sockets[0]?.destroy();
  await openAt(door, MOST - 1);
  await open(door);
  await openAt(door, MOST);
});

it('those that are idle make room', async () => {
  for (let idle = 1; idle <= MOST; idle += 1) {
    const socket = await open('http');
    socket.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
  }
  await once((await open('http')).resume(), 'close');
  await openAt('http', 0);
  expect((await fetch(`${service.base}/health/live`)).status).toBe(200);
});

it('a caller of gRPC who comes in vain is told to try again', async () => {
  await Promise.all(Array.from({ length: MOST }, () => open('grpc')));
  await openAt('grpc', MOST);
  const client = new GrpcClient({ port: service.running.ports.grpc, key: service.adminKey });
  const question = { recipient: { phone: '+393330000001' }, channel: 'sms', purpose: 'offers', businessId: 'nobody' };
  expect((await client.call('Check', question)).code).toBe('gRPC 14');
  for (const socket of sockets) socket.destroy();
  const found = async () => (await client.call('Check', question)).code === 'BUSINESS_NOT_FOUND' || undefined;
  await until('it is let in', found);
  client.close();
});
