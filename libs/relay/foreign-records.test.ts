import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HEARD } from './comparison.js';
import { ForeignRecords, type ForeignOptions } from './foreign-records.js';
import { LaneProgress } from './progress.js';
import type { Cluster, IncomingRecord, Stored, TailStart } from './publisher.js';
import { RelayDatabase } from './relay-database.js';

const TOPIC = 'some';

let dataDir: string;
let database: RelayDatabase;
let epoch: number;
let stopping: AbortController;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'foreign-'));
  database = new RelayDatabase(join(dataDir, 'relay.db'));
  epoch = database.takeLease('one', database.lease(), 1) as number;
  stopping = new AbortController();
});
afterEach(() => {
  database.close();
  rmSync(dataDir, { recursive: true });
});

const ends = () => new Promise<never>(() => undefined);
const FAR = '1000';

/** Notes from where it is read, and answers with these, and that it ends far behind them. */
function cluster(records: readonly IncomingRecord[] = []) {
  const reads: (readonly TailStart[])[] = [];
  let isRead: () => void = () => undefined;
  const wasRead = new Promise<void>((resolve) => (isRead = resolve));
  const tail: Cluster['tail'] = async (_topic, from, handler) => {
    reads.push(from);
    await handler(records, { partition: 0, offset: FAR });
    isRead();
  };
  return { reads, wasRead, ends, tail };
}

/** Of partition 0. */
const record = (offset: number, key: string): IncomingRecord => ({
  ...{ topic: TOPIC, partition: 0, offset: String(offset), key, headers: {}, value: null },
});
const stored = (partition: number, firstOffset: number, nextOffset: number): Stored => ({
  ...{ topic: TOPIC, partition, firstOffset: String(firstOffset), nextOffset: String(nextOffset) },
});

/** `heard` and `highs` of each partition. */
function foreignRecords(
  heard: readonly string[],
  highs: readonly string[],
  from: Pick<Cluster, 'ends' | 'tail'>,
  options: Partial<Pick<ForeignOptions, 'heal' | 'turnMs'>> = {},
) {
  const offsets = heard.map((nextOffset, partition) => ({ topic: TOPIC, partition, nextOffset }));
  database.save(epoch, HEARD, { offsets });
  const onProblem = () => undefined;
  return new ForeignRecords({
    ...{ topic: TOPIC, cluster: from, signal: stopping.signal },
    heard: new LaneProgress({ database, epoch, lane: HEARD, onProblem }),
    ends: highs.map((high, partition) => ({ partition, low: '0', high })),
    isKey: () => true,
    heal: async () => undefined,
    onHealed: () => undefined,
    onNobodys: () => undefined,
    onError: (error) => {
      throw error;
    },
    ...options,
  });
}

async function end(foreign: ForeignRecords): Promise<void> {
  stopping.abort(new Error('over'));
  await foreign.ended();
}

describe('what others wrote', () => {
  it('is read alone: of the other partitions nothing that they hold', async () => {
    const kafka = cluster();
    const foreign = foreignRecords(['5', '9', '3'], ['7', '9', '3'], kafka);
    await kafka.wasRead;
    await end(foreign);
    expect(kafka.reads).toEqual([
      [
        { partition: 0, offset: '5' },
        { partition: 1, offset: '9' },
        { partition: 2, offset: '3' },
      ],
    ]);
  });

  it('may be cut off again: what comes in its place is looked through like everything', async () => {
    const kafka = cluster();
    const foreign = foreignRecords(['9'], ['7'], kafka);
    foreign.wrote([stored(0, 7, 8)]);
    expect(kafka.reads).toEqual([]);
    foreign.wrote([stored(0, 9, 10)]);
    await kafka.wasRead;
    await end(foreign);
    expect(kafka.reads).toEqual([[{ partition: 0, offset: '8' }]]);
    expect(database.offsets(HEARD)).toMatchObject([{ nextOffset: '10' }]);
  });

  it('is put right, and so is what this relay wrote and was not told of; what it was told of is not', async () => {
    const kafka = cluster([record(3, 'late'), record(4, 'a'), record(5, 'b'), record(6, 'other'), record(7, 'c')]);
    const healed: string[] = [];
    const heal = async (keys: readonly string[]) => void healed.push(...keys);
    const foreign = foreignRecords(['3'], ['7'], kafka, { heal });
    // The ends were asked for while this was on its way.
    foreign.wrote([stored(0, 4, 6)]);
    foreign.wrote([stored(0, 7, 8)]);
    await kafka.wasRead;
    await end(foreign);
    expect(healed).toEqual(['late', 'other']);
    expect(database.offsets(HEARD)).toMatchObject([{ nextOffset: '8' }]);
  });

  it('may end in the marks of a transaction, which bring no record', async () => {
    const kafka = cluster();
    const foreign = foreignRecords(['5'], ['7'], kafka);
    await kafka.wasRead;
    await end(foreign);
    expect(kafka.reads).toHaveLength(1);
    expect(database.offsets(HEARD)).toMatchObject([{ nextOffset: '7' }]);
  });

  it('holds nobody up where it cannot be read to its end, and goes on where it was', async () => {
    const reads: (string | undefined)[][] = [];
    let isRead: () => void = () => undefined;
    const wasRead = new Promise<void>((resolve) => (isRead = resolve));
    const tail: Cluster['tail'] = async (_topic, from, handler, signal) => {
      reads.push(from.map(({ offset }) => offset));
      if (reads.length === 3) isRead();
      if (reads.length === 2) return handler([], { partition: 1, offset: FAR });
      await handler([], { partition: 0, offset: '6' });
      if (!signal.aborted) await once(signal, 'abort');
    };
    const foreign = foreignRecords(['5', '5'], ['7', '7'], { ends, tail }, { turnMs: 1 });
    await wasRead;
    await end(foreign);
    expect(reads.slice(0, 3)).toEqual([
      ['5', '7'],
      ['7', '5'],
      ['6', '7'],
    ]);
  });
});
