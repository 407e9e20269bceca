import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openPostgres, type Postgres } from '#postgres';
import { until } from '../../../test/faults/until.js';
import { removePostgresServers, startPostgres, type PostgresServer } from '../../../test/postgres/server.js';
import { KeptMemory, type RelayMemory } from '../memory.js';
import { RelayDatabase } from '../relay-database.js';
import { MemoryTable } from './memory-table.js';

const OFFSETS = [{ topic: 'consent.optouts.v1', partition: 3, nextOffset: '17' }];
const PARKED = ['r1', 'e1', 'consent-r1', '4', 'mapping', '2026-05-01T12:00:00.000Z'];

let server: PostgresServer;
let postgres: Postgres;
let table: MemoryTable;
let dataDir: string;
let schemas = 0;
let files: RelayDatabase[];
let problems: unknown[];
let taken: number;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => removePostgresServers());
beforeEach(async () => {
  [files, problems, taken] = [[], [], 0];
  dataDir = mkdtempSync(join(tmpdir(), 'relay-memory-'));
  postgres = openPostgres({ url: server.url, schema: `relay_${(schemas += 1)}` });
  table = await MemoryTable.open(postgres, 'ledger');
});
afterEach(async () => {
  for (const file of files) file.close();
  rmSync(dataDir, { recursive: true });
  await postgres.close();
});

/** The file of a relay on another machine. */
function newFile(): RelayDatabase {
  const file = new RelayDatabase(join(dataDir, `relay-${files.length}.db`));
  files.push(file);
  return file;
}

/** Takes the lease, and comes so far under it. */
function publishes(file: RelayDatabase, position: string): number {
  const epoch = file.takeLease('somebody', file.lease(), 0) as number;
  file.save(epoch, 'optouts', { position, offsets: OFFSETS });
  return epoch;
}

const LEFT = { name: 'left', text: 'SELECT memory FROM relay_memory WHERE memory IS NOT NULL' };

/** What the next one would find. */
async function left(): Promise<RelayMemory | undefined> {
  const [row] = await postgres.query<[string]>(LEFT);
  return row && (JSON.parse(row[0]) as RelayMemory);
}

const options = (database: RelayDatabase) => ({
  database,
  onTaken: () => void (taken += 1),
  onProblem: (error: unknown) => void problems.push(error),
});
const begin = (database: RelayDatabase) => KeptMemory.begin({ ...options(database), place: table });

describe('what a relay remembers', () => {
  it('is taken over by one with a file of its own, whose lease is then a later one', async () => {
    const [first, second] = [newFile(), newFile()];
    const one = await begin(first);
    for (let leases = 0; leases < 5; leases += 1) publishes(first, `ledger.${leases}`);
    first.connection.prepare('INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?)').run(...PARKED);
    await one.close();
    const other = await begin(second);
    expect(second.checkpoint('optouts')).toBe('ledger.4');
    expect(second.offsets('optouts')).toEqual(OFFSETS);
    expect(second.memory().parked).toEqual([PARKED]);
    expect(second.takeLease('another', second.lease(), 0)).toBe(6);
    await other.close();
  });

  it('is left while the relay runs, not only at its end', async () => {
    const first = newFile();
    const one = await begin(first);
    publishes(first, 'ledger.7');
    await until('it is kept', async () => (await left())?.checkpoints.length === 1 || undefined);
    expect((await left())?.checkpoints).toEqual([['optouts', 'ledger.7']]);
    await one.close();
  });

  it('is taken over also by a file of its own that nobody knows to be newer', async () => {
    const [first, second] = [newFile(), newFile()];
    for (let leases = 0; leases < 9; leases += 1) publishes(second, 'ledger.3');
    const one = await begin(first);
    publishes(first, 'ledger.7');
    await one.close();
    const other = await begin(second);
    expect(second.checkpoint('optouts')).toBe('ledger.7');
    expect(second.lease().epoch).toBe(9);
    await other.close();
  });

  it('stays that of the file where none was left', async () => {
    const file = newFile();
    publishes(file, 'ledger.7');
    const one = await begin(file);
    expect(file.checkpoint('optouts')).toBe('ledger.7');
    await one.close();
  });

  it('is not written over by a relay that lost its lease and does not know yet', async () => {
    const [first, second] = [newFile(), newFile()];
    const one = await begin(first);
    publishes(first, 'ledger.7');
    await until('it is kept', async () => (await left())?.checkpoints.length === 1 || undefined);
    const other = await KeptMemory.begin({ ...options(second), place: await MemoryTable.open(postgres, 'ledger') });
    publishes(second, 'ledger.8');
    await other.close();
    // Its own lease it may take anew, and be none the wiser.
    publishes(first, 'ledger.5');
    publishes(first, 'ledger.5');
    await until('it is told that it was taken', () => taken > 0 || undefined);
    await one.close();
    expect(taken).toBe(1);
    expect(await left()).toMatchObject({ checkpoints: [['optouts', 'ledger.8']] });
    expect(await table.save(first.memory())).toBe(false);
  });

  it('is that of its own ledger alone', async () => {
    const one = await begin(newFile());
    publishes(files[0] as RelayDatabase, 'ledger.7');
    await one.close();
    expect(await (await MemoryTable.open(postgres, 'another')).take()).toBeUndefined();
  });

  it('that cannot be kept is told of once, and holds nobody up', async () => {
    const file = newFile();
    const one = await begin(file);
    await postgres.close();
    publishes(file, 'ledger.7');
    await until('it is told', () => problems.length > 0 || undefined);
    publishes(file, 'ledger.8');
    await one.close();
    expect(problems).toHaveLength(1);
    expect(file.checkpoint('optouts')).toBe('ledger.8');
  });
});
