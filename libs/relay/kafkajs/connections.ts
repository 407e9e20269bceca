import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactoryArgs } from 'kafkajs';

const KEEP_ALIVE_MS = 30_000;

/**
 * The sockets of one kafkajs object. kafkajs goes on using a connection that has gone silent, and once told to
 * disconnect it may wait, connect anew and send again for as long as a broker is away: here its sockets can be given up,
 * for now or for good.
 */
export class Connections {
  private readonly sockets = new Set<Socket>();
  private shut = false;

  get isShut(): boolean {
    return this.shut;
  }

  /** kafkajs's `socketFactory`; without Nagle's delay, since every record is waited for. */
  readonly open = (args: ISocketFactoryArgs): Socket => {
    if (this.shut) throw new Error('the client is closed');
    const socket = dial(args).setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    return socket;
  };

  /** Ends every connection; kafkajs makes new ones at the next request. */
  reset(): void {
    for (const socket of this.sockets) socket.destroy(new Error('the connection was given up'));
  }

  /** Ends every connection and lets no new one be made: nothing is sent any more. */
  close(): void {
    this.shut = true;
    this.reset();
  }
}

/** kafkajs hands over null where there is no TLS, whatever its types say. */
function dial({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
  const secure = ssl as ISocketFactoryArgs['ssl'] | null | undefined;
  if (!secure) return connect({ host, port }, onConnect);
  return connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...secure }, onConnect);
}
