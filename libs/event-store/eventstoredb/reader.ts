import {
  ForeignPosition,
  ledgerIdOf,
  depthOf,
  type AllPage,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type StoredEvent,
} from '../port.js';
import type { Connections } from './connections.js';
import { CallFailure } from './failure.js';
import { checkPlace, type Horizon } from './horizon.js';
import { Page, type PageWanted } from './page.js';
import { TimeLimit, persist } from './persist.js';
import { allRead, eventOf, streamRead, type WireEvent } from './read-messages.js';
import type { Terms } from './terms.js';

/** Events that one page looks at where it sorts out the prefixes itself. */
const SCANNED_EVENTS = 10_000;
const HEAD = allRead({ from: 'end', backwards: true, prefixes: [], count: 1 });
const REVISION = /^(0|[1-9]\d{0,14})$/;

interface Wanted {
  /** Exclusive. */
  readonly after: number;
  readonly prefixes: readonly string[];
  readonly limit: number;
}

interface Scan {
  readonly signal: AbortSignal;
  readonly take: (event: WireEvent) => unknown;
  readonly ended?: (shown: number) => void;
}

export class Reader {
  /** Prefixes for which the server looked too long. */
  private readonly rare = new Set<string>();

  constructor(
    private readonly connections: Connections,
    private readonly horizon: Horizon,
    private readonly terms: Terms,
    private readonly ledgerId: string,
  ) {}

  /** The last event of a stream that is not the server's own; 0 in an empty ledger. */
  async head(): Promise<Position> {
    return this.position(await this.persist((signal) => this.headOnce(signal)));
  }

  async readStream(stream: string, { from, direction, limit }: ReadStreamOptions): Promise<StoredEvent[]> {
    const backwards = direction === 'backwards';
    if (from !== undefined && !REVISION.test(from)) throw new RangeError('a revision is a whole number');
    const start = from === undefined ? (backwards ? 'end' : 'start') : Number(from);
    const request = streamRead({ stream, from: start, backwards, count: limit });
    return this.persist(async (signal) => {
      const needed = this.horizon.n;
      await this.requireShown(needed, signal);
      const events: WireEvent[] = [];
      const take = (event: WireEvent) => events.push(event);
      await this.scan(request, { signal, take, ended: (shown) => refuseUnshown(needed, shown) });
      // What was read once is never missed again: whoever was answered by it may have been told so.
      this.horizon.reach(events.reduce((furthest, { n }) => Math.max(furthest, n), 0));
      return events.map((event) => this.storedOf(event));
    });
  }

  /** A position past everything that is known is compared with the head, and never sent to the server. */
  async readAll({ from, prefixes = [], types, limit }: ReadAllOptions): Promise<AllPage> {
    const after = this.placeOf(from);
    if (after > this.horizon.n) await this.head();
    if (after > this.horizon.n) return { events: [], position: this.position(after), atEnd: true };
    const wanted = { after, prefixes: prefixes.includes('') ? [] : prefixes, limit };
    const page = await this.persist(
      async (signal) => (await this.page(wanted, signal)) ?? this.sortedPage(wanted, signal),
    );
    // The server sorts out either prefixes or types.
    return types ? { ...page, events: page.events.filter(({ type }) => types.includes(type)) } : page;
  }

  /** The last events of a stream, newest first, one by one; nothing is kept. */
  async walkBack(stream: string, count: number, signal: AbortSignal, take: (event: WireEvent) => void): Promise<void> {
    await this.scan(streamRead({ stream, from: 'end', backwards: true, count }), { signal, take });
  }

  /** The event at a revision; undefined where there is none. */
  async eventAt(stream: string, revision: number, signal: AbortSignal): Promise<WireEvent | undefined> {
    const found: WireEvent[] = [];
    const request = streamRead({ stream, from: revision, backwards: false, count: 1 });
    await this.scan(request, { signal, take: (event) => found.push(event) });
    return found[0];
  }

  position(n: number): Position {
    return `${this.ledgerId}.${n}`;
  }

  /** The server sorts out the prefixes; undefined where it takes too long. */
  private async page({ after, prefixes, limit }: Wanted, signal: AbortSignal): Promise<AllPage | undefined> {
    if (this.rare.has(keyOf(prefixes))) return undefined;
    const wanted = { after, limit, count: after === 0 ? limit : limit + 1, wants: () => true, untilMs: Infinity };
    if (prefixes.length === 0) return this.readPage(prefixes, wanted, signal);
    const time = new TimeLimit(this.patienceMs());
    try {
      const page = await this.readPage(prefixes, wanted, AbortSignal.any([signal, time.signal]));
      return time.isOver ? undefined : page;
    } finally {
      time.clear();
    }
  }

