import {
  ForeignPosition,
  ledgerIdOf,
  numberOf,
  type AllPage,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type StoredEvent,
} from '../port.js';
import type { Connections } from './connections.js';
import type { Horizon } from './horizon.js';
import { Page, type PageWanted } from './page.js';
import { persist } from './persist.js';
import { allRead, eventOf, streamRead, type WireEvent } from './read-messages.js';
import type { Terms } from './terms.js';

/** Events that one page looks at where it sorts out the prefixes itself. */
const SCANNED_EVENTS = 10_000;
const REVISION = /^(0|[1-9]\d{0,14})$/;

interface Wanted {
  /** Exclusive. */
  readonly after: number;
  readonly prefixes: readonly string[];
  readonly limit: number;
}

export class Reader {
  constructor(
    private readonly connections: Connections,
    private readonly horizon: Horizon,
    private readonly terms: Terms,
    private readonly ledgerId: string,
  ) {}

  /** The last event of a stream that is not the server's own; 0 in an empty ledger. */
  async head(): Promise<Position> {
    const request = allRead({ from: 'end', backwards: true, prefixes: [], count: 1 });
    const n = await this.persist(async (signal) => {
      const last: WireEvent[] = [];
      await this.scan(request, signal, (event) => last.push(event));
      return last[0]?.n ?? 0;
    });
    this.horizon.reach(n);
    return this.position(n);
  }

  async readStream(stream: string, { from, direction, limit }: ReadStreamOptions): Promise<StoredEvent[]> {
    const backwards = direction === 'backwards';
    if (from !== undefined && !REVISION.test(from)) throw new RangeError('a revision is a whole number');
    const start = from === undefined ? (backwards ? 'end' : 'start') : Number(from);
    const request = streamRead({ stream, from: start, backwards, count: limit });
    return this.persist(async (signal) => {
      const events: StoredEvent[] = [];
      await this.scan(request, signal, (event) => events.push(this.storedOf(event)));
      return events;
    });
  }

  /** A position past everything that is known is compared with the head, and never sent to the server. */
  async readAll({ from, prefixes = [], limit }: ReadAllOptions): Promise<AllPage> {
    const after = this.placeOf(from);
    if (after > this.horizon.n) await this.head();
    if (after > this.horizon.n) return { events: [], position: this.position(after), atEnd: true };
    const wanted = prefixes.includes('') ? [] : prefixes;
    return this.persist((signal, attempt) =>
      attempt === 0
        ? this.page({ after, prefixes: wanted, limit }, signal)
        : this.sortedPage({ after, prefixes: wanted, limit }, signal),
    );
  }

  /** The last events of a stream, newest first, one by one; nothing is kept. */
  async walkBack(stream: string, count: number, signal: AbortSignal, take: (event: WireEvent) => void): Promise<void> {
    await this.scan(streamRead({ stream, from: 'end', backwards: true, count }), signal, take);
  }

  /** The event at a revision; undefined where there is none. */
  async eventAt(stream: string, revision: number, signal: AbortSignal): Promise<WireEvent | undefined> {
    const found: WireEvent[] = [];
    const request = streamRead({ stream, from: revision, backwards: false, count: 1 });
    await this.scan(request, signal, (event) => found.push(event));
    return found[0];
  }

  position(n: number): Position {
    return `${this.ledgerId}.${n}`;
  }

  /** The server sorts out the prefixes. */
  private page({ after, prefixes, limit }: Wanted, signal: AbortSignal): Promise<AllPage> {
    const count = after === 0 ? limit : limit + 1;
    return this.readPage(prefixes, { after, limit, count, wants: () => true }, signal);
  }

  /**
   * The same, where the server was silent for so long that it was given up: it may have been looking through a ledger
   * that holds next to nothing of these prefixes. So everything is read, and sorted out here.
   */
  private sortedPage({ after, prefixes, limit }: Wanted, signal: AbortSignal): Promise<AllPage> {
    const wants = (stream: string) => prefixes.length === 0 || prefixes.some((prefix) => stream.startsWith(prefix));
    return this.readPage([], { after, limit, count: limit + SCANNED_EVENTS, wants }, signal);
  }

  private async readPage(prefixes: readonly string[], wanted: PageWanted, signal: AbortSignal): Promise<AllPage> {
    const knownBefore = this.horizon.n;
    const page = new Page(wanted);
    const from = wanted.after === 0 ? 'start' : wanted.after;
    await this.scan(allRead({ from, prefixes, count: wanted.count }), signal, (event) => page.take(event));
    const reached = page.reached(knownBefore);
    this.horizon.reach(reached);
    const events = page.events.map((event) => this.storedOf(event));
    return { events, position: this.position(reached), atEnd: page.isAtEnd };
  }

  /**
   * `take` may return true to stop the server. Reads that are bounded by their count are left to end by themselves:
   * Node's HTTP/2 closes a connection on which some thousand calls are cancelled.
   */
  private async scan(request: Buffer, signal: AbortSignal, take: (event: WireEvent) => unknown): Promise<void> {
    await this.connections.read(request, {
      signal,
      take: (message) => {
        const event = eventOf(message);
        return event !== undefined && take(event) === true;
      },
    });
  }

  private persist<T>(work: (signal: AbortSignal, attempt: number) => Promise<T>): Promise<T> {
    return persist(
      (time, attempt) => work(time.signal, attempt),
      this.connections.persistence(this.terms.timeouts.readMs),
    );
  }

  private placeOf(position: Position | undefined): number {
    if (position === undefined) return 0;
    if (ledgerIdOf(position) !== this.ledgerId) throw new ForeignPosition();
    return numberOf(position);
  }

  private storedOf({ id, type, data, metadata, stream, revision, n }: WireEvent): StoredEvent {
    return { id, type, data, metadata, stream, revision: String(revision), position: this.position(n) };
  }
}
