import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { RelayDatabase } from './relay-database.js';
import { republishAsWished, type RepublishOptions } from './republish.js';
import { advanceWish, progressOf, wishRepublish } from './wishes.js';

const LOOK_MS = 5;

it('a wish that another ledger interrupted is refused, and keeps none behind it waiting', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'republish-'));
  const database = new RelayDatabase(join(dataDir, 'relay.db'));
  const epoch = database.takeLease('one', database.lease(), 1) as number;
  const running = { state: 'running', events: 7 } as const;
  const whole = wishRepublish(database, {});
  advanceWish(database, epoch, { ...running, id: whole, reached: 'lost.5', until: 'lost.9' });
  const ofOne = wishRepublish(database, { recipientId: 'somebody' });
  advanceWish(database, epoch, { ...running, id: ofOne, until: 'lost.9' });
  const wishes = [whole, ofOne, wishRepublish(database, { from: 'lost.1' })];
  const over = new AbortController();
  const errors: unknown[] = [];
  // Nothing else is asked for: the ledger's id tells that none of them is about it.
  const options = { database, epoch, store: { ledgerId: 'restored' }, onError: (error: unknown) => errors.push(error) };
  const ended = republishAsWished({ ...options, signal: over.signal } as unknown as RepublishOptions);
  const states = () => wishes.map((id) => progressOf(database, id)?.state);
  while (states().at(-1) !== 'refused' && errors.length === 0) await pause(LOOK_MS);
  over.abort();
  await ended;
  expect(errors).toEqual([]);
  expect(states()).toEqual(['refused', 'refused', 'refused']);
  database.close();
  rmSync(dataDir, { recursive: true });
});
