import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { StoredEvent } from '#event-store';
import { RelayDatabase } from './relay-database.js';
import { republishAsWished, type RepublishOptions } from './republish.js';
import { Tellings, type Telling } from './tellings.js';
import { advanceWish, progressOf, wishRepublish } from './wishes.js';

const LOOK_MS = 5;

let dataDir: string;
let database: RelayDatabase;
let epoch: number;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'republish-'));
  database = new RelayDatabase(join(dataDir, 'relay.db'));
  epoch = database.takeLease('one', database.lease(), 1) as number;
});
afterEach(() => {
  database.close();
  rmSync(dataDir, { recursive: true });
});

/** Takes up wishes until this one comes to its end. */
async function republishUntil(lastWish: number, options: object): Promise<void> {
  const over = new AbortController();
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const all = { database, epoch, onError, signal: over.signal, ...options };
  const ended = republishAsWished(all as unknown as RepublishOptions);
  const isOver = () => ['done', 'refused'].includes(progressOf(database, lastWish)?.state ?? '');
  while (!isOver() && errors.length === 0) await pause(LOOK_MS);
  over.abort();
  await ended;
  expect(errors).toEqual([]);
}

it('a wish that another ledger interrupted is refused, and keeps none behind it waiting', async () => {
  const running = { state: 'running', events: 7 } as const;
  const whole = wishRepublish(database, {});
  advanceWish(database, epoch, { ...running, id: whole, reached: 'lost.5', until: 'lost.9' });
  const ofOne = wishRepublish(database, { recipientId: 'somebody' });
  advanceWish(database, epoch, { ...running, id: ofOne, until: 'lost.9' });
  const last = wishRepublish(database, { from: 'lost.1' });
  // Nothing else is asked for: the ledger's id tells that none of them is about it.
  await republishUntil(last, { store: { ledgerId: 'restored' } });
  const states = [whole, ofOne, last].map((id) => progressOf(database, id)?.state);
  expect(states).toEqual(['refused', 'refused', 'refused']);
});

const BEFORE = '2026-05-20T09:58:00.249Z';
const SINCE = '2026-05-20T09:58:00.250Z';

function stored(id: string, type: string, metadata: string): StoredEvent {
  const data = { businessId: 'acme', occurredAt: BEFORE };
  const revoked = { ...data, channels: ['*'], purposes: [], categories: ['*'], method: 'api' };
  const bytes = { data: Buffer.from(JSON.stringify(revoked)), metadata: Buffer.from(metadata) };
  return { id, type, ...bytes, stream: 'consent-ada', revision: '0', position: 'ledger.9' };
}

it('from an instant on, what does not say when it was heard, or cannot be read, is published too', async () => {
  const heard = (recordedAt?: string) => JSON.stringify({ schema: 1, recordedAt });
  const events = [
    stored('before', 'ConsentRevoked', heard(BEFORE)),
    stored('since', 'ConsentRevoked', heard(SINCE)),
    stored('undated', 'ConsentRevoked', heard()),
    stored('no metadata', 'ConsentRevoked', 'no JSON'),
    stored('of a later version', 'ConsentTransferred', heard(BEFORE)),
  ];
  const position = 'ledger.9';
  const published: string[] = [];
  const send = async (batch: readonly Telling[]) => {
    published.push(...batch.filter(({ record }) => record.topic.includes('optouts')).map(({ about }) => about.eventId));
    return [];
  };
  const nothing = () => undefined;
  await republishUntil(wishRepublish(database, { since: SINCE }), {
    store: {
      ledgerId: 'ledger',
      head: async () => position,
      readAll: async () => ({ events, position, atEnd: true }),
    },
    copy: { rowsAt: async (_: unknown, ids: readonly string[]) => ({ position, rows: ids.map(nothing) }) },
    tellings: new Tellings({ ledgerId: 'ledger', publisherEpoch: epoch }, { partitionOf: () => 0 }),
    ...{ sender: { send }, progress: { standBehind: nothing }, besides: [], batches: { records: 10, bytes: 100_000 } },
    ...{ states: { publishAgain: async () => undefined }, parked: { release: nothing } },
  });
  expect(published).toEqual(['since', 'undated', 'no metadata', 'of a later version']);
});
