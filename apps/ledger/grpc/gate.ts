import { randomUUID } from 'node:crypto';
import {
  ServerInterceptingCall,
  ServerListenerBuilder,
  type Metadata,
  type ServerInterceptor,
  type ServerListener,
} from '@grpc/grpc-js';
import { ERRORS, Refusal } from '#platform';
import type { Authenticator, Principal } from '../authenticate.js';
import { InWork } from './in-work.js';
import { SERVED_BY_PATH, type Place, type ServedMethod } from './methods.js';
import { statusOf } from './status.js';

/** A call that was let in. */
export interface Entry {
  readonly principal: Principal;
  /** By `performance.now()`. */
  readonly sinceMs: number;
  /** To be called at the end of its work: the call itself stays open for as long as its caller takes no answer. */
  readonly leave: () => void;
}

export interface GateOptions {
  readonly authenticator: Authenticator;
  /** How many calls of each kind there may be at once. */
  readonly places: Readonly<Record<Place, number>>;
  /** How long a request may take to arrive whole, in milliseconds. */
  readonly arrivalMs: number;
  /** Told of calls that were turned away here. */
  readonly onRefused: (path: string, code: number) => void;
}

/** How often is looked for requests that do not arrive. */
const LOOK_MS = 1_000;
/** Streams of health and reflection: whoever opens them has named no key. */
const STRANGERS_MAX = 20;
const UNKNOWN = 'none';

/**
 * Stands before every method: a stranger is turned away, and an overload answered, before a message is read. A caller
 * whose key is remembered costs a look-up in a map and no promise.
 */
export class Gate {
  private readonly places: Readonly<Record<Place, InWork>>;
  private readonly strangers = new InWork(STRANGERS_MAX);
  private readonly entries = new WeakMap<Metadata, Entry>();
  /** Calls whose one message is awaited, the oldest first. */
  private readonly arriving = new Map<ServerInterceptingCall, number>();
  private readonly looking = setInterval(() => this.endOverdue(), LOOK_MS).unref();

  constructor(private readonly options: GateOptions) {
    const { work, filter, watch } = options.places;
    this.places = { work: new InWork(work), filter: new InWork(filter), watch: new InWork(watch) };
  }

  readonly interceptor: ServerInterceptor = (asked, next) => {
    const method = SERVED_BY_PATH.get(asked.path);
    const call: ServerInterceptingCall = new ServerInterceptingCall(next, {
      start: (begin) => begin(method ? this.admit(call, method, asked.requestStream) : this.admitStranger(call, asked)),
    });
    return call;
  };

  /** For the handler of a call that came through. */
  entryOf(metadata: Metadata): Entry {
    const entry = this.entries.get(metadata);
    if (!entry) throw new Error('a call reached its handler and not the gate');
    return entry;
  }

  get inWork(): number {
    const { work, filter, watch } = this.places;
    return work.size + filter.size + watch.size + this.strangers.size;
  }

  close(): void {
    clearInterval(this.looking);
  }

  private admit(call: ServerInterceptingCall, method: ServedMethod, isStream: boolean): ServerListener {
    const sinceMs = performance.now();
    let leave: (() => void) | undefined;
    const admit = (principal: Principal, metadata: Metadata, proceed: (metadata: Metadata) => void) => {
      this.entries.set(metadata, { principal, sinceMs, leave: () => leave?.() });
      proceed(metadata);
    };
    const refuse = (error: unknown) => this.refuse(call, method.path, error);
    return new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, proceed) => {
        leave = this.places[method.place ?? 'work'].enter(method.revocation);
        if (!leave) return refuse(overloaded());
        if (!isStream) this.arriving.set(call, sinceMs);
        const { authenticator } = this.options;
        const authorization = authorizationIn(metadata);
        const remembered = authenticator.remembered(authorization);
        if (remembered) return admit(remembered, metadata, proceed);
        void authenticator.principalOf(authorization).then((one) => admit(one, metadata, proceed), refuse);
      })
      .withOnReceiveHalfClose((proceed) => {
        this.arriving.delete(call);
        proceed();
      })
      .withOnCancel(() => {
        // Said of every call once it is over: answered, or left by its caller.
        this.arriving.delete(call);
        leave?.();
      })
      .build();
  }

  /** One question and one answer always find room: a cluster that is not told how this process is would end it. */
  private admitStranger(call: ServerInterceptingCall, { requestStream, responseStream }: Kind): ServerListener {
    let leave: (() => void) | undefined;
    return new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, proceed) => {
        const isStream = requestStream || responseStream;
        leave = isStream ? this.strangers.enter() : undefined;
        if (isStream && !leave) return this.refuse(call, UNKNOWN, overloaded());
        if (!requestStream) this.arriving.set(call, performance.now());
        proceed(metadata);
      })
      .withOnReceiveHalfClose((proceed) => {
        this.arriving.delete(call);
        proceed();
      })
      .withOnCancel(() => {
        this.arriving.delete(call);
        leave?.();
      })
      .build();
  }

  private refuse(call: ServerInterceptingCall, path: string, error: unknown): void {
    const status = statusOf(error, randomUUID());
    this.options.onRefused(path, status.code);
    call.sendStatus(status);
  }

  private endOverdue(): void {
    const overdue = performance.now() - this.options.arrivalMs;
    for (const [call, sinceMs] of this.arriving) {
      if (sinceMs > overdue) return;
      this.arriving.delete(call);
      // To be sent again: the network may have been slow, and an opt-out is not to be lost for it.
      this.refuse(call, UNKNOWN, overloaded('The message did not arrive whole in time; send it again.'));
    }
  }
}

type Kind = Pick<Parameters<ServerInterceptor>[0], 'requestStream' | 'responseStream'>;

export function authorizationIn(metadata: Metadata): string | undefined {
  const [value] = metadata.get('authorization');
  return typeof value === 'string' ? value : undefined;
}

function overloaded(detail: string = ERRORS.OVERLOADED.title): Refusal {
  return new Refusal('OVERLOADED', detail, { retryAfterMs: 1_000 });
}
