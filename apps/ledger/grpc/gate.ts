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
import { SERVED_BY_PATH, type ServedMethod } from './methods.js';
import { statusOf } from './status.js';

/** A call that was let in. */
export interface Entry {
  readonly principal: Principal;
  /** By `performance.now()`. */
  readonly sinceMs: number;
}

export interface GateOptions {
  readonly authenticator: Authenticator;
  readonly inFlightMax: number;
  readonly watchersMax: number;
  /** How long a request may take to arrive whole, in milliseconds. */
  readonly arrivalMs: number;
  /** Told of calls that were turned away here. */
  readonly onRefused: (path: string, code: number) => void;
}

/** How often is looked for requests that do not arrive. */
const LOOK_MS = 1_000;
/** Health, reflection and paths that do not exist: whoever asks has named no key. */
const STRANGERS_MAX = 100;
const UNKNOWN = 'none';

/**
 * Stands before every method: a stranger is turned away, and an overload answered, before a message is read. A caller
 * whose key is remembered costs a look-up in a map and no promise.
 */
export class Gate {
  private readonly load: InWork;
  private readonly watches: InWork;
  private readonly strangers = new InWork(STRANGERS_MAX);
  private readonly entries = new WeakMap<Metadata, Entry>();
  /** Unary calls whose message is awaited, the oldest first. */
  private readonly arriving = new Map<ServerInterceptingCall, number>();
  private readonly looking = setInterval(() => this.endOverdue(), LOOK_MS).unref();

  constructor(private readonly options: GateOptions) {
    this.load = new InWork(options.inFlightMax);
    this.watches = new InWork(options.watchersMax);
  }

  readonly interceptor: ServerInterceptor = ({ path, requestStream }, next) => {
    const method = SERVED_BY_PATH.get(path);
    const call: ServerInterceptingCall = new ServerInterceptingCall(next, {
      start: (begin) => begin(method ? this.admit(call, method, requestStream) : this.admitStranger(call)),
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
    return this.load.size + this.watches.size + this.strangers.size;
  }

  close(): void {
    clearInterval(this.looking);
  }

  private admit(call: ServerInterceptingCall, method: ServedMethod, isStream: boolean): ServerListener {
    const sinceMs = performance.now();
    let leave: (() => void) | undefined;
    const admit = (principal: Principal, metadata: Metadata, proceed: (metadata: Metadata) => void) => {
      this.entries.set(metadata, { principal, sinceMs });
      proceed(metadata);
    };
    const refuse = (error: unknown) => this.refuse(call, method.path, error);
    return new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, proceed) => {
        leave = method.watch ? this.watches.enter() : this.load.enter(method.revocation);
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

  private admitStranger(call: ServerInterceptingCall): ServerListener {
    let leave: (() => void) | undefined;
    return new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, proceed) => {
        leave = this.strangers.enter();
        if (leave) proceed(metadata);
        else this.refuse(call, UNKNOWN, overloaded());
      })
      .withOnCancel(() => leave?.())
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
      const refusal = new Refusal('VALIDATION_FAILED', 'The message did not arrive whole in time.');
      this.refuse(call, UNKNOWN, refusal);
    }
  }
}

export function authorizationIn(metadata: Metadata): string | undefined {
  const [value] = metadata.get('authorization');
  return typeof value === 'string' ? value : undefined;
}

function overloaded(): Refusal {
  return new Refusal('OVERLOADED', ERRORS.OVERLOADED.title, { retryAfterMs: 1_000 });
}
