import { Client, Metadata, credentials, status, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { ledgerErrorOf, ownError } from './errors.js';

export interface ConnectionOptions {
  /** `host:port`. */
  readonly address: string;
  /** A key of the business. */
  readonly key: string;
  /** Certificates (PEM) that the ledger's is signed by; `'system'` for those that Node trusts. Absent: no TLS. */
  readonly tls?: 'system' | { readonly ca: Buffer };
}

const asBytes = (bytes: Buffer): Buffer => bytes;

/** As a header carries it. */
const CARRIED = /^[\x21-\x7e]*$/;

/**
 * What is awaited is heard of within a minute also where the network drops everything. A service that was away for an
 * hour is found within a second of its return: by default gRPC would look for it every two minutes by then, and fail
 * every call in between.
 */
const SETTINGS = {
  // By default 4 MiB: less than 10,000 decisions may take, which a service can be set to answer at once.
  'grpc.max_receive_message_length': 32 * 1_048_576,
  'grpc.keepalive_time_ms': 30_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
};

/** One connection, and the key on every call. */
export class Connection {
  private readonly client: Client;
  private readonly authorization: string;
  private isClosed = false;

  /** Throws a `RangeError` for a key that no header carries, and never says it. */
  constructor(options: ConnectionOptions) {
    // Whoever reads it from a file has the end of its line too.
    const key = options.key.trim();
    if (!CARRIED.test(key)) throw new RangeError('key: visible ASCII characters alone');
    this.authorization = `Bearer ${key}`;
    this.client = new Client(options.address, channelOf(options), SETTINGS);
  }

  unary(path: string, message: Buffer, deadline: number, metadata: Readonly<Record<string, string>>): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const answered = (error: ServiceError | null, answer?: Buffer) =>
        error ? reject(ledgerErrorOf(error)) : resolve(answer ?? Buffer.alloc(0));
      this.open().makeUnaryRequest(path, asBytes, asBytes, message, this.metadata(metadata), { deadline }, answered);
    });
  }

  bidi(path: string) {
    return this.open().makeBidiStreamRequest(path, asBytes, asBytes, this.metadata());
  }

  serverStream(path: string, message: Buffer) {
    return this.open().makeServerStreamRequest(path, asBytes, asBytes, message, this.metadata());
  }

  close(): void {
    this.isClosed = true;
    this.client.close();
  }

  private open(): Client {
    if (this.isClosed) throw ownError(status.CANCELLED, 'the client is closed');
    return this.client;
  }

  private metadata(more: Readonly<Record<string, string>> = {}): Metadata {
    const metadata = new Metadata();
    metadata.set('authorization', this.authorization);
    for (const [name, value] of Object.entries(more)) metadata.set(name, value);
    return metadata;
  }
}

function channelOf({ tls }: ConnectionOptions): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return tls === 'system' ? credentials.createSsl() : credentials.createSsl(tls.ca);
}
