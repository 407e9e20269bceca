import { connect } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startTestService, type TestService } from '../support/service.js';

const TIMEOUT_MS = 1_000;
/** Between two bytes of a caller who never stops sending. */
const DRIP_MS = 100;

let service: TestService;

beforeAll(async () => {
  service = await startTestService({ env: { REQUEST_TIMEOUT_MS: String(TIMEOUT_MS) } });
});
afterAll(() => service.stop());

it.each([
  ['a head', 'GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: '],
  ['a body', 'POST /webhooks/whatsapp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n'],
])(
  'who sends %s byte by byte is answered in time, and hung up on where they go on sending',
  async (_what, begun) => {
    const { hostname, port } = new URL(service.base);
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true }).on('error', () => undefined);
    const dripping = setInterval(() => socket.write('x'), DRIP_MS);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    try {
      const since = performance.now();
      socket.write(begun);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(performance.now() - since).toBeLessThan(20 * TIMEOUT_MS);
      await closed;
    } finally {
      clearInterval(dripping);
      socket.destroy();
    }
  },
  60_000,
);
