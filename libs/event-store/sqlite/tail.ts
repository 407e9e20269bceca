import type { AllPage, StoredEvent } from '../port.js';

/** When a tail has come to twice either of them, it is cut to what is within both. */
export interface TailLimits {
  readonly events: number;
  readonly bytes: number;
}

const TAIL_LIMITS: TailLimits = { events: 256, bytes: 1024 * 1024 };

export interface TailPageWanted {
  /** Exclusive. */
  readonly after: number;
  readonly prefixes: readonly string[];
  readonly types: readonly string[];
  readonly limit: number;
}

/** As `AllPage`, with its position as a number. */
export interface TailPage extends Omit<AllPage, 'position'> {
  readonly reached: number;
}

/**
 * The newest events of a ledger that this process alone writes, as they were committed, for those who follow at its end:
 * after each commit SQLite reads every page anew, which takes a follower longer than what it makes of the event. Holds
 * nothing wherever it might not be the end of the ledger; then the file is asked.
 */
export class Tail {
  #events: StoredEvent[] = [];
  /** Of the last event held. */
  #last = 0;
  #bytes = 0;

  constructor(private readonly limits: TailLimits = TAIL_LIMITS) {}

  /** The number of the last event; undefined where nothing is held. */
  get end(): number | undefined {
    return this.#events.length === 0 ? undefined : this.#last;
  }

  /** `first` is the number of the first of these. Where they do not follow on what is held, that is let go. */
  add(first: number, events: readonly StoredEvent[]): void {
    if (first !== this.#last + 1) this.clear();
    for (const event of events) {
      this.#events.push(event);
      this.#bytes += bytesOf(event);
    }
    this.#last = first + events.length - 1;
    if (this.#events.length > 2 * this.limits.events || this.#bytes > 2 * this.limits.bytes) this.#cut();
  }

  /** What stands in the ledger already was never added where it is newer than all that is held. */
  clearBefore(n: number): void {
    if (n > this.#last) this.clear();
  }

  clear(): void {
    this.#events = [];
    this.#bytes = 0;
  }

  /** Undefined where what is wanted begins before what is held, or after it. */
  page({ after, prefixes, types, limit }: TailPageWanted): TailPage | undefined {
    const first = this.#last - this.#events.length + 1;
    if (this.#events.length === 0 || after < first - 1 || after > this.#last) return undefined;
    const events: StoredEvent[] = [];
    for (let index = after + 1 - first; index < this.#events.length; index += 1) {
      const event = this.#events[index] as StoredEvent;
      if (types.length > 0 && !types.includes(event.type)) continue;
      if (prefixes.length > 0 && !prefixes.some((prefix) => event.stream.startsWith(prefix))) continue;
      events.push(event);
      if (events.length === limit) return { events, reached: first + index, atEnd: first + index === this.#last };
    }
    return { events, reached: this.#last, atEnd: true };
  }

  #cut(): void {
    let from = Math.max(0, this.#events.length - this.limits.events);
    for (let index = 0; index < from; index += 1) this.#bytes -= bytesOf(this.#events[index] as StoredEvent);
    while (this.#bytes > this.limits.bytes) this.#bytes -= bytesOf(this.#events[from++] as StoredEvent);
    this.#events = this.#events.slice(from);
  }
}

function bytesOf({ data, metadata }: StoredEvent): number {
  return data.length + metadata.length;
}
