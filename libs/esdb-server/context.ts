import type { EventStore } from '#event-store';
import type { SystemStreams } from './system-streams.js';

export interface Limits {
  readonly connections: number;
  /** Calls under way on one connection; further ones wait at the client. */
  readonly connectionCalls: number;
  /** After it a connection without a call is closed, in milliseconds. */
  readonly idleMs: number;
  /** How long a connection may take to agree on its encryption, in milliseconds. */
  readonly handshakeMs: number;
  /** Requests of which only a part has arrived. Each may hold the 64 KiB that HTTP/2 lets a client send ahead. */
  readonly arriving: number;
  /** How long a request may take to arrive, in milliseconds. */
  readonly arrivalMs: number;
  /** Bytes of one message that a client may send. */
  readonly messageBytes: number;
  /** Bytes of data, and likewise of metadata and of everything else, that one append may hold while it is gathered. */
  readonly appendBytes: number;
  /** Calls under way, subscriptions among them. */
  readonly calls: number;
  readonly subscriptions: number;
  /** Appends under way on one BatchAppend call; beyond it the call is not read. */
  readonly batchedAppends: number;
  /** Appends of which one BatchAppend call has sent a part. */
  readonly openAppends: number;
  /** Between two looks at whether the password of a long call still holds, in milliseconds. */
  readonly reverifyMs: number;
  /** How long `close` waits for calls under way, in milliseconds. */
  readonly closeMs: number;
}

/** A message may be as large as EventStoreDB's own; an append as large as the embedded store's. */
export const DEFAULT_LIMITS: Limits = {
  connections: 250,
  connectionCalls: 100,
  idleMs: 300_000,
  handshakeMs: 10_000,
  arriving: 250,
  arrivalMs: 10_000,
  messageBytes: 17 * 1024 * 1024,
  appendBytes: 1024 * 1024,
  calls: 2_000,
  subscriptions: 500,
  batchedAppends: 1_024,
  openAppends: 64,
  reverifyMs: 30_000,
  closeMs: 5_000,
};

/** The requests of readers are short. */
export const READ_ONLY_LIMITS = { messageBytes: 16 * 1024 } as const;

/** What every call works on. */
export interface Context {
  readonly store: EventStore;
  readonly system: SystemStreams;
  readonly writable: boolean;
  readonly limits: Limits;
}
