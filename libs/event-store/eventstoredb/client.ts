/** The one file that knows the client, so that it can be replaced. */
import { EventStoreDBClient } from '@eventstore/db-client';
import {
  Client,
  type CallOptions,
  type Channel,
  type ClientDuplexStream,
  type ClientReadableStream,
  type Metadata,
} from '@grpc/grpc-js';
import { ChannelSockets } from './channel-sockets.js';
import type { Peer } from './peer.js';

export type ReadCall = ClientReadableStream<Buffer>;
export type BatchAppendCall = ClientDuplexStream<Buffer, Buffer>;

/** A call, and who had the other end of the connection when it was begun. */
export interface Begun<Call> {
  readonly call: Call;
  readonly peer: Peer;
}

/** What the client's own calls are made of: properties of every instance, protected by their types alone. */
interface ClientParts {
  getGRPCClient(kind: typeof Client, name: string): Promise<Client>;
  getChannel(): Promise<Channel>;
  callArguments(base: { requiresLeader: boolean }, options: { deadline: number }): [Metadata, CallOptions];
  handleError(client: Client, error: Error): Promise<void>;
}

const SERVICE = '/event_store.client.streams.Streams';
const KEEP_ALIVE_MS = 10_000;
const asIs = (bytes: Buffer) => bytes;

/** The client prints the whole string, password included, where it meets an option that it does not know. */
const OPTIONS = new Set(
  [
    'tls tlsCAFile userCertFile userKeyFile nodePreference maxDiscoverAttempts discoveryInterval gossipTimeout',
    'connectionName defaultDeadline throwOnAppendFailure keepAliveInterval keepAliveTimeout',
  ]
    .join(' ')
    .toLowerCase()
    .split(' '),
);

/**
 * One client of EventStoreDB: its reading of connection strings, its credentials and TLS, its discovery of the leader,
 * its channel. The calls are made here, on that channel and with bytes, because the client's own
 * - keep all pending appends of a process in one map, which any failing connection empties, so that answers that come
 *   later throw where nobody can catch them;
 * - write JSON anew instead of keeping its bytes, and know no time-out of a call;
 * - ask for the server's capabilities and remember a failure for ever;
 * - fail every append where the clocks differ by more than the deadline;
 * - leave calls open when a reader stops early, and reject where nobody listens when discovery fails.
 *
 * Every call asks for the leader: only that knows what is committed, and a follower's head would prove nothing.
 */
export class EsdbClient {
  private readonly parts: ClientParts;
  private grpc: Client | undefined;
  private readonly sockets = new ChannelSockets();
  private closed = false;

  /**
   * Throws as `checkConnectionString` does. Channels of one process share a connection and its growing pauses, up to two
   * minutes, unless an option differs: `turn` makes the time between pings differ.
   */
  constructor(url: string, turn: number) {
    const separator = url.includes('?') ? '&' : '?';
    const given = /[?&]keepAliveInterval=(-?\d+)/i.exec(url)?.[1];
    const keepAliveMs = given === undefined ? KEEP_ALIVE_MS : Number(given);
    const interval = keepAliveMs < 0 ? '' : `${separator}keepAliveInterval=${keepAliveMs + (turn % 1_000)}`;
    this.parts = made(url + interval) as unknown as ClientParts;
  }

  get peer(): Peer {
    return this.sockets.peer;
  }

  async read(request: Buffer): Promise<Begun<ReadCall>> {
    const client = await this.channelClient();
    const { peer } = this;
    return { call: client.makeServerStreamRequest(`${SERVICE}/Read`, asIs, asIs, request, ...this.arguments()), peer };
  }

  async batchAppend(): Promise<Begun<BatchAppendCall>> {
    const client = await this.channelClient();
    const { peer } = this;
    return { call: client.makeBidiStreamRequest(`${SERVICE}/BatchAppend`, asIs, asIs, ...this.arguments()), peer };
  }

  /** After an answer that names the leader: the next call goes there. */
  async followLeader(error: Error): Promise<void> {
    if (this.grpc) await this.parts.handleError(this.grpc, error).catch(() => undefined);
  }

  /** Calls that are still open must have been cancelled. A channel that is only being made is closed when it is there. */
  close(): void {
    this.closed = true;
    this.grpc?.close();
    this.sockets.destroy();
  }

  private async channelClient(): Promise<Client> {
    this.grpc = await this.parts.getGRPCClient(Client, 'ledger');
    this.sockets.follow(this.grpc);
    if (this.closed) this.close();
    return this.grpc;
  }

  private arguments(): [Metadata, CallOptions] {
    return this.parts.callArguments({ requiresLeader: true }, { deadline: Infinity });
  }
}

/** Throws a `RangeError` where the connection string cannot be read, or names a file that is not there. */
export function checkConnectionString(url: string): void {
  made(url);
}

function made(url: string): EventStoreDBClient {
  if (!optionsIn(url).every((name) => OPTIONS.has(name))) {
    throw new RangeError('the connection string of EventStoreDB has an option that is not known');
  }
  try {
    return EventStoreDBClient.connectionString(url);
  } catch (error) {
    const missing = error instanceof Error && error.message.startsWith('Failed to load certificate');
    throw new RangeError(
      missing
        ? 'a certificate file that the connection string of EventStoreDB names is missing'
        : 'the connection string of EventStoreDB cannot be read; it begins with esdb:// or esdb+discover://',
    );
  }
}

/** Their names in small letters. A password may hold every character but `@`. */
function optionsIn(url: string): string[] {
  const afterPassword = url.replace(/^[^:]+:\/\/(?:[^:]+:[^@]+@)?/, '');
  const [, ...options] = afterPassword.split(/[?&]/);
  return options.map((option) => option.replace(/=.*/, '').trim().toLowerCase().replace(/[_-]/g, ''));
}
