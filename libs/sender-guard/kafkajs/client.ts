import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { Kafka, logLevel, type ISocketFactoryArgs, type SASLOptions } from 'kafkajs';

export interface KafkaOptions {
  /** Each `host:port`. */
  readonly brokers: readonly string[];
  /** Set where the brokers are spoken to over TLS: `true`, or Node's options of a TLS connection. */
  readonly tls?: ConnectionOptions | true | undefined;
  readonly sasl?: SASLOptions | undefined;
  /** By which the brokers know this process; also the beginning of the names of its consumer groups. */
  readonly clientId?: string | undefined;
}

export const CLIENT_ID = 'consent-ledger-guard';

/** What a broker must answer within: so late is silent packet loss noticed. */
const REQUEST_TIMEOUT_MS = 3_000;
const CONNECTION_TIMEOUT_MS = 1_000;
const KEEP_ALIVE_MS = 30_000;

/**
 * Always explicit, since kafkajs has other defaults under `NODE_ENV=test`; and few, since the guard itself tries again
 * without end and must hear that something is wrong.
 */
export const RETRY = { initialRetryTime: 50, maxRetryTime: 500, factor: 0.2, multiplier: 2, retries: 3 };

/**
 * One kafkajs client and its sockets. Once told to disconnect kafkajs may wait for as long as a broker is away, so its
 * sockets can be given up from outside.
 */
export class Client {
  readonly kafka: Kafka;
  readonly #sockets = new Set<Socket>();
  #isClosed = false;

  constructor({ brokers, tls, sasl, clientId = CLIENT_ID }: KafkaOptions) {
    this.kafka = new Kafka({
      brokers: [...brokers],
      clientId,
      ...(tls ? { ssl: tls } : {}),
      ...(sasl ? { sasl } : {}),
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      authenticationTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: RETRY,
      socketFactory: (args) => this.#open(args),
      logLevel: logLevel.NOTHING,
      // What matters of it reaches the sender as the guard's state and problem.
      logCreator: () => () => undefined,
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of this.#sockets) socket.destroy(new Error('the client is closed'));
  }

  #open(args: ISocketFactoryArgs): Socket {
    if (this.#isClosed) throw new Error('the client is closed');
    const socket = dial(args).setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}

/** kafkajs hands over null where there is no TLS, whatever its types say. */
function dial({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
  const secure = ssl as ISocketFactoryArgs['ssl'] | null | undefined;
  if (!secure) return connect({ host, port }, onConnect);
  return connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...secure }, onConnect);
}
