import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HEARD } from './comparison.js';
import { ForeignRecords } from './foreign-records.js';
import { LaneProgress } from './progress.js';
import type { Cluster, OutgoingRecord, TailStart } from './publisher.js';
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

/** Notes from where it is read, and answers with the last record that is wanted. */
function cluster() {
  const reads: (readonly TailStart[])[] = [];
  let isRead: () => void = () => undefined;
  const wasRead = new Promise<void>((resolve) => (isRead = resolve));
  const tail: Cluster['tail'] = async (topic, from, handler) => {
    reads.push(from);
    isRead();
    await handler([{ topic, partition: 0, offset: '1000', key: undefined, headers: {}, value: null }]);
  };
  const ends = () => new Promise<never>(() => undefined);
  return { reads, wasRead, ends, tail };
}

/** `heard` and `highs` of each partition. */
function foreignRecords(heard: readonly string[], highs: readonly string[], from: Pick<Cluster, 'ends' | 'tail'>) {
  const offsets = heard.map((nextOffset, partition) => ({ topic: TOPIC, partition, nextOffset }));
  database.save(epoch, HEARD, { offsets });
  const onProblem = () => undefined;
  return new ForeignRecords({
    ...{ topic: TOPIC, cluster: from, epoch, signal: stopping.signal },
    heard: new LaneProgress({ database, epoch, lane: HEARD, onProblem }),
    ends: highs.map((high, partition) => ({ partition, low: '0', high })),
    isKey: () => true,
    heal: async () => undefined,
    onHealed: () => undefined,
    onNobodys: () => undefined,
    onError: (error) => {
      throw error;
    },
  });
}

const record = (partition: number): OutgoingRecord => ({
  ...{ topic: TOPIC, partition, key: 'a', headers: {}, value: Buffer.alloc(0) },
});

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
    foreign.wrote([{ topic: TOPIC, partition: 0, nextOffset: '8' }], [record(0)]);
    expect(kafka.reads).toEqual([]);
    foreign.wrote([{ topic: TOPIC, partition: 0, nextOffset: '10' }], [record(0)]);
    await kafka.wasRead;
    await end(foreign);
    expect(kafka.reads).toEqual([[{ partition: 0, offset: '8' }]]);
    expect(database.offsets(HEARD)).toMatchObject([{ nextOffset: '10' }]);
  });
});
