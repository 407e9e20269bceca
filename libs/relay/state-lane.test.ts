import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { EMPTY_STATE } from '#consent';
import { hasReached, openSqliteStore, type Position, type SqliteStore } from '#event-store';
import { ParkedEvents } from './parked.js';
import { LaneProgress } from './progress.js';
import type { OutgoingRecord, Publisher } from './publisher.js';
import { RelayDatabase } from './relay-database.js';
import { Sender } from './sender.js';
import { StateLane } from './state-lane.js';
import { Tellings } from './tellings.js';

let dataDir: string;
let database: RelayDatabase;
let store: SqliteStore;
const stopping = new AbortController();
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'state-lane-'));
  database = new RelayDatabase(join(dataDir, 'relay.db'));
  store = await openSqliteStore({ dataDir, diskReserveMb: 0 });
});
afterEach(async () => {
  await store.close();
  database.close();
  rmSync(dataDir, { recursive: true });
});

const unexpected = (error: unknown) => {
  throw error;
};

/** Of a copy that does not come further. */
function laneOver(copiedTo: Position, onSent: (record: OutgoingRecord) => void): StateLane {
  const { signal } = stopping;
  const epoch = database.takeLease('one', database.lease(), 1) as number;
  const clock = { now: () => 0, monotonic: () => 0 };
  const parked = new ParkedEvents(database);
  const progress = new LaneProgress({ database, epoch, lane: 'state', onProblem: unexpected });
  const publish: Publisher['publish'] = async (batch) => {
    for (const record of batch) onSent(record);
    return [];
  };
  const publisher = { partitionOf: () => 0, publish } as Partial<Publisher> as Publisher;
  const lease = { epoch, holds: () => true };
  const ignored = () => undefined;
  const row = { businessId: 'acme', state: EMPTY_STATE };
  return new StateLane({
    ...{ store, progress, parked, epoch, clock, signal, batches: { records: 500, bytes: 100_000 }, mostDirty: 1_000 },
    sender: new Sender({
      ...{ publisher, progress, lease, parked, signal, clock },
      ...{ onParked: ignored, onAcknowledged: ignored },
    }),
    tellings: new Tellings({ ledgerId: store.ledgerId, publisherEpoch: epoch }, publisher),
    copy: {
      rowsAt: async (position, ids) =>
        hasReached(copiedTo, position) ? { position: copiedTo, rows: ids.map(() => row) } : undefined,
      catalogue: { business: () => undefined },
    },
    ...{ onError: unexpected, fail: unexpected },
  });
}

it('a copy that stays behind what is urgent keeps nobody waiting whose state it knows', async () => {
  const copiedTo = `${store.ledgerId}.5`;
  let isSent: (key: string) => void = () => undefined;
  const sent = new Promise<string>((resolve) => (isSent = resolve));
  const lane = laneOver(copiedTo, ({ key }) => isSent(key));
  lane.urge([{ kind: 'recipient', id: 'ahead' }], `${store.ledgerId}.9`);
  lane.urge([{ kind: 'recipient', id: 'known' }], `${store.ledgerId}.4`);
  expect(await sent).toBe('known');
  stopping.abort();
  await lane.ended();
}, 30_000);
