import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:net';

/** Below the ports that outgoing connections get, so that none of those takes one while its broker is down. */
const LOWEST = 15_000;
const HIGHEST = 29_999;

/** A TCP port that no other test process uses until it is released, whether a broker listens on it or not. */
export interface ClaimedPort {
  readonly port: number;
  release(): void;
}

/** The claim is the UDP port of the same number: it is exclusive, and it ends with this process however that ends. */
export async function claimPort(): Promise<ClaimedPort> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    const claim = await bind(port);
    if (claim && (await isFree(port))) return { port, release: () => claim.close() };
    claim?.close();
  }
}

function bind(port: number): Promise<Socket | undefined> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(socket.unref()));
  });
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
