import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { Reachable } from '../support/client.js';

export interface ServerEvent {
  readonly id?: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface OpenOptions {
  readonly business?: string;
  readonly from?: string;
  readonly lastEventId?: string;
  readonly key?: string;
}

/** A plain consumer of Server-Sent Events. It takes what comes as fast as it comes, unless it is paused. */
export class EventSource {
  readonly events: ServerEvent[] = [];
  /** Resolves when the stream has ended, however it ended. */
  readonly ended: Promise<void>;
  private readonly hearers = new Set<() => void>();
  private isOver = false;
  private rest = '';

  static async open(service: Reachable, options: OpenOptions = {}): Promise<EventSource> {
    const { business = 'acme', from, lastEventId, key = service.adminKey } = options;
    const query = from === undefined ? '' : `?from=${from}`;
    const headers = {
      authorization: `Bearer ${key}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    };
    const request = get(`${service.base}/v1/businesses/${business}/changes${query}`, { headers, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new EventSource(response);
  }

  private constructor(readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.take(text));
    this.ended = new Promise((resolve) => {
      response.on('error', () => undefined);
      response.on('close', () => {
        this.isOver = true;
        this.tellHearers();
        resolve();
      });
    });
  }

  get changes(): readonly ServerEvent[] {
    return this.events.filter(({ event }) => event === 'change');
  }

  get recipients(): readonly string[] {
    return this.changes.map(({ data }) => String(data.recipientId));
  }

  get lastId(): string | undefined {
    return this.events.findLast(({ id }) => id !== undefined)?.id;
  }

  /** Resolves with the first event that is wanted, rejects where the stream ends without it. */
  async until(what: string, wanted: (event: ServerEvent) => boolean): Promise<ServerEvent> {
    for (;;) {
      const found = this.events.find(wanted);
      if (found) return found;
      if (this.isOver) throw new Error(`the stream ended, and never came ${what}`);
      await new Promise<void>((resolve) => this.hearers.add(resolve));
    }
  }

  async untilChanges(count: number): Promise<readonly ServerEvent[]> {
    await this.until(`change number ${count}`, () => this.changes.length >= count);
    return this.changes;
  }

  close(): void {
    this.response.destroy();
  }

  private take(text: string): void {
    const blocks = (this.rest + text).split('\n\n');
    this.rest = blocks.pop() ?? '';
    this.events.push(...blocks.map(eventOf).filter(({ event }) => event !== ''));
    this.tellHearers();
  }

  private tellHearers(): void {
    const woken = [...this.hearers];
    this.hearers.clear();
    for (const resume of woken) resume();
  }
}

function eventOf(block: string): ServerEvent {
  const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  const id = fields.get('id');
  const data = JSON.parse(fields.get('data') ?? '{}') as ServerEvent['data'];
  return { ...(id === undefined ? {} : { id }), event: fields.get('event') ?? '', data };
}
