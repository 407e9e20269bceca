/**
 * The floors of a rebuild: the same ledger read from end to end and nothing made of it, in a process of its own. By
 * pages, as every follower reads it, or by SQLite's own scan of the table.
 */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { openSqliteStore, type Position } from '#event-store';

export interface ScanOrder {
  readonly dataDir: string;
  readonly by: 'pages' | 'sqlite';
}

export interface Scanned {
  readonly events: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** As a rebuild takes them. */
const PAGE_EVENTS = 4_096;

async function scanPages(dataDir: string): Promise<Omit<Scanned, 'seconds'>> {
  const store = await openSqliteStore({ dataDir, readOnly: true });
  let [events, bytes] = [0, 0];
  let from: Position | undefined;
  for (let atEnd = false; !atEnd;) {
    const page = await store.readAll({ limit: PAGE_EVENTS, ...(from === undefined ? {} : { from }) });
    for (const { data, metadata } of page.events) bytes += data.length + metadata.length;
    events += page.events.length;
    ({ position: from, atEnd } = page);
  }
  await store.close();
  return { events, bytes };
}

function scanTable(dataDir: string): Omit<Scanned, 'seconds'> {
  const db = new Database(join(dataDir, 'ledger.db'), { readonly: true, fileMustExist: true });
  const scan = db.prepare<[], [Buffer, Buffer]>('SELECT data, metadata FROM events ORDER BY n').raw();
  let [events, bytes] = [0, 0];
  for (const [data, metadata] of scan.iterate()) {
    events += 1;
    bytes += data.length + metadata.length;
  }
  db.close();
  return { events, bytes };
}

process.once('message', ({ dataDir, by }: ScanOrder) => {
  const began = performance.now();
  const scanned = by === 'pages' ? scanPages(dataDir) : Promise.resolve(scanTable(dataDir));
  scanned.then(
    (read) => process.send?.({ ...read, seconds: (performance.now() - began) / 1_000 }, () => process.disconnect()),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
