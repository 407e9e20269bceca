import { expect } from '@jest/globals';
import type { Delivery, EventStore, NewEvent, Position, StoredEvent, SubscribeOptions } from './port.js';

/** A store under test on storage of its own. */
export interface OpenedStore {
  readonly store: EventStore;
  /** Closes the store and opens one on the same storage. */
  reopen(): Promise<EventStore>;
  cleanup(): Promise<void>;
}

let made = 0;

/** Events with ids that count up, so that a failing run can be read. */
export function someEvent(text = 'x', type = 'ConsentGranted'): NewEvent {
  made += 1;
  const id = `00000000-0000-4000-8000-${String(made).padStart(12, '0')}`;
  return { id, type, data: Buffer.from(JSON.stringify({ text })), metadata: Buffer.from('{"schema":1}') };
}

export function someEvents(count: number): NewEvent[] {
  return Array.from({ length: count }, (_, n) => someEvent(String(n)));
}

export const idsOf = (events: readonly NewEvent[]) => events.map(({ id }) => id);
export const eventsOf = (deliveries: readonly Delivery[]) => deliveries.flatMap(({ events }) => events);
export const untilCaughtUp = (deliveries: readonly Delivery[]) => deliveries.at(-1)?.caughtUp === true;

/** The store of the test that runs, and ways to read it whole. */
export class StoreUnderTest {
  private opened: OpenedStore | undefined;
  private current: EventStore | undefined;

  constructor(private readonly open: () => Promise<OpenedStore>) {}

  get store(): EventStore {
    if (!this.current) throw new Error('no store is open');
    return this.current;
  }

  async start(): Promise<void> {
    this.opened = await this.open();
    this.current = this.opened.store;
  }

  async reopen(): Promise<void> {
    this.current = await this.opened?.reopen();
  }

  async cleanup(): Promise<void> {
    await this.opened?.cleanup();
  }

  /** Every delivery until `enough` says so. */
  async deliveries(options: SubscribeOptions, enough: (all: readonly Delivery[]) => boolean): Promise<Delivery[]> {
    const all: Delivery[] = [];
    for await (const delivery of this.store.subscribe(options)) {
      all.push(delivery);
      if (enough(all)) return all;
    }
    return all;
  }

  async readEverything(prefixes?: readonly string[], limit = 3): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    let from: Position | undefined;
    for (;;) {
      const start = from === undefined ? {} : { from };
      const page = await this.store.readAll({ limit, ...start, ...(prefixes && { prefixes }) });
      expect(page.events.length).toBeLessThanOrEqual(limit);
      events.push(...page.events);
      from = page.position;
      if (page.atEnd) return events;
    }
  }
}
