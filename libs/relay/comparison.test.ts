import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TOPICS } from '#contracts';
import { endsOf } from './comparison.js';
import { RelayDatabase } from './relay-database.js';

const OPT_OUTS = TOPICS.optouts.topic;
const NEVER = new AbortController().signal;

let dataDir: string;
let database: RelayDatabase;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'comparison-'));
  database = new RelayDatabase(join(dataDir, 'relay.db'));
  const epoch = database.takeLease('one', database.lease(), 1) as number;
  database.save(epoch, 'optouts', { offsets: [{ topic: OPT_OUTS, partition: 0, nextOffset: '7' }] });
});
afterEach(() => {
  database.close();
  rmSync(dataDir, { recursive: true });
});

/** A cluster whose topic of opt-outs ends at each of these in turn, and at the last for ever. */
function ending(...highs: readonly string[]) {
  let looks = 0;
  const ends = async (topic: string) => {
    const high = topic === OPT_OUTS ? highs[Math.min(looks++, highs.length - 1)] : '0';
    return [{ partition: 0, low: '0', high: high ?? '0' }];
  };
  return { ends };
}

const highOf = async (cluster: ReturnType<typeof ending>) =>
  (await endsOf(cluster, database, NEVER)).get(OPT_OUTS)?.[0]?.high;

describe('what the topics hold', () => {
  it('is looked at once where nothing is missing', async () => {
    expect(await highOf(ending('7', '9'))).toBe('7');
  });

  it('is looked at again where less is there than was written: a new leader knows it only after a while', async () => {
    expect(await highOf(ending('5', '6', '7'))).toBe('7');
  });

  it('is believed in the end', async () => {
    expect(await highOf(ending('5'))).toBe('5');
  });

  it('is not waited for by a relay that is closed', async () => {
    await expect(endsOf(ending('5'), database, AbortSignal.timeout(10))).rejects.toThrow();
    const silent = { ends: () => new Promise<never>(() => undefined) };
    await expect(endsOf(silent, database, AbortSignal.timeout(10))).rejects.toThrow();
  });
});
