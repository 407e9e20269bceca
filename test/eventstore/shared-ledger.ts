import { createHash } from 'node:crypto';
import {
  RevisionConflict,
  type AllPage,
  type AppendOptions,
  type Appended,
  type Delivery,
  type EventStore,
  type ExpectedRevision,
  type NewEvent,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type StoredEvent,
  type SubscribeOptions,
} from '#event-store';

const LONGEST_NAME_CHARS = 200;

/**
 * A corner of a ledger that holds other things already: streams under a name of their own, and a beginning where the
 * ledger ended. To whoever uses it, it is an empty ledger.
 */
export class SharedLedger implements EventStore {
  private readonly names = new Map<string, string>();

  constructor(
    private readonly store: EventStore,
    private readonly corner: string,
    private readonly beginning: Position,
  ) {}

  get ledgerId(): string {
    return this.store.ledgerId;
  }

  /** The same corner, over a store that was opened again. */
  over(store: EventStore): SharedLedger {
    return new SharedLedger(store, this.corner, this.beginning);
  }

  async append(
    stream: string,
    events: readonly NewEvent[],
    expected: ExpectedRevision,
    options?: AppendOptions,
  ): Promise<Appended> {
    try {
      return await this.store.append(this.within(stream), events, expected, options);
    } catch (error) {
      throw error instanceof RevisionConflict ? new RevisionConflict(stream, expected, error.actual) : error;
    }
  }

  async readStream(stream: string, options: ReadStreamOptions): Promise<readonly StoredEvent[]> {
    const events = await this.store.readStream(this.within(stream), options);
    return events.map((event) => ({ ...event, stream }));
  }

  async readAll(options: ReadAllOptions): Promise<AllPage> {
    const page = await this.store.readAll({ ...options, ...this.wanted(options) });
    return { ...page, events: this.named(page.events) };
  }

  async *subscribe(options: SubscribeOptions): AsyncGenerator<Delivery, void> {
    for await (const delivery of this.store.subscribe({ ...options, ...this.wanted(options) })) {
      yield { ...delivery, events: this.named(delivery.events) };
    }
  }

  head(): Promise<Position> {
    return this.store.head();
  }

  close(): Promise<void> {
    return this.store.close();
  }

  private wanted({ from = this.beginning, prefixes = [''] }: ReadAllOptions | SubscribeOptions) {
    return { from, prefixes: prefixes.map((prefix) => this.corner + prefix) };
  }

  /** Names that no store takes are left as they are; the longest that all take have no room for a corner. */
  private within(stream: string): string {
    if (stream === '' || stream.startsWith('$') || stream.length > LONGEST_NAME_CHARS) return stream;
    const fits = this.corner.length + stream.length <= LONGEST_NAME_CHARS;
    const name = this.corner + (fits ? stream : createHash('sha256').update(stream).digest('hex'));
    this.names.set(name, stream);
    return name;
  }

  private named(events: readonly StoredEvent[]): StoredEvent[] {
    return events.map((event) => ({ ...event, stream: this.names.get(event.stream) ?? event.stream }));
  }
}
