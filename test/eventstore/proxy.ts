import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export type ProxyMode =
  | { readonly kind: 'pass' }
  /** Every chunk arrives later, each way, in milliseconds. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Nothing arrives, nothing is refused, and what was open stays so for good. */
  | { readonly kind: 'drop' }
  /** Connections are closed as soon as they are made. */
  | { readonly kind: 'refuse' };

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** A connection that was silent once has lost bytes, and is never good again. */
  dropped: boolean;
}

/** Stands between client and server and does to their bytes what bad networks do. */
export class TcpProxy {
  private readonly pairs = new Set<Pair>();
  private mode: ProxyMode = { kind: 'pass' };
  private accepted = 0;
  private readonly listener: Server;

  private constructor(private readonly targetPort: () => number) {
    this.listener = createServer((client) => this.accept(client));
  }

  static async before(target: { readonly port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(() => target.port);
    proxy.listener.listen(0, '127.0.0.1');
    await once(proxy.listener, 'listening');
    return proxy;
  }

  get url(): string {
    return `esdb://127.0.0.1:${(this.listener.address() as AddressInfo).port}?tls=false`;
  }

  /** Connections since the beginning. */
  get connections(): number {
    return this.accepted;
  }

  /** Connections that the client still holds. */
  get open(): number {
    return [...this.pairs].filter(({ client }) => !client.destroyed).length;
  }

  set(mode: ProxyMode): void {
    this.mode = mode;
    if (mode.kind === 'drop') for (const pair of this.pairs) pair.dropped = true;
  }

  /** Ends every connection with a reset. */
  reset(): void {
    for (const { client, server } of this.pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Lets the first bytes of the next answer through and then ends the connection in the middle of a frame. */
  cut(bytes: number): void {
    for (const { client, server } of this.pairs) {
      server.removeAllListeners('data');
      server.once('data', (chunk: Buffer) => {
        client.write(chunk.subarray(0, bytes));
        client.end();
        server.destroy();
      });
    }
  }

  async close(): Promise<void> {
    this.listener.close();
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
    await once(this.listener, 'close');
  }

  private accept(client: Socket): void {
    this.accepted += 1;
    if (this.mode.kind === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.targetPort(), '127.0.0.1');
    const pair: Pair = { client, server, dropped: this.mode.kind === 'drop' };
    this.pairs.add(pair);
    this.relay(pair, client, server);
    this.relay(pair, server, client);
  }

  private relay(pair: Pair, from: Socket, to: Socket): void {
    let written = Promise.resolve();
    from.setNoDelay(true);
    from.on('data', (chunk: Buffer) => {
      const delayMs = this.mode.kind === 'delay' ? this.mode.ms : 0;
      const due = delayMs === 0 ? written : Promise.all([written, pause(delayMs)]);
      written = due.then(() => void (pair.dropped || to.destroyed || to.write(chunk)));
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      if (!pair.dropped) to.destroy();
      if (pair.client.destroyed && pair.server.destroyed) this.pairs.delete(pair);
    });
  }
}
