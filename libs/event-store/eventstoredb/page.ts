import type { WireEvent } from './read-messages.js';

/** A page ends early where its events hold more: a thousand events of one mebibyte are not to be held at once. */
const PAGE_BYTES = 8 * 1024 * 1024;
/** What is looked at and not kept: with this the next page begins where this one ended. */
const SCANNED_BYTES = 32 * 1024 * 1024;

export interface PageWanted {
  /** Exclusive, as the port has it; the server's reads begin with the event that is there. */
  readonly after: number;
  readonly limit: number;
  /** Of the server, including the one that lies at `after`. */
  readonly count: number;
  /** Whether an event of this stream is wanted. */
  readonly wants: (stream: string) => boolean;
  /** Of `performance.now()`: the page ends with the event that comes then, wanted or not. */
  readonly untilMs: number;
}

/** What one read of the whole ledger has brought. */
export class Page {
  readonly events: WireEvent[] = [];
  private bytes = 0;
  private scanned = 0;
  private isOver = false;
  private seen = 0;
  private last: number;

  constructor(private readonly wanted: PageWanted) {
    this.last = wanted.after;
  }

  /** True: enough, and the server has so much more to send that it is worth stopping it. */
  take(event: WireEvent): boolean {
    this.seen += 1;
    if (event.n <= this.wanted.after || this.isOver) return false;
    this.last = event.n;
    this.count(event);
    this.isOver = this.isFull || this.scanned >= SCANNED_BYTES || performance.now() >= this.wanted.untilMs;
    return this.isOver && this.wanted.count - this.seen > 1;
  }

  /** The server had no more to send. */
  get isAtEnd(): boolean {
    return !this.isOver && this.seen < this.wanted.count;
  }

  /**
   * How far the page has looked. At the end that is at least as far as the very server that sent it had shown to be
   * before it was asked, also where the last events were not wanted.
   */
  reached(shownBefore: number): number {
    return this.isAtEnd ? Math.max(this.last, shownBefore) : this.last;
  }

  private count(event: WireEvent): void {
    const size = event.data.length + event.metadata.length;
    this.scanned += size;
    if (!this.wanted.wants(event.stream)) return;
    this.events.push(event);
    this.bytes += size;
  }

  private get isFull(): boolean {
    return this.events.length >= this.wanted.limit || this.bytes >= PAGE_BYTES;
  }
}
