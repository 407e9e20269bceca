import type { Server, Socket } from 'node:net';

/**
 * The connections of a server, as they come and go. The server itself knows none over which TLS has not been agreed upon
 * yet: it cannot be told to end those, and would wait for them when it closes.
 */
export function connectionsOf(server: Server): ReadonlySet<Socket> {
  const connections = new Set<Socket>();
  server.on('connection', (connection: Socket) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });
  return connections;
}
