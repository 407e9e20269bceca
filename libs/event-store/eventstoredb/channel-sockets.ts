import type { Socket } from 'node:net';
import type { Client } from '@grpc/grpc-js';
import { Peer } from './peer.js';

interface SecureConnector {
  connect(socket: Socket): Promise<unknown>;
  waitForReady(): Promise<void>;
  getCallCredentials(): unknown;
  destroy(): void;
}

/** Where grpc-js makes the second half of a connection out of the first, in the version that package.json pins. */
interface ChannelParts {
  readonly internalChannel: {
    readonly credentials: { _createSecureConnector(...terms: readonly unknown[]): SecureConnector };
  };
}

/**
 * The sockets of a client's channels. A channel that is closed while a peer has taken the connection and says nothing
 * keeps its socket for ever: a stopped process, or a network that loses every packet, would cost one socket per attempt.
 */
export class ChannelSockets {
  private readonly sockets = new Set<Socket>();
  private readonly seen = new WeakSet();
  private current = new Peer();

  /** Another one as soon as the socket is another, which a channel replaces without a word. */
  get peer(): Peer {
    return this.current;
  }

  /** Must be called before the first call of the client, which is what makes it connect. */
  follow(client: Client): void {
    const { credentials } = (client.getChannel() as unknown as ChannelParts).internalChannel;
    if (this.seen.has(credentials)) return;
    this.seen.add(credentials);
    const make = credentials._createSecureConnector.bind(credentials);
    credentials._createSecureConnector = (...terms) => this.following(make(...terms));
  }

  destroy(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private add(socket: Socket): void {
    // Until there is a first socket, calls wait for it: they and those who come later have one and the same peer.
    if (this.sockets.size > 0) this.current = new Peer();
    this.sockets.add(socket);
    socket.once('close', () => {
      this.sockets.delete(socket);
      this.current = new Peer();
    });
  }

  private following(connector: SecureConnector): SecureConnector {
    return {
      connect: (socket) => {
        this.add(socket);
        return connector.connect(socket);
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  }
}
