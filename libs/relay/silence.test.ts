import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { HEARD } from './comparison.js';
import { ForeignRecords } from './foreign-records.js';
import { LaneProgress } from './progress.js';
import { RelayDatabase } from './relay-database.js';
import { watchTopics } from './topic-watch.js';
import { publishWatermarks, Reached, type WatermarkOptions } from './watermarks.js';

let dataDir: string;
let database: RelayDatabase;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'silence-'));
  database = new RelayDatabase(join(dataDir, 'relay.db'));
});
afterEach(() => {
  database.close();
  rmSync(dataDir, { recursive: true });
});

/** Something that is asked and never answers. */
function silent() {
  let asked: () => void = () => undefined;
  const wasAsked = new Promise<void>((resolve) => (asked = resolve));
  const answer = () => {
    asked();
    return new Promise<never>(() => undefined);
  };
  return { wasAsked, answer };
}

const unexpected = (error: unknown) => {
  throw error;
};

it('nothing of a relay that stops waits for a broker that is silent', async () => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const [ofWatch, ofForeign] = [silent(), silent()];
  const epoch = database.takeLease('one', database.lease(), 1) as number;
  const watching = watchTopics({
    ...{ cluster: { ends: ofWatch.answer }, database, signal },
    fail: unexpected,
    onError: unexpected,
  });
  const foreign = new ForeignRecords({
    ...{ topic: 'some', cluster: { ends: ofForeign.answer, tail: ofForeign.answer }, signal },
    heard: new LaneProgress({ database, epoch, lane: HEARD, onProblem: unexpected }),
    ...{ ends: [], isKey: () => true, heal: async () => undefined },
    ...{ onHealed: unexpected, onNobodys: unexpected, onError: unexpected },
  });
  await Promise.all([ofWatch.wasAsked, ofForeign.wasAsked]);
  stopping.abort(new Error('over'));
  await expect(Promise.all([watching, foreign.ended()])).resolves.toBeDefined();
}, 30_000);

it('nor for a ledger that is', async () => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const ledger = silent();
  const proving = publishWatermarks({
    ...{ store: { head: ledger.answer }, clock: { now: () => 0 }, reached: new Reached(undefined), signal },
    onError: unexpected,
  } as unknown as WatermarkOptions);
  await ledger.wasAsked;
  stopping.abort(new Error('over'));
  await expect(proving).resolves.toBeUndefined();
}, 30_000);
