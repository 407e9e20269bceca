import { setTimeout as pause } from 'node:timers/promises';
import {
  comparePositions,
  type AllPage,
  type Appended,
  type Delivery,
  type EventStore,
  type NewEvent,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type StoredEvent,
  type SubscribeOptions,
} from '#event-store';

/** A ledger in memory for tests, with the faults that a real one cannot be asked for: a head that does not answer. */
export class MemoryLedger implements EventStore {
  readonly events: StoredEvent[] = [];
  #closed = false;
  #headAnswers: Promise<void> = Promise.resolve();
  #letHeadAnswer: () => void = () => undefined;
  /** Deliveries to followers wait while this is set. */
  held = false;

  constructor(readonly ledgerId: string) {}

  async append(stream: string, events: readonly NewEvent[]): Promise<Appended> {
    for (const event of events) {
      const revision = String(this.events.filter((other) => other.stream === stream).length);
      this.events.push({ ...event, stream, revision, position: this.#positionAt(this.events.length + 1) });
    }
    const { revision, position } = this.events.at(-1) as StoredEvent;
    return { revision, position, replayed: false };
  }

  async readStream(stream: string, { from = '0', limit }: ReadStreamOptions): Promise<readonly StoredEvent[]> {
    const events = this.events.filter((event) => event.stream === stream && Number(event.revision) >= Number(from));
    return events.slice(0, limit);
  }

  async readAll({ from, prefixes, types, limit }: ReadAllOptions): Promise<AllPage> {
    const start = from === undefined ? 0 : Number(from.split('.')[1]);
    const seen = this.events.slice(start, start + limit);
    const ofTypes = seen.filter(({ type }) => types?.includes(type) ?? true);
    const wanted = ofTypes.filter(({ stream }) => prefixes?.some((prefix) => stream.startsWith(prefix)) ?? true);
    const position = this.#positionAt(start + seen.length);
    return { events: wanted, position, atEnd: start + seen.length === this.events.length };
  }

  async *subscribe({ from, prefixes, batchSize = 100, signal }: SubscribeOptions): AsyncGenerator<Delivery> {
    let at = from;
    while (!this.#closed && !signal?.aborted) {
      const page = await this.readAll({
        ...(at ? { from: at } : {}),
        ...(prefixes ? { prefixes } : {}),
        limit: batchSize,
      });
      const moved = at === undefined || comparePositions(page.position, at) !== 0;
      if (moved && !this.held) {
        yield { events: page.events, position: page.position, caughtUp: page.atEnd };
        at = page.position;
      }
      if (page.atEnd || this.held) await pause(1);
    }
  }

  async head(): Promise<Position> {
    await this.#headAnswers;
    return this.#positionAt(this.events.length);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.answerHead();
  }

  /** From now on `head()` waits until `answerHead`. */
  muteHead(): void {
    this.#headAnswers = new Promise((resolve) => (this.#letHeadAnswer = resolve));
  }

  answerHead(): void {
    this.#letHeadAnswer();
    this.#headAnswers = Promise.resolve();
  }

  #positionAt(n: number): Position {
    return `${this.ledgerId}.${n}`;
  }
}
