import { fileURLToPath } from 'node:url';
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type CallOptions,
  type ChannelCredentials,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { decodeStatus, STATUS_KEY, type StatusDetails } from '#grpc-messages';

export type Json = Readonly<Record<string, unknown>>;

const INCLUDED = [fileURLToPath(new URL('../../libs/contracts/proto', import.meta.url))];
const FILES = ['eligibility_service', 'consent_service', 'change_service'].map(
  (name) => `consentledger/v1/${name}.proto`,
);

/** The contract as any user of gRPC reads it: none of our own bytes are on this side of the wire. */
const contract = loadPackageDefinition(loadSync(FILES, { includeDirs: INCLUDED, longs: Number, oneofs: false }));
const { v1 } = contract.consentledger as unknown as { v1: Readonly<Record<string, StubClass>> };

type Callback = (error: ServiceError | null, answer?: Json) => void;
type Stub = Readonly<Record<string, (...parameters: readonly unknown[]) => unknown>> & { close(): void };
type StubClass = new (address: string, channel: ChannelCredentials, options?: Json) => Stub;

export interface GrpcAnswer {
  /** `OK`, or the code of the contract that the status carries. */
  readonly code: string;
  /** gRPC's own number. */
  readonly grpc: number;
  readonly details: StatusDetails;
  readonly body: Json;
  readonly trailer: Metadata;
}

export interface Reach {
  readonly port: number;
  readonly key: string;
}

export type Method = 'Check' | 'CheckBatch' | 'Grant' | 'Revoke' | 'RecordMessage';

export interface CallExtras {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly options?: CallOptions;
}

/** A plain client of the service; every open one is to be closed. */
export class GrpcClient {
  private readonly eligibility: Stub;
  private readonly consent: Stub;
  private readonly changes: Stub;

  constructor({ port, key }: Reach, channel: ChannelCredentials = credentials.createInsecure(), options: Json = {}) {
    this.key = key;
    const stub = (name: string) => new (v1[name] as StubClass)(`localhost:${port}`, channel, { ...SHARED, ...options });
    this.eligibility = stub('EligibilityService');
    this.consent = stub('ConsentService');
    this.changes = stub('ChangeService');
  }

  private readonly key: string;

  call(method: Method, request: Json, extras: CallExtras = {}): Promise<GrpcAnswer> {
    return this.started(method, request, extras).answered;
  }

  /** The call, to be cancelled, and its answer. */
  started(method: Method, request: Json, { metadata = {}, options = {} }: CallExtras = {}) {
    const stub = method.startsWith('Check') ? this.eligibility : this.consent;
    let trailer = new Metadata();
    let cancel = () => {};
    const answered = new Promise<GrpcAnswer>((resolve) => {
      let outcome: [ServiceError | null, Json | undefined] | undefined;
      const settle = () => outcome && resolve(answerOf(outcome[0], outcome[1], trailer));
      const callback: Callback = (error, answer) => {
        outcome = [error, answer];
        if (error) settle();
      };
      const call = stub[method]?.(request, this.metadata(metadata), options, callback) as {
        on(event: 'status', listener: (status: { metadata: Metadata }) => void): void;
        cancel(): void;
      };
      cancel = () => call.cancel();
      call.on('status', (status) => {
        trailer = status.metadata;
        settle();
      });
    });
    return { answered, cancel: () => cancel() };
  }

  filter(options: CallOptions = {}): ClientDuplexStream<Json, Json> {
    return this.eligibility.Filter?.(this.metadata({}), options) as ClientDuplexStream<Json, Json>;
  }

  watch(request: Json, options: CallOptions = {}): ClientReadableStream<Json> {
    return this.changes.Watch?.(request, this.metadata({}), options) as ClientReadableStream<Json>;
  }

  close(): void {
    this.changes.close();
    this.eligibility.close();
    this.consent.close();
  }

  private metadata(more: Readonly<Record<string, string>>): Metadata {
    const metadata = new Metadata();
    if (this.key !== '') metadata.set('authorization', `Bearer ${this.key}`);
    for (const [name, value] of Object.entries(more)) metadata.set(name, value);
    return metadata;
  }
}

/** Each client has a connection of its own, so that closing one closes nothing of another. */
const SHARED = { 'grpc.use_local_subchannel_pool': 1 };

function answerOf(error: ServiceError | null, body: Json | undefined, trailer: Metadata): GrpcAnswer {
  if (!error) return { code: 'OK', grpc: 0, details: {}, body: plain(body ?? {}) as Json, trailer };
  const details = detailsOf(error);
  return { code: details.reason ?? `gRPC ${error.code}`, grpc: error.code, details, body: {}, trailer: error.metadata };
}

export function detailsOf(error: ServiceError): StatusDetails {
  const [bytes] = error.metadata.get(STATUS_KEY);
  return bytes instanceof Buffer ? decodeStatus(bytes).details : {};
}

/** Timestamps as instants, and without what is not there. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const { seconds, nanos = 0 } = value as { seconds?: number; nanos?: number };
  if (seconds !== undefined) return new Date(seconds * 1_000 + nanos / 1_000_000).toISOString();
  const entries = Object.entries(value).filter(([, member]) => member !== '' && member !== null);
  return Object.fromEntries(entries.map(([name, member]) => [name, plain(member)]));
}

/** An instant as the contract writes it. */
export function timestamp(instant: string) {
  const ms = Date.parse(instant);
  return { seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1_000_000 };
}
