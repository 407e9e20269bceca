import type { WireEvent } from './read-messages.js';

/** A page ends early where its events hold more: a thousand events of one mebibyte are not to be held at once. */
const PAGE_BYTES = 8 * 1024 * 1024;

export interface PageWanted {
  /** Exclusive, as the port has it; the server's reads begin with the event that is there. */
  readonly after: number;
  readonly limit: number;
  /** Of the server, including the one that lies at `after`. */
  readonly count: number;
  /** Whether an event of this stream is wanted. */
  readonly wants: (stream: string) => boolean;
}

/** What one read of the whole ledger has brought. */
export class Page {
  readonly events: WireEvent[] = [];
  private bytes = 0;
  private seen = 0;
  private last: number;

  constructor(private readonly wanted: PageWanted) {
    this.last = wanted.after;
  }

  /** True: enough, and the server has so much more to send that it is worth stopping it. */
  take(event: WireEvent): boolean {
    this.seen += 1;
    if (event.n <= this.wanted.after || this.isFull) return false;
    this.last = event.n;
    if (!this.wanted.wants(event.stream)) return false;
    this.events.push(event);
    this.bytes += event.data.length + event.metadata.length;
    return this.isFull && this.wanted.count - this.seen > 1;
  }

  /** The server had no more to send. */
  get isAtEnd(): boolean {
    return !this.isFull && this.seen < this.wanted.count;
  }

  /**
   * How far the page has looked. At the end that is at least as far as the very server that sent it had shown to be
   * before it was asked, also where the last events were not wanted.
   */
  reached(shownBefore: number): number {
    return this.isAtEnd ? Math.max(this.last, shownBefore) : this.last;
  }

  private get isFull(): boolean {
    return this.events.length >= this.wanted.limit || this.bytes >= PAGE_BYTES;
  }
}
