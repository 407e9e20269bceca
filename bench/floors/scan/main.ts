/**
 * A ledger read from end to end and nothing made of it, in a process of its own. By pages, as every follower reads it,
 * from the embedded store or through EventStoreDB's protocol; or by SQLite's own scan of the table.
 */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { openEventStoreDb, openSqliteStore, type EventStore, type Position } from '#event-store';

export type ScanOrder =
  { readonly by: 'pages' | 'sqlite'; readonly dataDir: string } | { readonly by: 'eventstoredb'; readonly url: string };

export interface Scanned {
  readonly events: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** As a rebuild takes them. */
const PAGE_EVENTS = 4_096;

type Read = Omit<Scanned, 'seconds'>;

async function scanPages(store: EventStore): Promise<Read> {
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

function scanTable(dataDir: string): Read {
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

async function scan(order: ScanOrder): Promise<Read> {
  switch (order.by) {
    case 'pages':
      return scanPages(await openSqliteStore({ dataDir: order.dataDir, readOnly: true }));
    case 'eventstoredb':
      return scanPages(await openEventStoreDb({ url: order.url }));
    case 'sqlite':
      return scanTable(order.dataDir);
  }
}

process.once('message', (order: ScanOrder) => {
  const began = performance.now();
  scan(order).then(
    (read) => process.send?.({ ...read, seconds: (performance.now() - began) / 1_000 }, () => process.disconnect()),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
