import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openSqliteStore, writeEvent, type EventStore, type NewEvent, type Position } from '#event-store';
import { openFeed, type Feed, type FeedLimits, type Told, type ToldChange, type Watch } from './index.js';

export const NOW = '2026-05-04T12:00:00.000Z';

/** As large as the service's own, so that only what a test makes smaller is ever reached. */
const LIMITS: FeedLimits = { watchersMax: 10_000, bufferEvents: 10_000, historyReaders: 4, stallMs: 30_000 };

/** Events as a command handler writes them; `data` may be anything, for what cannot be read. */
export function eventOf(type: string, data: object, schema = 1): NewEvent {
  const id = randomUUID();
  const trail = { $correlationId: id, $causationId: id, commandId: id, actor: 'system' };
  return writeEvent(id, type, data, { ...trail, occurredAt: NOW, recordedAt: NOW, schema });
}

export function stopOf(businessId: string): NewEvent {
  const scope = { channels: ['*'], purposes: [], categories: ['*'], method: 'api' };
  return eventOf('ConsentRevoked', { businessId, occurredAt: NOW, ...scope });
}

/** The feed over a ledger on a real disk. */
export class FeedScene {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'feed-'));
  store!: EventStore;
  feed!: Feed;
  readonly errors: unknown[] = [];
  /** By how much the time of day has run ahead of the clock of durations, as after a machine was suspended. */
  suspendedMs = 0;
  private isOwn = true;

  /** `store`: another than one of its own, which whoever opened it closes. */
  async start(limits: Partial<FeedLimits> = {}, store?: EventStore): Promise<void> {
    this.isOwn = store === undefined;
    this.store = store ?? (await openSqliteStore({ dataDir: this.dataDir, diskReserveMb: 0 }));
    this.feed = openFeed({
      store: this.store,
      clock: { now: () => Date.now() + this.suspendedMs, monotonic: () => performance.now() },
      limits: { ...LIMITS, ...limits },
      onError: (error) => this.errors.push(error),
    });
  }

  async stop(): Promise<void> {
    await this.feed.close();
    if (this.isOwn) await this.store.close();
    rmSync(this.dataDir, { recursive: true });
  }

  async append(stream: string, ...events: readonly NewEvent[]): Promise<Position> {
    return (await this.store.append(stream, events, 'any')).position;
  }

  /** One event a stream, so that each can be told by its recipient; resolves with the last position. */
  async stops(businessId: string, recipients: readonly string[]): Promise<Position> {
    const places = await Promise.all(recipients.map((id) => this.append(`consent-${id}`, stopOf(businessId))));
    return places.at(-1) as Position;
  }
}

export const names = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

/** Reads on until it has been told so many changes; watermarks are left out. */
export async function changesFrom(watch: Watch, count: number): Promise<ToldChange[]> {
  const changes: ToldChange[] = [];
  while (changes.length < count) {
    const { value } = await watch.next();
    if (value === undefined) break;
    if (value.kind === 'change') changes.push(value);
  }
  return changes;
}

export async function toldUntil(watch: Watch, enough: (told: Told) => boolean): Promise<Told[]> {
  const all: Told[] = [];
  for (;;) {
    const { value } = await watch.next();
    if (value === undefined) return all;
    all.push(value);
    if (enough(value)) return all;
  }
}

export const recipientsOf = (changes: readonly ToldChange[]) => changes.map(({ change }) => change.recipientId);

/** Polls a condition that has no other end to await. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(2);
}
