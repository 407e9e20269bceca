import { Client, Metadata, credentials, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { ledgerErrorOf } from './errors.js';

export interface ConnectionOptions {
  /** `host:port`. */
  readonly address: string;
  /** A key of the business. */
  readonly key: string;
  /** Certificates (PEM) that the ledger's is signed by; `'system'` for those that Node trusts. Absent: no TLS. */
  readonly tls?: 'system' | { readonly ca: Buffer };
}

const asBytes = (bytes: Buffer): Buffer => bytes;

/** One connection, and the key on every call. */
export class Connection {
  private readonly client: Client;

  constructor(private readonly options: ConnectionOptions) {
    this.client = new Client(options.address, channelOf(options), { 'grpc.keepalive_time_ms': 30_000 });
  }

  unary(path: string, message: Buffer, deadline: number, metadata: Readonly<Record<string, string>>): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const answered = (error: ServiceError | null, answer?: Buffer) =>
        error ? reject(ledgerErrorOf(error)) : resolve(answer ?? Buffer.alloc(0));
      this.client.makeUnaryRequest(path, asBytes, asBytes, message, this.metadata(metadata), { deadline }, answered);
    });
  }

  bidi(path: string) {
    return this.client.makeBidiStreamRequest(path, asBytes, asBytes, this.metadata());
  }

  serverStream(path: string, message: Buffer) {
    return this.client.makeServerStreamRequest(path, asBytes, asBytes, message, this.metadata());
  }

  close(): void {
    this.client.close();
  }

  private metadata(more: Readonly<Record<string, string>> = {}): Metadata {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${this.options.key}`);
    for (const [name, value] of Object.entries(more)) metadata.set(name, value);
    return metadata;
  }
}

function channelOf({ tls }: ConnectionOptions): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return tls === 'system' ? credentials.createSsl() : credentials.createSsl(tls.ca);
}
