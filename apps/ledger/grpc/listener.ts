import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { ServerCredentials, type Server } from '@grpc/grpc-js';
import type { Config } from '#platform';
import { connectionsOf, type Connections } from '../connections.js';

/** Where callers of gRPC connect. */
export interface Listener {
  readonly connections: Connections;
  /** Resolves with the port that was bound; rejects where it is taken. */
  listen(at: { readonly host: string; readonly port: number }): Promise<number>;
  /** Lets nobody in any more. Idempotent. */
  close(): void;
}

/** grpc-js would listen by itself, and take any number of connections: they are handed over to it one by one instead. */
export function listenerOf(server: Server, { tls, limits }: Pick<Config, 'tls' | 'limits'>): Listener {
  const credentials = tls
    ? ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }])
    : ServerCredentials.createInsecure();
  const injector = server.createConnectionInjector(credentials);
  const listening = createServer({ noDelay: true }, (connection) => {
    // Whoever hangs up before it is spoken to must not be an error that nobody hears.
    connection.on('error', () => undefined);
    injector.injectConnection(connection);
  });
  return {
    connections: connectionsOf(listening, limits.connectionsMax),
    listen: async ({ host, port }) => {
      listening.listen(port, host);
      await once(listening, 'listening');
      return (listening.address() as AddressInfo).port;
    },
    close: () => void listening.close(),
  };
}
