import { Presets, SingleBar } from 'cli-progress';
import { openEventStoreDb, openSqliteStore, type EventStore } from '#event-store';
import type { Config } from '#platform';
import { openPostgres } from '#postgres';
import { rebuildPostgresView, rebuildView, type RebuildProgress, type Rebuilt } from '#view';
import { optionsOf, print, readSettings } from './keeping/tool.js';

const USAGE = 'npm run view:rebuild (it takes no options: which ledger and which view the environment says)';

/**
 * `npm run view:rebuild`: makes the view anew from the ledger of `DATA_DIR` or `EVENTSTORE_URL`, in `DATA_DIR` or
 * `DATABASE_URL`, also beside running processes, which go on answering from the old one and take the new one up by themselves.
 */
async function main(): Promise<void> {
  optionsOf([], USAGE);
  const config = readSettings();
  const { dataDir, eventStore } = config;
  const remote = eventStore && { url: eventStore.url, readOnly: true };
  const store = await (remote ? openEventStoreDb(remote) : openSqliteStore({ dataDir, readOnly: true }));
  const bar = new SingleBar(
    {
      format:
        'view:rebuild [{bar}] {percentage}% {value}/{total} positions, {perSecond} events/s, {eta_formatted} left',
      // Where no terminal shows the bar (a log, a pipe) a line is printed now and then instead.
      noTTYOutput: true,
      notTTYSchedule: 2_000,
    },
    Presets.shades_classic,
  );
  bar.start(1, 0, { perSecond: 0 });
  try {
    const rebuilt = await rebuild(config, store, (progress) => show(bar, progress));
    bar.stop();
    const rate = Math.round(rebuilt.events / Math.max(rebuilt.seconds, 0.001));
    print(`rebuilt: ${rebuilt.events} events in ${rebuilt.seconds.toFixed(1)} s (${rate}/s), at ${rebuilt.position}`);
  } finally {
    bar.stop();
    await store.close();
  }
}

async function rebuild(
  { dataDir, database }: Config,
  store: EventStore,
  onProgress: (progress: RebuildProgress) => void,
): Promise<Rebuilt> {
  if (database === undefined) return rebuildView({ store, dataDir, onProgress });
  const { url, schema, limits } = database;
  const postgres = openPostgres({ url, schema, limits });
  try {
    return await rebuildPostgresView({ store, postgres, onProgress });
  } finally {
    await postgres.close();
  }
}

function show(bar: SingleBar, { done, total, perSecond }: RebuildProgress): void {
  bar.setTotal(total);
  bar.update(done, { perSecond: Math.round(perSecond) });
}

main().catch((error: unknown) => {
  process.stderr.write(`view:rebuild failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
