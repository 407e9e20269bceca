import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { StoreUnavailable, type EventStore, type NewEvent, type Position, type StoredEvent } from '#event-store';

export function newEvent(type = 'ConsentGranted', data = Buffer.from('{"n":1}')): NewEvent {
  return { id: randomUUID(), type, data, metadata: Buffer.from('{"schema":1}') };
}

/** Writers that append single events one after the other, each to a stream of its own at exact revisions. */
export class Writers {
  /** In the order in which they were acknowledged, by stream. */
  readonly acknowledged = new Map<string, string[]>();
  readonly refused: unknown[] = [];
  lastAcknowledgedMs = 0;
  private stopped = false;
  private readonly running: Promise<unknown>;

  constructor(
    private readonly store: EventStore,
    count: number,
  ) {
    this.running = Promise.all(Array.from({ length: count }, (_, n) => this.write(`consent-writer${n}`)));
  }

  get count(): number {
    return [...this.acknowledged.values()].reduce((sum, ids) => sum + ids.length, 0);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  /** What was refused is told again with the same ids, as every caller of the port may. */
  private async write(stream: string): Promise<void> {
    const ids: string[] = [];
    this.acknowledged.set(stream, ids);
    while (!this.stopped) {
      const event = newEvent();
      const expected = ids.length === 0 ? 'none' : String(ids.length - 1);
      const { revision } = await this.appendUntilTaken(stream, event, expected);
      if (revision !== String(ids.length)) throw new Error(`${stream} is at ${revision} after ${ids.length} events`);
      ids.push(event.id);
      this.lastAcknowledgedMs = performance.now();
    }
  }

  private async appendUntilTaken(stream: string, event: NewEvent, expected: string) {
    for (;;) {
      try {
        return await this.store.append(stream, [event], expected);
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        this.refused.push(error);
        await pause(20);
      }
    }
  }
}

/** A follower of the whole ledger that begins again where it stood, as `follow` does. */
export class Reading {
  readonly events: StoredEvent[] = [];
  failures = 0;
  private readonly abort = new AbortController();
  private readonly running: Promise<void>;
  private position: Position | undefined;

  constructor(private readonly store: EventStore) {
    this.running = this.read();
  }

  async stop(): Promise<void> {
    this.abort.abort();
    await this.running;
  }

  private async read(): Promise<void> {
    const { signal } = this.abort;
    for (;;) {
      try {
        const start = this.position === undefined ? {} : { from: this.position };
        for await (const { events, position } of this.store.subscribe({ ...start, signal })) {
          this.events.push(...events);
          this.position = position;
        }
        // The subscription of a store that is open never ends by itself.
        return;
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        this.failures += 1;
        await pause(20);
      }
    }
  }
}
