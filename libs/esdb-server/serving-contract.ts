import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, ClientReadableStream } from '@grpc/grpc-js';
import { EventStoreDBClient } from '@eventstore/db-client';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { openSqliteStore, type NewEvent, type SqliteStore } from '#event-store';
import { encoded, type ProtoWriter } from '#protobuf';
import { serveEventStore, type EventStoreServer, type ServeEventStoreOptions } from './server.js';

let made = 0;

/** Events with ids that count up, so that a failing run can be read. */
export function anEvent(type = 'ConsentGranted', text = 'x'): NewEvent {
  made += 1;
  const id = `00000000-0000-4000-8000-${String(made).padStart(12, '0')}`;
  const metadata = Buffer.from(JSON.stringify({ recordedAt: '2026-01-02T03:04:05.678Z' }));
  return { id, type, data: Buffer.from(JSON.stringify({ text })), metadata };
}

/** A served ledger in a directory of its own, and the official client. */
export class Serving {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'esdb-server-'));
  readonly mistakes: unknown[] = [];
  private readonly clients: EventStoreDBClient[] = [];
  private opened: { store: SqliteStore; server: EventStoreServer } | undefined;

  get store(): SqliteStore {
    return this.current.store;
  }

  get server(): EventStoreServer {
    return this.current.server;
  }

  get address(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  async start(options: Partial<ServeEventStoreOptions> = {}): Promise<void> {
    const store = await openSqliteStore({ dataDir: this.dataDir, diskReserveMb: 1 });
    const listen = { host: '127.0.0.1', port: 0 };
    const onError = (error: unknown) => void this.mistakes.push(error);
    const server = await serveEventStore({ store, listen, writable: true, dataDir: this.dataDir, onError, ...options });
    this.opened = { store, server };
  }

  client(settings = 'tls=false', user = ''): EventStoreDBClient {
    const client = EventStoreDBClient.connectionString(`esdb://${user}${this.address}?${settings}`);
    this.clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.splice(0).map((client) => client.dispose()));
    await this.server.close();
    await this.store.close();
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true });
  }

  private get current() {
    if (!this.opened) throw new Error('nothing is served');
    return this.opened;
  }
}

export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

export type Filter = (filter: ProtoWriter) => unknown;

const prefixes = (field: number, names: readonly string[]) => (filter: ProtoWriter) =>
  filter.message(field, (one) => names.forEach((name) => one.string(2, name)));
export const byStream = (...names: readonly string[]): Filter => prefixes(1, names);
export const byType = (...names: readonly string[]): Filter => prefixes(2, names);
export const byStreamRegex = (regex: string) => (filter: ProtoWriter) =>
  filter.message(1, (one) => one.string(1, regex));
export const byTypeRegex = (regex: string) => (filter: ProtoWriter) => filter.message(2, (one) => one.string(1, regex));

/** A filtered read of so many; yields positions. The official client offers no filter there, so it is made by hand. */
export function readByHand(
  channel: Client,
  filter: Filter,
  { backwards, count }: { readonly backwards: boolean; readonly count: number },
): ClientReadableStream<number> {
  const request = encoded((message) =>
    message.message(1, (options) => {
      options.message(2, (place) => place.empty(backwards ? 3 : 2));
      options
        .uint(3, backwards ? 1 : 0)
        .uint(5, count)
        .message(7, filter);
    }),
  );
  const reply = (bytes: Buffer) => Number(streams.ReadResp.deserializeBinary(bytes).getEvent()?.getCommitPosition());
  const path = '/event_store.client.streams.Streams/Read';
  return channel.makeServerStreamRequest(path, (bytes: Buffer) => bytes, reply, request);
}
