import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { until } from '../faults/until.js';
import { registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { ACME } from './support/acme.js';

let service: TestService;
let socket: Socket;
let answered = '';

beforeEach(async () => {
  service = await startTestService();
  await registerAcme(service);
  const { hostname, port } = new URL(service.base);
  socket = connect(Number(port), hostname).setEncoding('utf8');
  answered = '';
  socket.on('data', (text: string) => (answered += text));
});

afterEach(async () => {
  socket.destroy();
  await service.stop();
});

const revocation = (phone: string) => JSON.stringify({ recipient: { phone } });

function headOf(path: string, body: string, ...more: readonly string[]): string {
  const lines = [`POST ${ACME}${path} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${service.adminKey}`];
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return [...lines, 'Content-Type: application/json', length, ...more, '', ''].join('\r\n');
}

/** Resolves once the service, told to stop, takes no new connection; one request is still on its way. */
async function stopHalfWay(body: string): Promise<void> {
  socket.write(headOf('/revocations', body, 'Expect: 100-continue'));
  await once(socket, 'data');
  void service.running.close();
  await until('no new connection is taken', () =>
    fetch(`${service.base}/health/live`).then(
      () => undefined,
      () => true,
    ),
  );
}

it('finishes a request that is on its way, and takes an opt-out that comes behind it', async () => {
  const [first, second] = [revocation('+393336600001'), revocation('+393336600002')];
  await stopHalfWay(first);
  socket.write(first + headOf('/revocations', second) + second);
  await once(socket, 'close');
  expect(answered.match(/HTTP\/1\.1 201/g)).toHaveLength(2);
});

it('tells everybody else when to ask again, as a problem', async () => {
  const [first, question] = [revocation('+393336600003'), '{}'];
  await stopHalfWay(first);
  socket.write(first + headOf('/eligibility', question) + question);
  await once(socket, 'close');
  const [, refused = ''] = answered.split('HTTP/1.1 503 ');
  expect(refused.toLowerCase()).toContain('content-type: application/problem+json');
  expect(refused.toLowerCase()).toMatch(/^retry-after: \d/m);
  expect(refused.toLowerCase()).toMatch(/^connection: close/m);
  expect(refused).toContain('"code":"LEDGER_UNAVAILABLE"');
});
