import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TOPICS, type TopicName, type WatermarkRecord } from '#contracts';
import { openSqliteStore, type SqliteStore } from '#event-store';
import { KeptMemory, type MemoryPlace, type RelayMemory } from './memory.js';
import type { Cluster, OutgoingRecord, Publisher } from './publisher.js';
import { RelayDatabase } from './relay-database.js';
import { RELAY_DEFAULTS } from './relay-options.js';
import { startRelay } from './relay.js';
import { wishRepublish } from './wishes.js';

const LOOK_MS = 5;
const AT = '2026-05-20T09:58:00.250Z';
const OPT_OUTS = TOPICS.optouts.topic;

let dataDir: string;
let store: SqliteStore;
let broker: Broker;
const closers: (() => Promise<void>)[] = [];
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'lost-records-'));
  store = await openSqliteStore({ dataDir, diskReserveMb: 0 });
  broker = new Broker();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await store.close();
  rmSync(dataDir, { recursive: true });
});

/** Keeps every topic in one partition, may lose of it what it acknowledged, and may go away. */
class Broker {
  isAway = false;
  /** Set: it goes away with the acknowledgement of the next opt-out. */
  leaves = false;
  readonly #logs = new Map<string, OutgoingRecord[]>();

  log(topic: string): OutgoingRecord[] {
    const log = this.#logs.get(topic) ?? [];
    this.#logs.set(topic, log);
    return log;
  }

  get cluster(): Cluster {
    const answered = <T>(answer: T) => (this.isAway ? Promise.reject(new Error('away')) : Promise.resolve(answer));
    return {
      describe: (topics) => answered(topics.map(described)),
      create: async () => undefined,
      ends: (topic) => answered([{ partition: 0, low: '0', high: String(this.log(topic).length) }]),
      tail: (_topic, _from, _handler, signal) => untilAborted(signal),
      close: async () => undefined,
    };
  }

  publisher(): Publisher {
    return {
      partitionOf: () => 0,
      publish: (batch, signal) => this.#publish(batch, signal),
      status: () => ({ connected: true, retries: 0 }),
      close: async () => undefined,
    };
  }

  async #publish(batch: readonly OutgoingRecord[], signal: AbortSignal) {
    while (this.isAway && !signal.aborted) await pause(LOOK_MS);
    signal.throwIfAborted();
    const stored = [...new Set(batch.map(({ topic }) => topic))].map((topic) => {
      const log = this.log(topic);
      const firstOffset = String(log.length);
      log.push(...batch.filter((record) => record.topic === topic));
      return { topic, partition: 0, firstOffset, nextOffset: String(log.length) };
    });
    if (this.leaves && stored.some(({ topic }) => topic === OPT_OUTS)) this.isAway = true;
    return stored;
  }
}

function described(topic: string) {
  const { partitions, settings } =
    TOPICS[(Object.keys(TOPICS) as TopicName[]).find((name) => TOPICS[name].topic === topic) as TopicName];
  return { topic, partitions, replicas: 1, settings };
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(LOOK_MS);
}

/** A process that publishes, with this file and, where it is one of several, what they leave for one another. */
async function startProcess(file: string, place?: MemoryPlace) {
  const database = new RelayDatabase(join(dataDir, file));
  const memory = place && (await KeptMemory.begin({ database, place, onTaken: unexpected, onProblem: unexpected }));
  const complaints: string[] = [];
  const relay = startRelay({
    ...{ store, database, holder: file, alone: true, limits: RELAY_DEFAULTS, topics: { create: false } },
    kafka: { cluster: broker.cluster, publisher: () => broker.publisher() },
    copy: {
      rowsAt: async (_position, ids) => ({ position: await store.head(), rows: ids.map(() => undefined) }),
      catalogue: { business: () => undefined },
    },
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    log: {
      ...{ info: () => undefined, error: unexpected },
      warn: ({ err }) => err instanceof Error && complaints.push(err.message),
    },
  });
  let ending: Promise<void> | undefined;
  const end = async () => {
    await relay.close();
    await memory?.close();
    database.close();
  };
  const close = () => (ending ??= end());
  closers.push(close);
  return { database, complaints, close };
}

function unexpected(): never {
  throw new Error('nothing is to call this');
}

let events = 0;
async function revoke(recipientId: string): Promise<void> {
  events += 1;
  const id = `00000000-0000-4000-8000-${String(events).padStart(12, '0')}`;
  const scope = { channels: ['*'], purposes: [], categories: ['*'], method: 'api' };
  const data = Buffer.from(JSON.stringify({ businessId: 'acme', occurredAt: AT, ...scope }));
  const metadata = Buffer.from(JSON.stringify({ schema: 1, recordedAt: AT }));
  await store.append(`consent-${recipientId}`, [{ id, type: 'ConsentRevoked', data, metadata }], 'any');
}

const told = () => broker.log(OPT_OUTS).map(({ key }) => key);

/** Until a proof says that everything in the ledger is told. */
async function proved(): Promise<void> {
  const head = await store.head();
  const from = broker.log(TOPICS.watermarks.topic).length;
  const proofs = () => broker.log(TOPICS.watermarks.topic).slice(from);
  await until(() =>
    proofs().some(({ value }) => (JSON.parse(Buffer.from(value).toString()) as WatermarkRecord).position === head),
  );
}

/** The relay has told of two opt-outs, and the broker lost the second. */
async function loss(file: string, place?: MemoryPlace) {
  const one = await startProcess(file, place);
  for (const recipientId of ['kept', 'lost']) await revoke(recipientId);
  await proved();
  expect(told()).toEqual(['kept', 'lost']);
  broker.log(OPT_OUTS).pop();
  return one;
}

/** The next opt-out stands where the lost one stood, and nothing can be put right yet. */
async function lossThatIsFilledUp(file: string, place?: MemoryPlace): Promise<void> {
  const one = await loss(file, place);
  broker.leaves = true;
  await revoke('next');
  await until(() => one.complaints.some((complaint) => complaint.includes('made anew')));
  await one.close();
  expect(told()).toEqual(['kept', 'next']);
  [broker.leaves, broker.isAway] = [false, false];
}

/** Of relays of several machines, in memory. */
function placeInMemory(): MemoryPlace {
  let left: RelayMemory | undefined;
  return {
    take: async () => left,
    save: async (memory) => {
      left = memory;
      return true;
    },
  };
}

describe('an opt-out that the broker lost is told again, where the loss was found', () => {
  it('and the process ended before it could begin again', async () => {
    await lossThatIsFilledUp('relay.db');
    await startProcess('relay.db');
    await proved();
    expect(told()).toContain('lost');
  }, 30_000);

  it('and another machine was chosen', async () => {
    const place = placeInMemory();
    await lossThatIsFilledUp('one.db', place);
    await startProcess('other.db', place);
    await proved();
    expect(told()).toContain('lost');
  }, 30_000);

  it('by what was published again as somebody wished', async () => {
    const { database } = await loss('relay.db');
    wishRepublish(database, { recipientId: 'kept' });
    await until(() => told().length > 1);
    await revoke('next');
    await until(() => told().includes('next'));
    await proved();
    expect(told()).toContain('lost');
  }, 30_000);
});
