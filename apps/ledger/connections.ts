import type { Server, Socket } from 'node:net';

/** What the metrics say of the connections of a server. */
export interface Connections {
  readonly open: number;
  /** Closed at once since the start, there being as many as there may be. */
  readonly refused: number;
  /** Ends all of them, whatever is under way. */
  destroy(): void;
}

/**
 * The connections of a server, as they come and go. The server itself knows none over which TLS has not been agreed upon
 * yet: it cannot be told to end those, and would wait for them when it closes. Further ones than `max` are closed at once,
 * before anything was read of them; `onRefused` may make room for the next one.
 */
export function connectionsOf(server: Server, max: number, onRefused: () => void = () => undefined): Connections {
  const connections = new Set<Socket>();
  let refused = 0;
  server.maxConnections = max;
  server.on('drop', () => {
    refused += 1;
    onRefused();
  });
  server.on('connection', (connection: Socket) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });
  return {
    get open() {
      return connections.size;
    },
    get refused() {
      return refused;
    },
    destroy: () => connections.forEach((connection) => connection.destroy()),
  };
}
