import { randomUUID } from 'node:crypto';
import type { Metadata, ServerInterceptor } from '@grpc/grpc-js';
import { ERRORS, Refusal } from '#platform';
import type { Authenticator, Principal } from '../authenticate.js';
import { InWork } from '../in-work.js';
import { SERVED_BY_PATH, type Place } from './methods.js';
import { statusOf } from './status.js';
import { Visit, type Door } from './visit.js';

/** A call that was let in. */
export interface Entry {
  readonly principal: Principal;
  /** By `performance.now()`. */
  readonly sinceMs: number;
  /**
   * Nothing more is to be said on the stream. It gives its place back before it is over, and has so long to be taken from
   * now on as an answer: grpc-js sends no status before everything else was taken, which may be never.
   */
  ending(): void;
}

export interface GateOptions {
  readonly authenticator: Authenticator;
  /** How many calls of each kind there may be at once. */
  readonly places: Readonly<Record<Place, number>>;
  /** How long a request may take to arrive whole, and then its answer to be taken, in milliseconds. */
  readonly timeoutMs: number;
  /** Told of calls that were turned away here. */
  readonly onRefused: (path: string, code: number) => void;
}

/** How often is looked for requests that do not arrive, and answers that are not taken. */
const LOOK_MS = 1_000;
/** Streams of health and reflection: whoever opens them has named no key. */
const STRANGERS_MAX = 20;
const UNKNOWN = 'none';

/** Where a call's metadata, which is all that a handler has of it, names its visit. */
const VISIT = Symbol('visit');
type Stamped = Metadata & { [VISIT]?: Visit };

/**
 * Stands before every method: a stranger is turned away, and an overload answered, before a message is read. A caller
 * whose key is remembered costs a look-up in a map and no promise.
 */
export class Gate implements Door {
  private readonly places: Readonly<Record<Place, InWork>>;
  private readonly strangers = new InWork(STRANGERS_MAX);
  /** Calls whose one message is awaited, the oldest first. */
  private readonly arriving = new Set<Visit>();
  /** Calls to which something was said that is not taken yet, the longest first. */
  private readonly untaken = new Set<Visit>();
  private readonly looking = setInterval(() => this.look(), LOOK_MS).unref();

  constructor(private readonly options: GateOptions) {
    const { work, filter, watch } = options.places;
    this.places = { work: new InWork(work), filter: new InWork(filter), watch: new InWork(watch) };
  }

  readonly interceptor: ServerInterceptor = ({ path, requestStream, responseStream }, onward) =>
    new Visit(this, onward, { method: SERVED_BY_PATH.get(path), requestStream, responseStream });

  /** For the handler of a call that came through. */
  entryOf(metadata: Metadata): Entry {
    const visit = (metadata as Stamped)[VISIT];
    if (visit?.principal === undefined) throw new Error('a call reached its handler and not the gate');
    return visit as Visit & Entry;
  }

  /** The places of calls that are no streams. */
  get work(): InWork {
    return this.places.work;
  }

  get inWork(): number {
    const { work, filter, watch } = this.places;
    return work.size + filter.size + watch.size + this.strangers.size;
  }

  close(): void {
    clearInterval(this.looking);
  }

  knock(visit: Visit, metadata: Metadata): void {
    const { method, requestStream } = visit.visitor;
    if (!this.enter(visit)) return this.refuse(visit, overloaded());
    if (!requestStream) this.arriving.add(visit);
    if (!method) return visit.goOn(metadata);
    const { authenticator } = this.options;
    const authorization = authorizationIn(metadata);
    const remembered = authenticator.remembered(authorization);
    if (remembered) return admit(visit, metadata, remembered);
    void authenticator.principalOf(authorization).then(
      (principal) => admit(visit, metadata, principal),
      (error: unknown) => this.refuse(visit, error),
    );
  }

  arrived(visit: Visit): void {
    this.arriving.delete(visit);
  }

  said(visit: Visit): void {
    if (this.untaken.has(visit)) return;
    visit.saidMs = performance.now();
    this.untaken.add(visit);
  }

  taken(visit: Visit): void {
    this.untaken.delete(visit);
  }

  /** A stranger's one question always finds room: a cluster that is not told how this process is would end it. */
  private enter(visit: Visit): boolean {
    const { method, requestStream, responseStream } = visit.visitor;
    if (method) return visit.enter(this.places[method.place ?? 'work'], method.revocation === true);
    return !(requestStream || responseStream) || visit.enter(this.strangers, false);
  }

  private refuse(visit: Visit, error: unknown): void {
    const status = statusOf(error, randomUUID());
    this.options.onRefused(visit.visitor.method?.path ?? UNKNOWN, status.code);
    visit.sendStatus(status);
  }

  private look(): void {
    const overdue = performance.now() - this.options.timeoutMs;
    this.endUnsent(overdue);
    for (const visit of this.untaken) {
      if (visit.saidMs > overdue) return;
      this.untaken.delete(visit);
      visit.cut();
    }
  }

  private endUnsent(overdue: number): void {
    for (const visit of this.arriving) {
      if (visit.sinceMs > overdue) return;
      this.arriving.delete(visit);
      // To be sent again: the network may have been slow, and an opt-out is not to be lost for it.
      this.refuse(visit, overloaded('The message did not arrive whole in time; send it again.'));
    }
  }
}

function admit(visit: Visit, metadata: Stamped, principal: Principal): void {
  visit.principal = principal;
  metadata[VISIT] = visit;
  visit.goOn(metadata);
}

export function authorizationIn(metadata: Metadata): string | undefined {
  const [value] = metadata.get('authorization');
  return typeof value === 'string' ? value : undefined;
}

function overloaded(detail: string = ERRORS.OVERLOADED.title): Refusal {
  return new Refusal('OVERLOADED', detail, { retryAfterMs: 1_000 });
}