  /**
   * The same, where the server was silent for too long: it may have been looking through a ledger that holds next to
   * nothing of these prefixes. So everything is read, and sorted out here, from now on: such a page looks at so much and
   * no more, and the next one goes on from there, also where nothing was found.
   */
  private async sortedPage({ after, prefixes, limit }: Wanted, signal: AbortSignal): Promise<AllPage> {
    const wants = (stream: string) => prefixes.some((prefix) => stream.startsWith(prefix));
    const untilMs = performance.now() + this.terms.timeouts.readMs / 2;
    const page = await this.readPage([], { after, limit, count: limit + SCANNED_EVENTS, wants, untilMs }, signal);
    this.rare.add(keyOf(prefixes));
    return page;
  }

  /** Less than it takes for the connection to be given up, and so little that enough is left for the other way. */
  private patienceMs(): number {
    const { readMs, silenceMs } = this.terms.timeouts;
    return Math.min(readMs / 4, silenceMs / 2);
  }

  private async headOnce(signal: AbortSignal): Promise<number> {
    const needed = this.horizon.n;
    let n = 0;
    const take = (event: WireEvent) => void (n = event.n);
    await this.scan(HEAD, { signal, take, ended: () => refuseBefore(needed, n) });
    this.horizon.reach(n);
    return n;
  }

  /**
   * A page that ends before what is known to be committed comes from a node that lacks it. Of everything, its own last
   * event tells where that is. Where the server sorts out the prefixes it has to show its head first, unless it has
   * done so.
   */
  private async readPage(prefixes: readonly string[], wanted: PageWanted, signal: AbortSignal): Promise<AllPage> {
    const needed = this.horizon.n;
    if (prefixes.length > 0) await this.requireShown(needed, signal);
    const page = new Page(wanted);
    let reached = 0;
    const ended = (shown: number) => {
      reached = page.reached(prefixes.length > 0 ? shown : 0);
      if (page.isAtEnd) refuseBefore(needed, reached);
    };
    const from = wanted.after === 0 ? 'start' : wanted.after;
    const take = (event: WireEvent) => page.take(event);
    await this.scan(allRead({ from, prefixes, count: wanted.count }), { signal, take, ended });
    this.horizon.reach(reached);
    const events = page.events.map((event) => this.storedOf(event));
    return { events, position: this.position(reached), atEnd: page.isAtEnd };
  }

  /** A node that is new to us shows its head first: of a stream it would not say that it lacks what was committed. */
  private async requireShown(needed: number, signal: AbortSignal): Promise<void> {
    if ((await this.connections.shown()) < needed) await this.headOnce(signal);
  }

  /**
   * `take` may return true to stop the server. Reads that are bounded by their count are left to end by themselves:
   * Node's HTTP/2 closes a connection on which some thousand calls are cancelled.
   */
  private async scan(request: Buffer, { take, ...options }: Scan): Promise<void> {
    await this.connections.read(request, {
      ...options,
      take: (message, peer) => {
        const event = eventOf(message);
        if (!event) return false;
        checkPlace(event.n);
        peer.reach(event.n);
        return take(event) === true;
      },
    });
  }

  private persist<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return persist(({ signal }) => work(signal), this.connections.persistence(this.terms.timeouts.readMs));
  }

  private placeOf(position: Position | undefined): number {
    if (position === undefined) return 0;
    if (ledgerIdOf(position) !== this.ledgerId) throw new ForeignPosition();
    return depthOf(position);
  }

  private storedOf({ id, type, data, metadata, stream, revision, n }: WireEvent): StoredEvent {
    return { id, type, data, metadata, stream, revision: String(revision), position: this.position(n) };
  }
}

function keyOf(prefixes: readonly string[]): string {
  return prefixes.join('\n');
}

function refuseBefore(needed: number, n: number): void {
  if (n < needed) throw new CallFailure('behind');
}

/** Another one may have answered than the one that had shown its head: that one is to show its own. */
function refuseUnshown(needed: number, shown: number): void {
  if (shown < needed) throw new CallFailure('busy');
}
