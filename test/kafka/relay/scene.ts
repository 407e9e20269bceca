import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openSqliteStore, writeEvent, type Appended, type NewEvent, type SqliteStore } from '#event-store';
import {
  openKafka,
  PARTITIONS_OF,
  RELAY_DEFAULTS,
  RelayDatabase,
  startRelay,
  type OpenKafka,
  type Relay,
  type RelayLimits,
  type RelayOptions,
} from '#relay';
import { systemClock } from '#platform';
import { LiveView } from '#view';
import { readTopic, type SeenRecord } from '../reader.js';

/** A line of the relay's log. */
export interface Line {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A real ledger, a real view and real relays over a real broker, for tests. */
export class RelayScene {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'relay-'));
  readonly lines: Line[] = [];
  readonly #closing: (() => Promise<void>)[] = [];
  store!: SqliteStore;
  view!: LiveView;
  kafka!: OpenKafka;

  static async open(brokers: readonly string[]): Promise<RelayScene> {
    const scene = new RelayScene();
    scene.store = await openSqliteStore({ dataDir: scene.dataDir, diskReserveMb: 0 });
    scene.view = await LiveView.open({
      store: scene.store,
      dataDir: scene.dataDir,
      clock: systemClock,
      limits: { maxLagMs: 5_000, waitForPositionMs: 1_000, cacheEntries: 1_000, probeIntervalMs: 1_000 },
      onUnreadable: () => undefined,
      onError: (error) => scene.lines.push({ level: 'error', message: String(error), fields: {} }),
    });
    scene.kafka = openKafka({ brokers, partitions: PARTITIONS_OF });
    scene.#closing.push(
      () => scene.kafka.cluster.close(),
      () => scene.view.close(),
      () => scene.store.close(),
    );
    return scene;
  }

  relay(options: Partial<RelayOptions> = {}, limits: Partial<RelayLimits> = {}): Relay {
    const database = options.database ?? this.database();
    const relay = startRelay({
      store: this.store,
      copy: this.view,
      kafka: this.kafka,
      database,
      holder: randomUUID(),
      alone: true,
      clock: systemClock,
      log: this.log(),
      topics: { create: true },
      limits: { ...RELAY_DEFAULTS, ...limits },
      ...options,
    });
    this.#closing.unshift(() => relay.close());
    return relay;
  }

  database(): RelayDatabase {
    const database = new RelayDatabase(join(this.dataDir, 'relay.db'));
    // Behind the relays, which are put before it later.
    this.#closing.unshift(async () => database.close());
    return database;
  }

  said(message: string): readonly Line[] {
    return this.lines.filter((line) => line.message.includes(message));
  }

  /** Resolves once the lanes have published everything that is in the ledger now. */
  async published(relay: Relay): Promise<void> {
    const head = await this.store.head();
    await until(() => {
      const { lanes } = relay.status();
      return lanes.length > 0 && lanes.every(({ position }) => position === head);
    });
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0)) await close();
    rmSync(this.dataDir, { recursive: true });
  }

  private log(): RelayOptions['log'] {
    const at = (level: Line['level']) => (fields: Line['fields'], message: string) =>
      void this.lines.push({ level, message, fields });
    return { info: at('info'), warn: at('warn'), error: at('error') };
  }
}

/** As a command handler writes it. */
export function eventOf(type: string, data: object = {}, recordedAt = new Date().toISOString()): NewEvent {
  const id = randomUUID();
  const trail = { $correlationId: id, $causationId: id, commandId: id, actor: 'system', schema: 1 };
  const facts = { businessId: 'acme', occurredAt: recordedAt, ...data };
  return writeEvent(id, type, facts, { ...trail, occurredAt: recordedAt, recordedAt });
}

export function grant(purposes: readonly string[] = ['offers']): NewEvent {
  return eventOf('ConsentGranted', { channels: ['whatsapp'], purposes, method: 'web_form' });
}

export function stop(): NewEvent {
  return eventOf('ConsentRevoked', { channels: ['*'], purposes: [], categories: ['*'], method: 'keyword' });
}

export function append(scene: RelayScene, stream: string, ...events: NewEvent[]): Promise<Appended> {
  return scene.store.append(stream, events, 'any');
}

/** Of this scene's ledger alone, since the topics are there for all tests of a file. */
export async function recordsOf(scene: RelayScene, brokers: string[], topic: string): Promise<readonly SeenRecord[]> {
  const all = await readTopic(brokers, topic);
  return all.filter(({ headers }) => headers.ce_source === `/consent-ledger/${scene.store.ledgerId}`);
}

/** Every two milliseconds, and not without end. */
export async function until(condition: () => boolean, patienceMs = 60_000): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not come about');
    await pause(2);
  }
}
