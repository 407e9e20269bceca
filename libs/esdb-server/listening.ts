import { createServer, type AddressInfo, type Server as Listener, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ServerCredentials, type Server } from '@grpc/grpc-js';
import type { Limits } from './context.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

interface ListenOptions {
  readonly listen: Address;
  readonly tls?: Certificate | undefined;
  readonly limits: Limits;
}

export interface Listening {
  readonly port: number;
  /** Takes no more connections; those that are there stay. */
  stop(): void;
}

/**
 * Takes the connections for gRPC, which itself takes any number of them: so many at a time, and only those that soon
 * agree on their encryption. Further ones are closed at once. Rejects where the address cannot be used.
 */
export async function listenFor(server: Server, { listen, tls, limits }: ListenOptions): Promise<Listening> {
  // What comes out of TLS is handed over as it is, so gRPC is told of no encryption.
  const grpc = server.createConnectionInjector(ServerCredentials.createInsecure());
  const take = (socket: Socket) => {
    // A connection that breaks is its client's matter, and gRPC hears of it by itself.
    socket.on('error', () => undefined);
    grpc.injectConnection(socket);
  };
  const listener = tls ? listenerWithTls(tls, limits, take) : createServer({ noDelay: true }, take);
  listener.maxConnections = limits.connections;
  await listening(listener, listen);
  return { port: (listener.address() as AddressInfo).port, stop: () => void listener.close() };
}

function listenerWithTls({ cert, key }: Certificate, limits: Limits, take: (socket: Socket) => void): Listener {
  const handshake = { ALPNProtocols: ['h2'], handshakeTimeout: limits.handshakeMs };
  const listener = createTlsServer({ cert, key, noDelay: true, ...handshake }, take);
  // Node tells of a handshake that has failed or takes too long, and leaves the connection open.
  return listener.on('tlsClientError', (_error, socket) => void socket.destroy());
}

function listening(listener: Listener, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(address, () => {
      listener.off('error', reject);
      resolve();
    });
  });
}
