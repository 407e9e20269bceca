import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HEARD } from './comparison.js';
import { LaneProgress } from './progress.js';
import { RecordsLost, type Stored } from './publisher.js';
import { RelayDatabase } from './relay-database.js';

let dataDir: string;
let database: RelayDatabase;
let epoch: number;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'progress-'));
  database = new RelayDatabase(join(dataDir, 'relay.db'));
  epoch = database.takeLease('one', database.lease(), 1) as number;
});
afterEach(() => {
  database.close();
  rmSync(dataDir, { recursive: true });
});

const onProblem = (error: unknown) => {
  throw error;
};
const progress = () => new LaneProgress({ database, epoch, lane: 'optouts', onProblem });
const stored = (firstOffset: string, nextOffset: string): Stored => ({
  ...{ topic: 'some', partition: 0, firstOffset, nextOffset },
});

describe('what a lane remembers of a partition', () => {
  it('ends where what was stored last does, also for the next term', () => {
    const one = progress();
    one.note([stored('0', '2')]);
    one.note([stored('2', '3')]);
    one.save('ledger.7');
    expect([progress().offsetOf('some', 0), progress().checkpoint]).toEqual(['3', 'ledger.7']);
  });

  it('does not hold of one that was made anew, however much stands in it by then', () => {
    const one = progress();
    one.note([stored('0', '2')]);
    one.save('ledger.7');
    for (const next of ['1', '2', '9']) expect(() => progress().note([stored('0', next)])).toThrow(RecordsLost);
    expect(progress().offsetOf('some', 0)).toBe('2');
  });

  it('is forgotten for good, whatever of the term is saved after that', () => {
    const one = progress();
    one.note([stored('0', '2')]);
    one.save('ledger.7');
    one.note([stored('2', '3')]);
    one.forget();
    one.save('ledger.8');
    expect([progress().offsetOf('some', 0), progress().checkpoint]).toEqual([undefined, undefined]);
  });

  it('is forgotten of the states with what was heard of others', () => {
    const of = (lane: string) => new LaneProgress({ database, epoch, lane, onProblem });
    for (const lane of ['state', HEARD]) database.save(epoch, lane, { offsets: [stored('0', '2')] });
    of('state').forget();
    expect([of('state').offsetOf('some', 0), of(HEARD).offsetOf('some', 0)]).toEqual([undefined, undefined]);
  });

  it('is what another who writes there must stand behind, too', () => {
    const [lane, other] = [progress(), new LaneProgress({ database, epoch, lane: 'other', onProblem })];
    lane.note([stored('0', '5')]);
    other.standBehind([lane]);
    other.note([stored('5', '9')]);
    other.standBehind([lane]);
    expect(() => other.note([stored('8', '9')])).toThrow(RecordsLost);
    expect(lane.offsetOf('some', 0)).toBe('5');
  });
});
